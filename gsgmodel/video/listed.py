"""A track by all of its packets, read in order once: where there is no index that can be trusted."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from gsgmodel.errors import TooLargeError
from gsgmodel.video.container import VideoPacket
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.track import Span, shown_duration_s

_KEY, _SHOWN = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All packets of a track, as far as they matter for finding frames; decoding order."""

    pts: Int64[np.ndarray, "P"]
    """Meaningless where ``has_pts`` is false."""
    is_key: Bool[np.ndarray, "P"]
    is_shown: Bool[np.ndarray, "P"]
    """False where an edit list leaves the frame out."""
    has_pts: bool
    """Whether every shown packet has a time stamp of its own, different from all others."""
    kept: tuple[VideoPacket, ...] | None
    """The packets themselves, if they are few enough to be kept."""


def list_packets(packets: Iterable[VideoPacket], *, limits: DecodeLimits) -> Listing:
    """Go through all packets of a track.

    Raises:
        TooLargeError: There are more than ``limits.max_frames``.
    """
    pts, flags = array("q"), array("b")
    kept: list[VideoPacket] | None = []
    size_bytes, has_pts = 0, True
    for packet in packets:
        if len(pts) == limits.max_frames:
            raise TooLargeError(f"more than {limits.max_frames} frames in the track")
        pts.append(0 if packet.pts is None else packet.pts)
        flags.append(_KEY * packet.is_keyframe + _SHOWN * (not packet.is_discard))
        has_pts &= packet.pts is not None
        size_bytes += packet.size
        if kept is not None:
            kept.append(packet)
            if size_bytes > limits.max_kept_bytes:
                kept = None
    values, marks = np.array(pts, dtype=np.int64), np.array(flags, dtype=np.int8)
    is_shown = marks & _SHOWN > 0
    return Listing(
        pts=values,
        is_key=marks & _KEY > 0,
        is_shown=is_shown,
        has_pts=has_pts and len(np.unique(values[is_shown])) == int(is_shown.sum()),
        kept=None if kept is None else tuple(kept),
    )


def keys_stand_alone(listing: Listing) -> bool:
    """Whether decoding may begin at any key: everything before it in the file is also shown before it."""
    if not listing.has_pts:
        return False
    latest = np.maximum.accumulate(listing.pts)
    at = np.flatnonzero(listing.is_key)
    at = at[at > 0]
    return bool(np.all(latest[at - 1] < listing.pts[at]))


class ListedTrack:
    """A track by all of its packets.

    Frames are found by time stamp if every packet has its own; else by counting what comes out of the decoder, in
    order from the start, and their times are evenly spaced.

    Args:
        listing: All packets.
        reread: Returns them once more, in order from the start.
        tick_s: Length of a tick of the time stamps.
        frame_s: How long a frame is shown, where time stamps do not say.
        restarts: Whether decoding may begin at a key other than the first.
        by_time: Whether time stamps may be believed.
    """

    def __init__(
        self,
        listing: Listing,
        *,
        reread: Callable[[], Iterator[VideoPacket]],
        tick_s: float,
        frame_s: float,
        restarts: bool,
        by_time: bool,
    ) -> None:
        shown = np.flatnonzero(listing.is_shown)
        self._by_count = not (by_time and listing.has_pts)
        self._pts = listing.pts
        self._by_rank = shown if self._by_count else shown[np.argsort(listing.pts[shown], kind="stable")]
        self._keys = np.flatnonzero(listing.is_key)
        self._restarts = restarts and keys_stand_alone(listing) and len(self._keys) > 0 and not self._by_count
        self._kept = listing.kept
        self._reread = reread
        self._tick_s = tick_s
        if self._by_count:
            self.time_s = np.arange(len(shown)) * frame_s
        else:
            ticks = self._pts[self._by_rank]
            self.time_s = (ticks - ticks[:1]) * tick_s
        self.duration_s = shown_duration_s(self.time_s, frame_s=frame_s)

    def frame_time_s(self, rank: int, pts: int | None) -> float:  # noqa: ARG002
        """Return when a decoded frame is shown, from the track's first frame."""
        return float(self.time_s[rank])

    def spans(self, ranks: tuple[int, ...]) -> Iterator[Span]:
        """Yield spans that begin at the last key before a wanted frame; those that touch are one."""
        run = _Run(self._reread() if self._kept is None else self._kept)
        for first, wanted in self._stretches(ranks):
            run.skip_to(first)
            targets = {rank if self._by_count else int(self._pts[self._by_rank[rank]]): rank for rank in wanted}
            yield Span(packets=run, targets=targets, by_count=self._by_count, from_start=first == 0)

    def _stretches(self, ranks: tuple[int, ...]) -> list[tuple[int, list[int]]]:
        """Return the first packet of each span, and the ranks wanted from it."""
        stretches: list[tuple[int, list[int]]] = []
        last = -1
        for rank in ranks:
            packet = int(self._by_rank[rank])
            first = self._safe_start(packet) if self._restarts else 0
            if stretches and first <= last:
                stretches[-1][1].append(rank)
            else:
                stretches.append((first, [rank]))
            last = max(last, packet)
        return stretches

    def _safe_start(self, packet: int) -> int:
        """Return the key that a packet depends on; for one that is shown before its key, the key before that."""
        number = int(np.searchsorted(self._keys, packet, side="right")) - 1
        if number > 0 and self._pts[packet] < self._pts[self._keys[number]]:
            number -= 1
        return int(self._keys[number]) if number > 0 else 0


class _Run:
    """Packets in order, taken up again where the last reader stopped."""

    def __init__(self, packets: Iterable[VideoPacket]) -> None:
        self._packets = iter(packets)
        self._next = 0

    def __iter__(self) -> Iterator[VideoPacket]:
        for packet in self._packets:
            self._next += 1
            yield packet

    def skip_to(self, index: int) -> None:
        """Drop packets before ``index``."""
        while self._next < index and next(self._packets, None) is not None:
            self._next += 1
