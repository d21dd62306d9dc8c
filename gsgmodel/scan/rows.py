"""The rows between the stages of a run: what each stage adds, as Arrow schemas that are written down.

One row is one video from the plan to the commit. A prepared row carries its crops in one nullable binary column; a
scored row, or one whose crops are kept in a shard, has dropped them and is about a kilobyte.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import UInt8

from gsgmodel.clips.schema import CLIP as KEPT_CLIP
from gsgmodel.results.schema import VIDEOS
from gsgmodel.scan.plan import PLAN_SCHEMA
from gsgmodel.scoring.prepare import PreparedVideo
from gsgmodel.scoring.video import prepared_facts

PIXELS = ("crops", "masks")
"""Columns of a prepared row that are large; none that follow have them."""
HELD_BACK = "held_back"
"""Not a status: the row of a video that the gate did not let start, left for the next run."""
UNKEPT = "unkept"
"""Not a status: the row of a video whose crops could not be written, which ends the run. An error that an actor raises
reaches the driver as one of Ray's, with its traceback for a message."""

_CLIP = pa.struct(
    [
        pa.field("track_id", pa.int32()),
        pa.field("start_s", pa.float64()),
        pa.field("end_s", pa.float64()),
        pa.field("time_s", pa.list_(pa.float64())),
        pa.field("boxes_px", pa.list_(pa.float32())),
        pa.field("detected", pa.list_(pa.bool_())),
    ]
)
_FACTS = [
    pa.field("status", pa.string()),
    pa.field("error_class", pa.string()),
    pa.field("error_text", pa.string()),
    *(VIDEOS.field(name) for name in ("duration_s", "width_px", "height_px", "codec", "native_fps")),
    *(VIDEOS.field(name) for name in ("frames_decoded", "frames_missing", "bytes_read", "decoder", "notes")),
    *(VIDEOS.field(name) for name in ("sandbox", "crash_signal", "crash_stage", "attempts")),
    pa.field("prepare_cpu_s", pa.float64()),
]
PREPARED_SCHEMA = pa.schema(
    [
        *PLAN_SCHEMA,
        *_FACTS,
        pa.field("clips", pa.list_(_CLIP)),
        pa.field("crops", pa.large_binary()),
        pa.field("masks", pa.large_binary()),
    ]
)
KEPT_SCHEMA = pa.schema(
    [
        *PLAN_SCHEMA,
        *_FACTS,
        VIDEOS.field("num_clips"),
        pa.field("clips", pa.list_(KEPT_CLIP)),
        pa.field("keep_cpu_s", pa.float64()),
    ]
)
SCORED_SCHEMA = pa.schema(
    [
        *PLAN_SCHEMA,
        *_FACTS,
        *(VIDEOS.field(name) for name in ("score", "score_global", "score_fusion")),
        *(VIDEOS.field(name) for name in ("num_faces", "num_clips", "faces", "numerics")),
        pa.field("score_cpu_s", pa.float64()),
    ]
)


DRIFTED = "drifted"
"""Not a status: the row of a video that was not scored because its actor judges the model's own clips otherwise than
they were judged where it was registered, which ends the run."""
UNSAFE = "unsafe"
"""Not a status: the row of a video that was not decoded because the machine cannot confine its decoder as was asked
for, which ends the run."""


def prepared_row(planned: dict[str, Any], video: PreparedVideo, *, cpu_s: float, sandbox: str = "off") -> pa.Table:
    """Return the one-row table of a prepared video; ``sandbox`` is what its decoder had given up."""
    row = planned | prepared_facts(video) | {"prepare_cpu_s": cpu_s, "sandbox": sandbox}
    # Crops go in as a buffer: from_pylist would copy up to 58 MB into a Python bytes object first.
    names = [name for name in PREPARED_SCHEMA.names if name not in PIXELS]
    small = pa.Table.from_pylist([row], schema=pa.schema([PREPARED_SCHEMA.field(name) for name in names]))
    for name, pixels in zip(PIXELS, ([clip.crops for clip in video.clips], video.masks), strict=True):
        small = small.append_column(PREPARED_SCHEMA.field(name), _pixels_column(pixels))
    return small


def unsafe_row(planned: dict[str, Any], why: str) -> pa.Table:
    """Return the row that ends a run whose videos cannot be decoded as was asked for."""
    return pa.Table.from_pylist([planned | {"status": UNSAFE, "error_text": why}], schema=PREPARED_SCHEMA)


def held_back_row(planned: dict[str, Any]) -> pa.Table:
    """Return the row of a video that was not started."""
    return pa.Table.from_pylist([planned | {"status": HELD_BACK}], schema=PREPARED_SCHEMA)


def crops_of(prepared: pa.Table, index: int, *, num_frames: int, size_px: int) -> UInt8[np.ndarray, "N T S S 3"]:
    """Return the crops of one prepared row without copying them; empty where there are none."""
    value = prepared["crops"][index]
    if not value.is_valid:
        return np.empty((0, num_frames, size_px, size_px, 3), dtype=np.uint8)
    return np.frombuffer(value.as_buffer(), dtype=np.uint8).reshape(-1, num_frames, size_px, size_px, 3)


def masks_of(prepared: pa.Table, index: int, *, num_frames: int, size_px: int) -> UInt8[np.ndarray, "N T S S"] | None:
    """Return the masks of one prepared row without copying them; None where none were given."""
    value = prepared["masks"][index]
    if not value.is_valid:
        return None
    return np.frombuffer(value.as_buffer(), dtype=np.uint8).reshape(-1, num_frames, size_px, size_px)


def _pixels_column(pixels: Sequence[UInt8[np.ndarray, "T S S *C"]]) -> pa.Array:
    if not pixels:
        return pa.nulls(1, pa.large_binary())
    packed = pa.py_buffer(np.stack(pixels))
    offsets = pa.py_buffer(np.array([0, packed.size], dtype=np.int64))
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, packed])
