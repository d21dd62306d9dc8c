"""Where finished rows go: the Delta table of an output folder, or the terminal where nothing is to be kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool

from gsgmodel.results.done import DoneIds
from gsgmodel.results.schema import SCHEMA_VERSION, VIDEOS
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.commit import among


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What every row of a run says about how it came about."""

    scoring_id: str
    run_id: str
    model_uri: str
    model_version: str
    model_digest: str


@dataclass(kw_only=True)
class TableSink:
    """Appends to a table of an output folder."""

    table: VideoTable
    done: DoneIds
    key: str
    """What every row carries in the table's key column."""
    finished: Callable[[pa.Table], pa.Table]
    """Gives arrived rows the columns of the table."""
    num_committed: int = 0
    num_conceded: int = 0
    """Rows that another run had committed first."""

    def contains(self, video_ids: pa.Array) -> Bool[np.ndarray, "N"]:
        """Say which videos the table has, those to be done again left out."""
        return self.done.contains(video_ids)

    def commit(self, rows: pa.Table) -> None:
        """Append rows in one commit, replacing those that are to be done again."""
        committed = self.table.append(self.finished(rows), key=self.key)
        self.num_committed += committed
        self.num_conceded += rows.num_rows - committed


@dataclass(kw_only=True)
class ListSink:
    """Hands each row on as it comes and remembers which came."""

    show: Callable[[dict[str, Any]], None]
    ids: set[bytes] = field(default_factory=set)

    def contains(self, video_ids: pa.Array) -> Bool[np.ndarray, "N"]:
        """Say which videos were shown."""
        return among(video_ids, self.ids)

    def commit(self, rows: pa.Table) -> None:
        """Show rows, one after the other."""
        for row in rows.to_pylist():
            self.show(row)
            self.ids.add(row["video_id"])


def videos_of(rows: pa.Table, provenance: Provenance) -> pa.Table:
    """Return scored rows with the columns of the table: what the run adds, and without what only the run needs."""
    added = {
        "scoring_id": provenance.scoring_id,
        "run_id": provenance.run_id,
        "model_uri": provenance.model_uri,
        "model_version": provenance.model_version,
        "model_digest": provenance.model_digest,
        "scored_at": datetime.now(UTC),
        "schema_version": SCHEMA_VERSION,
    }
    return table_rows(rows, schema=VIDEOS, added=added)


def table_rows(rows: pa.Table, *, schema: pa.Schema, added: Mapping[str, Any]) -> pa.Table:
    """Return arrived rows with the columns of a table.

    Args:
        rows: As the last stage makes them.
        schema: Of the table.
        added: Columns that rows do not have, or have otherwise: an array, or one value for all rows. Without it,
            ``last_modified`` is made of their ``last_modified_s``.
    """
    columns = []
    for wanted in schema:
        if wanted.name in added:
            value = added[wanted.name]
            column = value if isinstance(value, pa.Array) else pa.repeat(pa.scalar(value, wanted.type), rows.num_rows)
        elif wanted.name == "last_modified":
            microseconds = pc.cast(pc.round(pc.multiply(rows["last_modified_s"], 1e6)), pa.int64())
            column = pc.cast(microseconds, wanted.type)
        else:
            column = rows[wanted.name]
        columns.append(column.cast(wanted.type))
    return pa.Table.from_arrays(columns, schema=schema)
