"""A video encoded again, as an upload is: harder, or with fewer frames a second.

For data sets of one's own; it decodes in this process, with none of the bounds that untrusted videos are read within.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from jaxtyping import UInt8

from gsgmodel.errors import UnreadableError
from gsgmodel.video.source import ByteSource
from gsgmodel.video.write import Encoding, write_video

USUAL_FPS = 25
_TURN = 90


def recode_video(source: ByteSource, target: Path, *, crf: float, most_fps: float | None = None) -> int:
    """Write a video's frames again as H.264.

    Args:
        source: The video, seekable.
        target: Where to, with the suffix of a container that holds H.264.
        crf: Constant quality, 0 (best) to 51.
        most_fps: Frames a second that are left, at most; None for all.

    Returns:
        How many frames were written. A video without any is an ``UnreadableError``.

    Raises:
        UnreadableError: It cannot be decoded.
    """
    try:
        with av.open(source, "r") as container:
            if not container.streams.video:
                raise UnreadableError("there is no video stream")
            stream = container.streams.video[0]
            rate = stream.average_rate or Fraction(USUAL_FPS)
            times: list[float] = []
            frames = _frames(container.decode(stream), times, most_fps=most_fps)
            # The muxer asks for the time of a frame after the frame itself.
            return write_video(target, frames, fps=rate, encoding=Encoding(crf=crf), time_s=_as_told(times))
    except (FFmpegError, ValueError) as error:
        raise UnreadableError(f"it cannot be encoded again: {error}") from error


def _frames(
    decoded: Iterator[av.VideoFrame], times: list[float], *, most_fps: float | None
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Frames upright and of even sides, of those that a slower video has; their times are noted."""
    shown = -1
    first: float | None = None
    for frame in decoded:
        if frame.time is None:
            continue
        first = frame.time if first is None else first
        since = frame.time - first
        turn = int(since * most_fps + 1e-6) if most_fps else shown + 1
        if turn == shown or (times and since <= times[-1]):
            continue
        shown = turn
        times.append(since)
        picture = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / _TURN))
        height, width = picture.shape[:2]
        yield picture[: height // 2 * 2, : width // 2 * 2]


def _as_told(times: list[float]) -> Iterator[float]:
    while True:
        yield times[-1]
