"""The newest row of each video's name: what a table says now, without what was replaced or scored before."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gsgmodel.results.done import DoneIds
from gsgmodel.upkeep.snapshot import Snapshot

COLUMNS = ("uri", "last_modified", "scored_at", "video_id", "scoring_id")
"""That the choice depends on."""
_ORDER = "last_modified DESC NULLS LAST, scored_at DESC NULLS LAST, video_id, scoring_id"


def newest_sql(columns: str) -> str:
    """A query for the newest row of each uri: of the object as it was last, scored last.

    Args:
        columns: What is wanted of it, as SQL has it; besides what is named in ``COLUMNS`` it has to be in ``videos``.

    Example:
        >>> newest_sql("uri").startswith("SELECT uri FROM (SELECT *, row_number() OVER (PARTITION BY uri ORDER BY ")
        True
    """
    ranked = f"SELECT *, row_number() OVER (PARTITION BY uri ORDER BY {_ORDER}) AS place FROM videos"  # noqa: S608
    return f"SELECT {columns} FROM ({ranked}) AS ranked WHERE place = 1"  # noqa: S608


def newest_ids(snapshot: Snapshot, *, scoring_id: str | None = None) -> dict[str, DoneIds]:
    """Find the newest row of each uri.

    Args:
        snapshot: Of the table.
        scoring_id: Of the rows that count, or None for all.

    Returns:
        By scoring, the ids of the videos whose row it is; 16 bytes each.
    """
    newest: dict[str, DoneIds] = {}
    for batch in snapshot.ask(newest_sql("video_id, scoring_id"), columns=COLUMNS, scoring_id=scoring_id):
        for name, mine in _by_scoring(batch):
            newest.setdefault(name, DoneIds()).add(batch.column("video_id").filter(mine))
    return newest


def only_newest(batches: Iterable[pa.RecordBatch], newest: dict[str, DoneIds]) -> Iterator[pa.RecordBatch]:
    """Leave out all rows but the newest.

    Args:
        batches: With ``video_id`` and ``scoring_id``.
        newest: As ``newest_ids`` found them in the same snapshot.

    Yields:
        What is left of each batch, if anything is.
    """
    for batch in batches:
        is_newest = np.zeros(batch.num_rows, bool)
        for name, mine in _by_scoring(batch):
            if name in newest:
                places = np.flatnonzero(mine.to_numpy(zero_copy_only=False))
                is_newest[places] = newest[name].holds(batch.column("video_id").filter(mine))
        if is_newest.any():
            yield batch.filter(pa.array(is_newest))


def _by_scoring(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.BooleanArray]]:
    """The scorings of a batch, each with where its rows are."""
    column = batch.column("scoring_id")
    for name in pc.unique(column).to_pylist():
        yield name, pc.equal(column, name)
