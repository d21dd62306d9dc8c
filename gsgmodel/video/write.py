"""Frames to a file: the only encoder, for made videos of the demo and the tests."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

TICKS_PER_S = 90_000
"""Time stamps are counted in this unit where the caller gives times; all containers can hold them closely."""
CRF_TO_HALVE = 6.0
"""About so much higher, the file is half as large: https://trac.ffmpeg.org/wiki/Encode/H.264."""
SIZE_TOLERANCE, SIZE_ATTEMPTS = 0.005, 5
_CRF_ENCODERS = frozenset({"libx264", "libx265", "libvpx-vp9", "libsvtav1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How pictures become a video stream."""

    codec: str = "libx264"
    """FFmpeg's name of the encoder."""
    pixel_format: str = "yuv420p"
    """Formats with halved chroma need even sizes."""
    crf: float = 23.0
    """Constant quality, lower is better; only for encoders that have it."""
    gop: int = 250
    """Most frames from one key to the next."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Further private options of the encoder."""
    container_options: Mapping[str, str] = field(default_factory=dict)
    """Options of the muxer, for example ``movflags``."""
    rotation_deg: int = 0
    """Counterclockwise turn that a player applies."""
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel relative to its height."""


def write_video(
    path: Path,
    frames: Iterable[UInt8[np.ndarray, "H W 3"]],
    *,
    fps: int | Fraction,
    encoding: Encoding = Encoding(),
    time_s: Iterable[float] | None = None,
) -> int:
    """Write pictures as a video; one thread, so that the same pictures give the same bytes.

    Args:
        path: Where to; its suffix names the container.
        frames: RGB, all of one size; taken one at a time.
        fps: Frames per second.
        encoding: How they are encoded.
        time_s: When each frame is shown, ascending; without it they are evenly spaced.

    Returns:
        How many frames were written.

    Raises:
        ValueError: There are no frames.
    """
    ticks = count() if time_s is None else (round(time * TICKS_PER_S) for time in time_s)
    num = 0
    with av.open(str(path.absolute()), "w", container_options=dict(encoding.container_options)) as container:
        stream: VideoStream | None = None
        for picture, tick in zip(frames, ticks, strict=False):
            if stream is None:
                stream = _add_stream(container, picture, fps=Fraction(fps), encoding=encoding)
                stream.codec_context.time_base = 1 / Fraction(fps) if time_s is None else Fraction(1, TICKS_PER_S)
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts = tick
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
            num += 1
        if stream is None:
            raise ValueError("a video needs at least one frame")
        container.mux(stream.encode(None))
    return num


def write_alike(
    path: Path,
    frames: Sequence[UInt8[np.ndarray, "H W 3"]],
    *,
    fps: int | Fraction,
    encoding: Encoding,
    size_bytes: int,
) -> float:
    """Write pictures as a video about as large as another, so that its size does not give away what it shows.

    Args:
        path: Where to; its suffix names the container.
        frames: RGB, all of one size.
        fps: Frames per second.
        encoding: How they are encoded; its quality is where the search begins.
        size_bytes: Of the other video.

    Returns:
        The quality that came closest; the size is within 0.5 % where five attempts find such a one.

    Raises:
        ValueError: There are no frames, or the encoder knows no constant quality.
    """
    if encoding.codec not in _CRF_ENCODERS:
        raise ValueError(f"{encoding.codec} has no constant quality to change")
    tried: dict[float, float] = {}
    crf = encoding.crf
    for _ in range(SIZE_ATTEMPTS):
        write_video(path, frames, fps=fps, encoding=replace(encoding, crf=crf))
        tried[crf] = math.log(path.stat().st_size / size_bytes)
        if abs(tried[crf]) <= SIZE_TOLERANCE:
            return crf
        crf = _next_quality(tried)
    best = min(tried, key=lambda each: abs(tried[each]))
    write_video(path, frames, fps=fps, encoding=replace(encoding, crf=best))
    return best


def _next_quality(tried: Mapping[float, float]) -> float:
    """Where the excess (logarithm) would be 0: between the closest above and below, or by the rule of thumb."""
    above = [(excess, crf) for crf, excess in tried.items() if excess > 0]
    below = [(excess, crf) for crf, excess in tried.items() if excess <= 0]
    if above and below:
        (high, fine), (low, coarse) = min(above), max(below)
        crf = coarse + (fine - coarse) * low / (low - high)
    else:
        crf, excess = list(tried.items())[-1]
        crf += CRF_TO_HALVE * excess / math.log(2)
    return round(min(max(crf, 0.0), 51.0), 2)


def _add_stream(
    container: OutputContainer, picture: UInt8[np.ndarray, "H W 3"], *, fps: Fraction, encoding: Encoding
) -> VideoStream:
    options = dict(encoding.options)
    if encoding.codec in _CRF_ENCODERS:
        options.setdefault("crf", str(encoding.crf))
    stream = cast("VideoStream", container.add_stream(encoding.codec, rate=fps, options=options))
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = encoding.pixel_format
    stream.codec_context.gop_size = encoding.gop
    stream.codec_context.thread_count = 1
    if encoding.pixel_aspect != 1:
        stream.codec_context.sample_aspect_ratio = encoding.pixel_aspect
    if encoding.rotation_deg:
        stream.set_display_rotation(encoding.rotation_deg)
    return stream
