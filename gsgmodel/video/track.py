"""What is known of a track's frames: how many there are, when they are shown, and what to decode to get them.

Two ways to know: ``indexed.IndexedTrack`` by the container's index, ``listed.ListedTrack`` by all packets. Both find a
frame by its rank in order of display.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from av.video.stream import VideoStream
from jaxtyping import Float64

from gsgmodel.video.container import VideoPacket


class MistrustError(Exception):
    """The shortcut taken for this track does not lead to the wanted frames; a slower way may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of packets to decode in one go, from one that depends on nothing before it."""

    packets: Iterable[VideoPacket]
    """In decoding order."""
    targets: dict[int, int]
    """Rank of each wanted frame, by its time stamp in the track's ticks or, with ``by_count``, by its place among
    the frames that come out."""
    by_count: bool = False
    from_start: bool = False
    """Whether the stretch begins with the track's first packet."""


@runtime_checkable
class Track(Protocol):
    """What both kinds of track offer."""

    time_s: Float64[np.ndarray, "N"]
    """When each frame is shown, from the first one; ascending."""
    duration_s: float

    def spans(self, ranks: tuple[int, ...]) -> Iterator[Span]:
        """Yield what must be decoded for frames of these ranks, ascending, in order."""

    def frame_time_s(self, rank: int, pts: int | None) -> float:
        """Return when a decoded frame is shown, from the track's first frame."""


def shown_duration_s(time_s: Float64[np.ndarray, "N"], *, frame_s: float) -> float:
    """Return the time from the first to the end of the last frame.

    Args:
        time_s: When each frame is shown, ascending.
        frame_s: How long a frame is shown where there is only one; else the mean gap between frames counts.
    """
    if len(time_s) <= 1:
        return frame_s
    return float(time_s[-1] - time_s[0]) * len(time_s) / (len(time_s) - 1)


def nominal_frame_s(stream: VideoStream) -> float:
    """Return how long the stream says that a frame is shown; 0 if it does not say."""
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate else 0.0
