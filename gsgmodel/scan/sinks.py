"""Where finished rows go: the Delta table of an output folder, or the terminal where nothing is to be kept."""

from collections.abc import Callable
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
    """Appends to the table of an output folder."""

    table: VideoTable
    done: DoneIds
    provenance: Provenance
    num_committed: int = 0
    num_conceded: int = 0
    """Rows that another run had committed first."""

    def contains(self, video_ids: pa.Array) -> Bool[np.ndarray, "N"]:
        """Say which videos the table has, those to be scored again left out."""
        return self.done.contains(video_ids)

    def commit(self, rows: pa.Table) -> None:
        """Append rows in one commit, replacing those that are to be scored again."""
        committed = self.table.append(videos_of(rows, self.provenance), key=self.provenance.scoring_id)
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
    now = datetime.now(UTC)
    added = {
        "scoring_id": provenance.scoring_id,
        "run_id": provenance.run_id,
        "model_uri": provenance.model_uri,
        "model_version": provenance.model_version,
        "model_digest": provenance.model_digest,
        "scored_at": now,
        "schema_version": SCHEMA_VERSION,
    }
    columns = [
        _column(rows, wanted) if wanted.name not in added else pa.repeat(pa.scalar(added[wanted.name]), rows.num_rows)
        for wanted in VIDEOS
    ]
    return pa.Table.from_arrays(
        [column.cast(wanted.type) for column, wanted in zip(columns, VIDEOS, strict=True)], schema=VIDEOS
    )


def _column(rows: pa.Table, wanted: pa.Field) -> pa.ChunkedArray:
    if wanted.name == "last_modified":
        microseconds = pc.cast(pc.round(pc.multiply(rows["last_modified_s"], 1e6)), pa.int64())
        return pc.cast(microseconds, pa.timestamp("us", tz="UTC"))
    return rows[wanted.name]
