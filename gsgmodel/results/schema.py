"""The columns of the table ``<output>/videos`` and what every row of it must satisfy."""

import pyarrow as pa
import pyarrow.compute as pc

from gsgmodel.errors import TERMINAL, Status
from gsgmodel.results.kinds import RowKind, holds

SCHEMA_VERSION = 3
"""Raised with every change of ``VIDEOS``; columns are only ever added, at the end, and may be null."""
_TIME = pa.timestamp("us", tz="UTC")

BOX = pa.struct([(name, pa.float32()) for name in ("x0", "y0", "x1", "y1")])
"""Pixels of the frame as shown; x1 and y1 are outside."""
FRAME = pa.struct([("time_s", pa.float64()), ("score", pa.float64()), ("box", BOX), ("patches", pa.list_(pa.int32()))])
"""One frame of a clip; ``patches`` are the indices of the local patches that the model chose in it."""
CLIP = pa.struct(
    [("start_s", pa.float64()), ("end_s", pa.float64()), ("score", pa.float64()), ("frames", pa.list_(FRAME))]
)
FACE = pa.struct(
    [
        ("track_id", pa.int32()),
        ("score", pa.float64()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("clips", pa.list_(CLIP)),
    ]
)
VIDEOS = pa.schema(
    [
        ("video_id", pa.binary()),
        ("scoring_id", pa.string()),
        ("uri", pa.string()),
        ("etag", pa.string()),
        ("size_bytes", pa.int64()),
        ("last_modified", _TIME),
        ("status", pa.string()),
        ("error_class", pa.string()),
        ("error_text", pa.string()),
        ("score", pa.float64()),
        ("score_global", pa.float64()),
        ("score_fusion", pa.float64()),
        ("num_faces", pa.int32()),
        ("num_clips", pa.int32()),
        ("faces", pa.list_(FACE)),
        ("duration_s", pa.float64()),
        ("width_px", pa.int32()),
        ("height_px", pa.int32()),
        ("codec", pa.string()),
        ("native_fps", pa.float64()),
        ("frames_decoded", pa.int32()),
        ("frames_missing", pa.int32()),
        ("bytes_read", pa.int64()),
        ("model_uri", pa.string()),
        ("model_version", pa.string()),
        ("model_digest", pa.string()),
        ("decoder", pa.string()),
        ("run_id", pa.string()),
        ("scored_at", _TIME),
        ("notes", pa.list_(pa.string())),
        ("schema_version", pa.int32()),
        ("sandbox", pa.string()),
        ("crash_signal", pa.string()),
        ("crash_stage", pa.string()),
        ("attempts", pa.int32()),
        ("numerics", pa.string()),
    ]
)
"""One row a video; ``video_id`` is 16 bytes (Delta has no binary of fixed size). Scores are probabilities that a face
is fake, 0 to 1, null unless the status is ``scored``. ``notes`` are facts about how it was scored, such as
``windows_widened``, ``longest_track_only``, ``crop_reduced``, ``faces_dropped``. ``sandbox`` is what the process that
decoded it had given up, joined by ``+`` (``gsgmodel.video.confine``), or ``off``; of a decoder that was lost
``crash_signal`` and ``crash_stage`` say how, and ``attempts`` how often it was tried; since version 2.
``numerics`` is what the backbone computed in, ``float32`` or ``bfloat16``, with ``, compiled`` behind it where it was
compiled, null where nothing was scored; since version 3."""

UNFINISHED = pa.schema(
    [
        *(VIDEOS.field(name) for name in ("video_id", "uri", "etag", "size_bytes", "last_modified")),
        *(VIDEOS.field(name) for name in ("status", "error_class", "error_text")),
    ]
)
"""``unfinished.parquet`` of a run: planned videos that got no row, and why."""


def _check_scores(rows: pa.Table) -> None:
    """Scores are there exactly where the status says so.

    Raises:
        ValueError: If one is missing, too many, or no probability.
    """
    is_scored = pc.equal(rows["status"], Status.SCORED.value)
    if not holds(pc.equal(pc.is_valid(rows["score"]), is_scored)):
        raise ValueError("score must be there exactly where the status is scored")
    for name in ("score", "score_global", "score_fusion"):
        value = rows[name]
        is_probability = pc.and_(pc.greater_equal(value, 0.0), pc.less_equal(value, 1.0))
        if not holds(pc.if_else(is_scored, pc.fill_null(is_probability, fill_value=True), pc.is_null(value))):
            raise ValueError(f"{name} must be 0 to 1 where the status is scored and null elsewhere")


VIDEO_ROWS = RowKind(
    name="videos",
    title="table of results",
    schema=VIDEOS,
    key_column="scoring_id",
    bounded=("scoring_id", "status", "score", "last_modified", "scored_at"),
    never_null=(
        *("video_id", "scoring_id", "uri", "etag", "size_bytes", "status", "run_id", "scored_at", "schema_version"),
    ),
    statuses=frozenset(TERMINAL),
    check=_check_scores,
)
"""Of the table ``videos``: one row for a video and scoring; a score is there exactly where the status is ``scored``."""


def plain_type(kind: pa.DataType) -> pa.DataType:
    """A type without what engines add to it: views become plain text and binary, items of lists lose their name.

    >>> plain_type(pa.list_(pa.field("element", pa.string_view())))
    ListType(list<item: string>)
    """
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_list(kind):
        return pa.list_(plain_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(child.name, plain_type(child.type)) for child in kind])
    return kind
