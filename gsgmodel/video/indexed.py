"""A track by the index of an MP4 or MOV file: only groups of pictures that hold a wanted frame are read."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby

import numpy as np
from av.video.stream import VideoStream

from gsgmodel.errors import TooLargeError
from gsgmodel.video.container import VideoPacket
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.source import CountedSource
from gsgmodel.video.track import MistrustError, Span, nominal_frame_s, shown_duration_s

MAX_TOP_LEVEL_BOXES = 64
"""An MP4 file with more boxes than this at its top is taken for fragmented."""
FFMPEG_READ_BYTES = 1 << 15
"""Of PyAV's buffer: FFmpeg may read so far beyond a packet."""
MAX_EXPECTED = 4096
"""Groups that the source is told of; of a video with more the others are read as they come."""
BOX_HEADER_BYTES = 8
"""Size and name; a box cannot be smaller."""


def is_fragmented(source: CountedSource) -> bool:
    """Whether an MP4 file holds fragments, whose frames its index does not list before they are read.

    Only the headers of its outermost boxes are read (ISO/IEC 14496-12, 4.2); the source's position stays.
    """
    position = source.tell()
    names = _top_level_boxes(source)
    source.seek(position)
    return names is None or b"moof" in names


def _top_level_boxes(source: CountedSource) -> list[bytes] | None:
    """Return the names of a file's outermost boxes, or ``None`` if there are too many."""
    names: list[bytes] = []
    start = 0
    while start + BOX_HEADER_BYTES <= source.size_bytes:
        if len(names) == MAX_TOP_LEVEL_BOXES:
            return None
        source.seek(start)
        header = source.read(2 * BOX_HEADER_BYTES)
        size = int.from_bytes(header[:4], "big")
        names.append(header[4:8])
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        if size < BOX_HEADER_BYTES:
            break
        start += size
    return names


class IndexedTrack:
    """A track by its container's index.

    The rank of a frame in order of display is that of its entry, except within its group of pictures, where the
    packets' own time stamps decide. Times of frames before they are decoded come from decoding times, which differ
    from those of display by a constant (and, where frames are not evenly spaced, by a few frames): this moves at
    most the border between two windows; the times of sampled frames are exact.

    Args:
        stream: Of an MP4 or MOV container whose index can be trusted (``has_trusted_index``).
        first_pts: Of the first frame shown.
        reread: Returns packets from the key that is shown at a time, or an earlier one, onwards.
        expect: Told the ranges ``(start, stop)`` of the file that will be read.
        limits: Bounds on frames and on packets kept.

    Raises:
        TooLargeError: The index lists too many frames.
        MistrustError: Its decoding times do not ascend, or it lists frames that are not shown.
    """

    def __init__(
        self,
        stream: VideoStream,
        *,
        first_pts: int,
        reread: Callable[[int], Iterator[VideoPacket]],
        expect: Callable[[Sequence[tuple[int, int]]], None],
        limits: DecodeLimits,
    ) -> None:
        num = len(stream.index_entries)
        if num > limits.max_frames:
            raise TooLargeError(f"{num} frames in the track exceed {limits.max_frames}")
        self._dts = np.empty(num, dtype=np.int64)
        keys = [0]
        for i, entry in enumerate(stream.index_entries):
            self._dts[i] = entry.timestamp
            if entry.is_keyframe and i:
                keys.append(i)
            if entry.is_discard or not entry.size:
                raise MistrustError("the index lists frames that are not shown")
        if np.any(np.diff(self._dts) <= 0):
            raise MistrustError("decoding times do not ascend")
        self._starts = np.asarray([*keys, num])
        self._first_pts = first_pts
        self._delay = first_pts - int(self._dts[0])
        self._entries = stream.index_entries
        self._reread, self._tell = reread, expect
        self._max_kept_bytes = limits.max_kept_bytes
        self._tick_s = float(stream.time_base or Fraction(0))
        self.time_s = (self._dts - self._dts[0]) * self._tick_s
        self.duration_s = shown_duration_s(self.time_s, frame_s=nominal_frame_s(stream))

    def frame_time_s(self, rank: int, pts: int | None) -> float:
        """Return when a decoded frame is shown, from the track's first frame."""
        return self.time_s[rank] if pts is None else (pts - self._first_pts) * self._tick_s

    def spans(self, ranks: tuple[int, ...]) -> Iterator[Span]:
        """Yield one span for each group of pictures that holds a wanted frame.

        A frame that is shown before the key of its group (an open group) also refers to the group before.
        The source is told of all these groups first. ``MistrustError`` if the container does not lead to a group, or a
        group is too large to be kept.
        """
        self._expect(sorted({self._group_of(rank) for rank in ranks})[:MAX_EXPECTED])
        for number, members in groupby(ranks, key=self._group_of):
            packets = self._group(number)
            order = sorted(packet.pts for packet in packets if packet.pts is not None)
            start = int(self._starts[number])
            targets = {order[rank - start]: rank for rank in members if rank - start < len(order)}
            if not targets:
                continue
            key_pts = packets[0].pts
            if number and key_pts is not None and min(targets) < key_pts:
                packets = [*self._group(number - 1), *packets]
            yield Span(packets=packets, targets=targets, from_start=packets[0].dts == int(self._dts[0]))

    def _group_of(self, rank: int) -> int:
        return int(np.searchsorted(self._starts, rank, "right")) - 1

    def _expect(self, numbers: list[int]) -> None:
        """Tell the source where groups lie, as far as the index has them one after the other."""
        ranges: list[tuple[int, int]] = []
        for number in numbers:
            first, last = (self._entries[int(place)] for place in (self._starts[number], self._starts[number + 1] - 1))
            start, stop = first.pos, last.pos + last.size + FFMPEG_READ_BYTES
            if ranges and start <= ranges[-1][1] < stop:
                ranges[-1] = (ranges[-1][0], stop)
            elif 0 <= start < stop and (not ranges or start > ranges[-1][1]):
                ranges.append((start, stop))
        self._tell(ranges)

    def _group(self, number: int) -> list[VideoPacket]:
        first, end = self._starts[number], self._starts[number + 1]
        end_dts = self._dts[end] if end < len(self._dts) else None
        group: list[VideoPacket] = []
        size_bytes = 0
        # FFmpeg takes the time to seek to for one of display and moves it back by the delay of reordering.
        for packet in self._reread(int(self._dts[first]) + self._delay):
            if packet.dts is None:
                raise MistrustError("a packet without a decoding time")
            if end_dts is not None and packet.dts >= end_dts:
                break
            if packet.dts < self._dts[first]:
                continue
            group.append(packet)
            size_bytes += packet.size
            if size_bytes > self._max_kept_bytes:
                raise MistrustError("the group of pictures is too large to be kept")
            # The next packet is the key of the next group, which may lie where nothing else is wanted.
            if len(group) == end - first:
                break
        if group and group[0].dts != self._dts[first]:
            raise MistrustError("the group of pictures does not begin where the index says")
        return group
