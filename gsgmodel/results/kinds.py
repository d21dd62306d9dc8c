"""What a table holds, as a value: its columns, what makes a row the only one, and what every row must satisfy."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

VIDEO_ID_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RowKind:
    """The rows of a table: at most one for a video (``video_id``) and a value of the key column."""

    name: str
    """Of the table's folder, and of the table in queries."""
    title: str
    """What people call the table, for messages."""
    schema: pa.Schema
    """With ``video_id``, ``status`` and ``decoder`` among its columns."""
    key_column: str
    """Text that says in what way the video was worked on."""
    bounded: tuple[str, ...]
    """Columns whose bounds are kept for each file."""
    never_null: tuple[str, ...]
    statuses: frozenset[str]
    """Those that may stand in the table."""
    check: Callable[[pa.Table], None]
    """Raises a ``ValueError`` for what only this kind of row has to satisfy."""

    @property
    def column_bounds(self) -> str:
        """The columns with bounds as Delta takes them."""
        return ",".join(self.bounded)


def check_rows(rows: pa.Table, *, key: str, kind: RowKind) -> None:
    """Make sure that rows may go into a table.

    Args:
        rows: Of the kind's schema, in any chunks.
        key: What every row must carry in the key column.
        kind: Of the table.

    Raises:
        ValueError: If the schema is another; a value that is never null is; an id is not 16 bytes; a key is another;
            a status may not stand in the table; or the kind's own check fails.
    """
    if not rows.schema.equals(kind.schema):
        differing = set(kind.schema).symmetric_difference(rows.schema) or "their order"
        raise ValueError(f"rows differ from the table's schema in {differing}")
    nulls = [name for name in kind.never_null if rows[name].null_count]
    if nulls:
        raise ValueError(f"null in {', '.join(nulls)}")
    if not holds(pc.equal(pc.binary_length(rows["video_id"]), VIDEO_ID_BYTES)):
        raise ValueError(f"video_id is not {VIDEO_ID_BYTES} bytes")
    if not holds(pc.equal(rows[kind.key_column], key)):
        raise ValueError(f"{kind.key_column} is not {key!r} in every row")
    if not holds(pc.is_in(rows["status"], pa.array(sorted(kind.statuses)))):
        accepted = ", ".join(sorted(kind.statuses))
        raise ValueError(f"status {pc.unique(rows['status']).to_pylist()}; accepted: {accepted}")
    kind.check(rows)


def holds(conditions: pa.ChunkedArray) -> bool:
    """Whether something is true of every row, null counting as not; also where there are none."""
    return bool(pc.all(conditions, min_count=0, skip_nulls=False).as_py())
