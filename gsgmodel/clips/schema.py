"""The columns of a clip store: its index, a Delta table with one row a video, and its shards, which hold the crops."""

import pyarrow as pa
import pyarrow.compute as pc

from gsgmodel.datasets.labelled import SPLITS
from gsgmodel.errors import TERMINAL, Status
from gsgmodel.results.kinds import RowKind, holds
from gsgmodel.results.schema import VIDEOS

SCHEMA_VERSION = 1
"""Raised with every change of ``INDEX``; columns are only ever added, at the end, and may be null."""
SHARDS = "shards"
"""The folder of a store that holds its shards."""
PREPARED = "prepared"
"""The status of a video that has clips; the others are those of scans."""

CLIP = pa.struct(
    [
        ("shard", pa.string()),
        ("row", pa.int32()),
        ("track_id", pa.int32()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("time_s", pa.list_(pa.float64())),
        ("boxes_px", pa.list_(pa.float32())),
        ("detected", pa.list_(pa.bool_())),
    ]
)
"""Where one clip lies and what it shows; ``boxes_px`` are four numbers a frame, ``x0 y0 x1 y1``."""

INDEX = pa.schema(
    [
        ("video_id", pa.binary()),
        ("preparation_id", pa.string()),
        *(VIDEOS.field(name) for name in ("uri", "etag", "size_bytes", "last_modified")),
        *(VIDEOS.field(name) for name in ("status", "error_class", "error_text")),
        ("label", pa.int32()),
        ("method", pa.string()),
        ("identity", pa.string()),
        ("source_identity", pa.string()),
        ("split", pa.string()),
        ("original_uri", pa.string()),
        ("original_id", pa.binary()),
        ("mask_uri", pa.string()),
        ("mask_id", pa.binary()),
        ("num_clips", pa.int32()),
        ("clips", pa.list_(CLIP)),
        *(VIDEOS.field(name) for name in ("duration_s", "width_px", "height_px", "codec", "native_fps")),
        *(VIDEOS.field(name) for name in ("frames_decoded", "frames_missing", "bytes_read", "decoder", "run_id")),
        ("prepared_at", pa.timestamp("us", tz="UTC")),
        *(VIDEOS.field(name) for name in ("notes", "schema_version")),
    ]
)
"""One row for a video. ``original_id`` and ``mask_id`` are the ``video_id`` of the files that its crops or masks were
made with; null where there were none."""

SHARD = pa.schema(
    [
        pa.field("video_id", pa.binary(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("clip", pa.int32(), nullable=False),
        pa.field("crops", pa.large_binary(), nullable=False),
        pa.field("mask", pa.large_binary()),
    ]
)
"""One row group a clip. ``clip`` numbers the clips of a video; ``crops`` and ``mask`` are as in ``clips.shards``."""


def _check_clips(rows: pa.Table) -> None:
    """Clips are there exactly where the status says so, and labels and splits are some of those there are.

    Raises:
        ValueError: If that is not so.
    """
    count = pc.fill_null(pc.list_value_length(rows["clips"]), 0)
    if not holds(pc.equal(pc.cast(count, pa.int32()), rows["num_clips"])):
        raise ValueError("num_clips is not the number of clips")
    if not holds(pc.equal(pc.greater(count, 0), pc.equal(rows["status"], PREPARED))):
        raise ValueError(f"clips must be there exactly where the status is {PREPARED}")
    if not holds(pc.is_in(rows["label"], pa.array([0, 1], pa.int32()))):
        raise ValueError("label must be 0 or 1")
    if not holds(pc.is_in(rows["split"], pa.array(SPLITS))):
        raise ValueError(f"split must be one of {', '.join(SPLITS)}")


INDEX_ROWS = RowKind(
    name="index",
    title="clip store",
    schema=INDEX,
    key_column="preparation_id",
    bounded=("preparation_id", "status", "label", "split"),
    never_null=(
        *("video_id", "preparation_id", "uri", "etag", "size_bytes", "status", "label", "method", "split"),
        *("num_clips", "run_id", "prepared_at", "schema_version"),
    ),
    statuses=(TERMINAL - {Status.SCORED}) | {PREPARED},
    check=_check_clips,
)
"""Of the table ``index``: one row for a video and preparation."""
