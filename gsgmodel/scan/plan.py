"""Stage 1: list the archive, leave out what is done, and write what is left as Parquet before Ray reads it.

The plan is a file because it is the account that the run is held to: planned = committed + unfinished + left. It holds
references, never bytes, largest video first so that no long one starts last.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool

from gsgmodel.archive.listing import LeftOut
from gsgmodel.records import VideoRef

PLAN_SCHEMA = pa.schema(
    [
        pa.field("video_id", pa.binary(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("etag", pa.string(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("last_modified_s", pa.float64(), nullable=False),
    ]
)
"""The row of a video that is still to be scored."""
BATCH_ROWS = 10_000
SORT_MEMORY = "1GB"
MAX_EXAMPLES = 20
DONE = "already scored"
"""Reason for leaving out a video that the table holds for this model and these settings; other runs have another."""

IsDone = Callable[[pa.Array], Bool[np.ndarray, "N"]]
"""Says of video ids whether they need no work."""


@dataclass
class Plan:
    """What this run will score, and what it leaves out and why."""

    path: Path
    """The planned rows as Parquet."""
    done: str = DONE
    """The reason for leaving out what the output holds."""
    num_videos: int = 0
    num_bytes: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Files by the reason for leaving them out."""
    left_out_bytes: Counter[str] = field(default_factory=Counter)
    suffixes: Counter[str] = field(default_factory=Counter)
    """Files that do not look like a video, by suffix."""
    examples: list[LeftOut] = field(default_factory=list)

    @property
    def num_done(self) -> int:
        """Videos that the table holds already."""
        return self.left_out[self.done]

    def leave_out(self, item: LeftOut) -> None:
        """Count one file that is not planned."""
        self.left_out[item.reason] += 1
        self.left_out_bytes[item.reason] += item.size_bytes
        if item.suffix:
            self.suffixes[item.suffix] += 1
        if len(self.examples) < MAX_EXAMPLES and item.reason != self.done:
            self.examples.append(item)


def make_plan(
    listed: Iterable[VideoRef | LeftOut],
    *,
    is_done: IsDone,
    limit: int | None,
    folder: Path,
    schema: pa.Schema = PLAN_SCHEMA,
    done: str = DONE,
) -> Plan:
    """Write the videos of a listing that are not done, largest first, each once.

    Args:
        listed: The archive's listing; read once and never held.
        is_done: Says of video ids whether the table has them.
        limit: Plan at most this many, the first in listing order; the listing is not read further.
        folder: Where the plan's files go; made if missing.
        schema: Of the planned rows: those of ``PLAN_SCHEMA``, and what else the listed references say.
        done: The reason for leaving out what is done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(path=folder / "pass-1.parquet", done=done)
    listing = folder / "listing.parquet"
    with pq.ParquetWriter(listing, schema) as writer:
        for batch in _unfinished_batches(listed, plan, is_done, limit=limit):
            writer.write_table(_refs_table(batch, schema))
    _sort_largest_first(listing, plan.path, schema)
    listing.unlink()
    sizes = pq.read_table(plan.path, columns=["size_bytes"])["size_bytes"]
    plan.num_videos = len(sizes)
    plan.num_bytes = int(np.sum(sizes.to_numpy()))
    return plan


def rows_left(plan_path: Path, *, is_finished: IsDone, out_path: Path) -> int:
    """Write the planned rows that never arrived to a plan of their own and return how many they are."""
    num_left = 0
    with pq.ParquetFile(plan_path) as parts, pq.ParquetWriter(out_path, parts.schema_arrow) as writer:
        for batch in parts.iter_batches(batch_size=BATCH_ROWS):
            missing = batch.filter(pa.array(~is_finished(batch["video_id"])))
            writer.write_batch(missing)
            num_left += missing.num_rows
    return num_left


def planned_rows(path: Path) -> Iterator[pa.Table]:
    """Yield the planned rows one at a time, in their order."""
    with pq.ParquetFile(path) as parts:
        for batch in parts.iter_batches(batch_size=BATCH_ROWS):
            for index in range(batch.num_rows):
                yield pa.Table.from_batches([batch.slice(index, 1)])


def planned_refs(path: Path, *, most: int) -> list[dict[str, Any]]:
    """Return the first rows of a plan."""
    return [row.to_pylist()[0] for row in islice(planned_rows(path), most)]


def left_out_text(left_out: Mapping[str, int], suffixes: Mapping[str, int], *, done: str = DONE) -> str:
    """Return what was left out in words, by reason, what is done first, the commonest suffixes named."""
    named = ", ".join(f"{suffix} {count}" for suffix, count in Counter(suffixes).most_common(5))
    parts = [f"{reason} {count}" for reason, count in sorted(left_out.items(), key=lambda item: item[0] != done)]
    return ", ".join(parts) + (f" ({named})" if named else "")


def _unfinished_batches(
    listed: Iterable[VideoRef | LeftOut], plan: Plan, is_done: IsDone, *, limit: int | None
) -> Iterator[list[VideoRef]]:
    candidates = _candidates(listed, plan)
    left = limit
    # A batch is never larger than what is still wanted, so that a listing is not read beyond the limit.
    while batch := list(islice(candidates, BATCH_ROWS if left is None else min(left, BATCH_ROWS))):
        is_left = ~is_done(pa.array([ref.video_id for ref in batch], pa.binary()))
        for ref in compress(batch, ~is_left):
            plan.leave_out(LeftOut(uri=ref.uri, size_bytes=ref.size_bytes, reason=plan.done, suffix=""))
        wanted = list(compress(batch, is_left))
        left = left if left is None else left - len(wanted)
        if wanted:
            yield wanted


def _candidates(listed: Iterable[VideoRef | LeftOut], plan: Plan) -> Iterator[VideoRef]:
    for item in listed:
        if isinstance(item, LeftOut):
            plan.leave_out(item)
        else:
            yield item


def _refs_table(refs: Sequence[VideoRef], schema: pa.Schema) -> pa.Table:
    columns = [[getattr(ref, name) for ref in refs] for name in schema.names]
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def _sort_largest_first(source: Path, target: Path, schema: pa.Schema) -> None:
    # DuckDB sorts on disk, so a listing of many millions does not have to fit into memory.
    with duckdb.connect(config={"memory_limit": SORT_MEMORY, "temp_directory": str(source.parent)}) as database:
        others = ", ".join(f"any_value({name}) AS {name}" for name in schema.names if name != "video_id")
        reader = database.sql(
            f"SELECT video_id, {others} FROM read_parquet(?) GROUP BY video_id ORDER BY size_bytes DESC, uri",  # noqa: S608
            params=[str(source)],
        ).to_arrow_reader(BATCH_ROWS)
        with pq.ParquetWriter(target, schema) as writer:
            for batch in reader:
                writer.write_table(pa.Table.from_batches([batch]).select(schema.names).cast(schema))
