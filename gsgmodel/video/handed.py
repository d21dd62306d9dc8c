"""What the process that decodes hands over, believed only as far as it was checked: it has read the video."""

import math
import mmap
from dataclasses import fields
from itertools import pairwise
from typing import Any, TypeGuard

import numpy as np

from gsgmodel.records import VideoInfo
from gsgmodel.video.child import IO_BYTES
from gsgmodel.video.reader import FrameWindow

MAX_TEXT = 100
_COLOURS = 3


def is_range(value: Any, size_bytes: int, most_bytes: int) -> bool:
    """Whether a value is ``[offset, size]`` of a range of so many bytes at most that lies within a file."""
    if not (isinstance(value, list) and len(value) == 2 and all(_is_count(each) for each in value)):  # noqa: PLR2004
        return False
    offset, size = value
    return bool(0 < size <= most_bytes and offset + size <= size_bytes)


def is_ascending(value: Any, size_bytes: int) -> bool:
    """Whether a value is a list of ``[start, stop]``, ascending and apart, of ranges that lie within a file."""
    if not (isinstance(value, list) and all(isinstance(each, list) and len(each) == 2 for each in value)):  # noqa: PLR2004
        return False
    places = [place for each in value for place in each]
    return all(map(_is_count, places)) and all(a < b for a, b in pairwise([-1, *places, size_bytes + 1]))


def handed_info(opened: Any) -> VideoInfo | None:
    """Return what is known of an opened video; None where a value is none that a decoder gives."""
    if not isinstance(opened, dict) or not isinstance(opened.get("info"), dict):
        return None
    said = opened["info"]
    if said.keys() != {field.name for field in fields(VideoInfo)}:
        return None
    texts = all(
        isinstance(said[name], str) and len(said[name]) < MAX_TEXT for name in ("container", "codec", "decoder")
    )
    counts = all(_is_count(said[name]) for name in ("width_px", "height_px", "num_frames"))
    numbers = all(_is_length(said[name]) for name in ("duration_s", "native_fps"))
    if not (texts and counts and numbers and said["width_px"] and said["height_px"]):
        return None
    return VideoInfo(**said)


def handed_window(said: Any, shared: mmap.mmap, *, info: VideoInfo, frames_per_clip: int) -> FrameWindow | None:
    """Return a window whose frames lie in the shared memory; None where it is none that a decoder gives.

    Args:
        said: What the process says of the window.
        shared: Where the frames are.
        info: Of the video.
        frames_per_clip: As was asked for.
    """
    if not isinstance(said, dict) or not _is_window(said, info=info, frames_per_clip=frames_per_clip):
        return None
    time_s: list[float] = said["time_s"]
    frame_bytes = info.height_px * info.width_px * _COLOURS
    if len(time_s) * frame_bytes > len(shared) - IO_BYTES:
        return None
    whole = np.frombuffer(shared, np.uint8, count=len(time_s) * frame_bytes, offset=IO_BYTES)
    frames = whole.reshape(len(time_s), info.height_px, info.width_px, _COLOURS)
    return FrameWindow(
        start_s=said["start_s"],
        end_s=said["end_s"],
        time_s=np.array(time_s, np.float64),
        frames=tuple(frames),
        positions=tuple(said["positions"]),
        frames_missing=said["frames_missing"],
    )


def _is_window(said: dict[str, Any], *, info: VideoInfo, frames_per_clip: int) -> bool:
    time_s, positions, missing = said.get("time_s"), said.get("positions"), said.get("frames_missing")
    return (
        said.get("shape") == [info.height_px, info.width_px, _COLOURS]
        and isinstance(time_s, list)
        and 0 < len(time_s) <= frames_per_clip
        and all(map(_is_time, time_s))
        and isinstance(positions, list)
        and len(positions) == frames_per_clip
        and all(_is_count(position) and position < len(time_s) for position in positions)
        and _is_count(missing)
        and missing <= frames_per_clip
        and _is_length(said.get("start_s"))
        and _is_length(said.get("end_s"))
    )


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 1 << 53


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_length(value: Any) -> bool:
    return _is_time(value) and value >= 0
