"""The room's front door: a seekable binary file in, windows of sampled frames out."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from types import TracebackType
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, UInt8

from gsgmodel.errors import TooLargeError, UnreadableError
from gsgmodel.records import VideoInfo
from gsgmodel.video.limits import DecodeClock, DecodeLimits
from gsgmodel.video.sampling import Window, nearest_positions, plan_windows
from gsgmodel.video.session import Picture, Session
from gsgmodel.video.source import ByteSource, CountedSource

MIN_COVERAGE = Fraction(2, 3)
"""Share of the sampled frames that must decode, else a video is unreadable."""
_BYTES_PER_PIXEL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameWindow:
    """The sampled frames of one window."""

    start_s: float
    """From the video's first frame, half-open."""
    end_s: float
    time_s: Float64[np.ndarray, "N"]
    """When each of ``frames`` is shown, from the video's first frame."""
    frames: tuple[UInt8[np.ndarray, "H W 3"], ...]
    """RGB, upright, distinct, in order of display; of one size in all windows of a video."""
    positions: tuple[int, ...]
    """For each frame of the clip its index into ``frames``; one that did not decode takes the nearest that did."""
    frames_missing: int
    """Distinct sampled frames that did not decode."""


Hold = Callable[[int, UInt8[np.ndarray, "H W 3"]], UInt8[np.ndarray, "H W 3"]]
"""Keeps a frame of a window, by its place in it, until the next window is read."""


def as_it_is(_place: int, frame: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H W 3"]:
    """Return the frame: a ``Hold`` that keeps nothing elsewhere."""
    return frame


@runtime_checkable
class WindowReader(Protocol):
    """What is read of an open video, wherever it is decoded."""

    info: VideoInfo
    is_widened: bool
    """Whether ``max_clips`` made the windows longer than ``window_s``."""
    frames_decoded: int
    """Distinct sampled frames that decoded, in the windows read so far."""
    frames_missing: int
    """Distinct sampled frames that did not decode, in the windows read so far."""

    def read(self) -> Iterator[FrameWindow]:
        """Yield the windows in order, once; a window's frames are good until the next one is asked for."""
        ...


@runtime_checkable
class Opener(Protocol):
    """Opens videos; ``open_video`` is one, in this process."""

    def __call__(
        self, source: ByteSource, /, *, frames_per_clip: int, window_s: float, max_clips: int
    ) -> AbstractContextManager[WindowReader]:
        """Open a video; arguments and errors as of ``open_video``."""
        ...


class VideoReader:
    """An open video, a context manager; made by ``open_video``."""

    def __init__(
        self,
        file: ByteSource,
        *,
        frames_per_clip: int,
        window_s: float,
        max_clips: int,
        limits: DecodeLimits,
        hold: Hold = as_it_is,
    ) -> None:
        self.frames_decoded = 0
        """Distinct sampled frames that decoded, in the windows read so far."""
        self.frames_missing = 0
        """Distinct sampled frames that did not decode, in the windows read so far."""
        self._hold = hold
        self._clock = DecodeClock(max_s=limits.max_decode_s)
        with ExitStack() as stack, self._clock:
            self._source = CountedSource(
                file, clock=self._clock, max_bytes=limits.max_index_bytes, max_source_s=limits.max_source_s
            )
            self._session = Session(self._source, stack=stack, clock=self._clock, limits=limits)
            self.info = self._session.info
            self.windows: tuple[Window, ...] = plan_windows(
                self._session.track.time_s,
                self.info.duration_s,
                frames_per_clip=frames_per_clip,
                window_s=window_s,
                max_clips=max_clips,
            )
            self._check_memory(limits.max_window_bytes)
            self._stack = stack.pop_all()
        self._source.max_bytes = None
        self.is_widened = self.info.duration_s > window_s * max_clips
        """Whether ``max_clips`` made the windows longer than ``window_s``."""

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the container; the file stays open, it is the caller's."""
        self._stack.close()

    @property
    def bytes_read(self) -> int:
        """Bytes read from the source so far."""
        return self._source.bytes_read

    def read(self) -> Iterator[FrameWindow]:
        """Yield the windows in order, once; the frames of only one are held here.

        A window of which no frame decodes is left out. Ends with ``DecodeTimeoutError`` when the time is used up,
        and after the last window as ``check_coverage``.
        """
        ranks = tuple(rank for window in self.windows for rank in window.targets)
        pictures = self._session.pictures(ranks)
        ahead: list[Picture] = []
        for window in self.windows:
            with self._clock:
                found = self._collect(window, pictures, ahead)
            if found is not None:
                yield found
        self.check_coverage()

    def check_coverage(self) -> None:
        """Judge what was read so far.

        Raises:
            UnreadableError: Less than ``MIN_COVERAGE`` of the sampled frames decoded.
        """
        sampled = self.frames_decoded + self.frames_missing
        if self.frames_decoded < MIN_COVERAGE * sampled or not sampled:
            raise UnreadableError(f"only {self.frames_decoded} of {sampled} sampled frames decode")

    def _collect(self, window: Window, pictures: Iterator[Picture], ahead: list[Picture]) -> FrameWindow | None:
        """Take the window's pictures; one that belongs to a later window is left in ``ahead``."""
        found: list[Picture] = []
        while picture := (ahead.pop() if ahead else next(pictures, None)):
            if picture.rank > window.ranks[-1]:
                ahead.append(picture)
                break
            found.append(replace(picture, rgb=self._hold(len(found), picture.rgb)))
            if picture.rank == window.ranks[-1]:
                break
        missing = len(window.targets) - len(found)
        self.frames_decoded += len(found)
        self.frames_missing += missing
        if not found:
            return None
        return FrameWindow(
            start_s=window.start_s,
            end_s=window.end_s,
            time_s=np.array([picture.time_s for picture in found], dtype=np.float64),
            frames=tuple(picture.rgb for picture in found),
            positions=nearest_positions(window.ranks, tuple(picture.rank for picture in found)),
            frames_missing=missing,
        )

    def _check_memory(self, max_window_bytes: int) -> None:
        most = max((len(window.targets) for window in self.windows), default=0)
        needed = most * self.info.width_px * self.info.height_px * _BYTES_PER_PIXEL
        if needed > max_window_bytes:
            raise TooLargeError(f"the frames of one window take {needed} bytes, more than {max_window_bytes}")


def open_video(
    source: ByteSource,
    *,
    frames_per_clip: int = 12,
    window_s: float = 60.0,
    max_clips: int = 32,
    limits: DecodeLimits = DecodeLimits(),  # noqa: B008, frozen
) -> VideoReader:
    """Open a video and plan which of its frames to decode.

    What ``source`` raises goes through unchanged, here and while reading: it is never blamed on the video. Else
    opening ends with an ``UnsupportedError`` (a container or codec that is not read here, encrypted, or without a
    moving picture), ``TooShortError`` (the video track holds no frames), ``UnreadableError`` (broken, or no frame
    decodes), ``TooLargeError`` (over a limit on pixels, bytes, frames or memory) or ``DecodeTimeoutError``.

    Args:
        source: A seekable binary file of untrusted content, read from its beginning. It stays open.
        frames_per_clip: Frames sampled for each window, at the centres of equal bins of those that exist in it.
        window_s: Longest window; a video up to this length has one.
        max_clips: Most windows; where it bites, they are widened to cover the whole video.
        limits: What the video may cost.
    """
    return VideoReader(source, frames_per_clip=frames_per_clip, window_s=window_s, max_clips=max_clips, limits=limits)
