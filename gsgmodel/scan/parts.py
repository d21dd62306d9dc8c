"""Planned rows in files whose number grows while the archive is still being listed.

A folder holds immutable Parquet parts and, once there will be no more, an empty file that says so. Whoever reads it
meanwhile waits for the next part, and reads the same rows in the same order each time. What is left of a plan is one
file, which is read in the same ways.
"""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool

END = "_end"
"""Whoever opens a folder as one Parquet table leaves out names that begin so."""
LOOK_S = 0.2
"""How often a reader looks for the next part."""
BATCH_ROWS = 10_000

IsDone = Callable[[pa.Array], Bool[np.ndarray, "N"]]
"""Says of video ids whether they need no work."""


def write_part(folder: Path, number: int, rows: pa.Table) -> Path:
    """Write one part of a plan, of which nothing is seen before it is whole.

    Args:
        folder: Of the plan.
        number: From 0, without gaps.
        rows: In the order in which they are to be taken.

    Returns:
        Its file.
    """
    path = _part(folder, number)
    partial = path.with_suffix(".partial")
    pq.write_table(rows, partial)
    return partial.replace(path)


def end_parts(folder: Path) -> None:
    """Say that there will be no more parts."""
    (folder / END).touch()


def is_ended(path: Path) -> bool:
    """Whether a plan has all of its parts."""
    return path.is_file() or (path / END).exists()


def part_paths(path: Path) -> Iterator[Path]:
    """Yield the parts of a plan in order, waiting for those that are not written yet.

    Args:
        path: A plan's folder, or a file that is all of it.

    Yields:
        Files.

    Raises:
        FileNotFoundError: If there is neither, or no longer.
    """
    if path.is_file():
        yield path
        return
    number = 0
    while True:
        # Before the part is looked for: it may come between.
        is_over = (path / END).exists()
        part = _part(path, number)
        if part.exists():
            yield part
            number += 1
        elif is_over:
            return
        elif not path.is_dir():
            raise FileNotFoundError(f"{path} holds no plan")
        else:
            time.sleep(LOOK_S)


def plan_schema(path: Path) -> pa.Schema:
    """The schema of a plan's rows; waits for the first part, which also a plan without rows has."""
    return pq.read_schema(next(part_paths(path)))


def planned_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the planned rows in their order, some thousands at a time, waiting for those that are not planned yet."""
    for part in part_paths(path):
        with pq.ParquetFile(part) as rows:
            yield from rows.iter_batches(batch_size=BATCH_ROWS)


def planned_rows(path: Path) -> Iterator[pa.Table]:
    """Yield the planned rows one at a time, as ``planned_batches`` does."""
    for batch in planned_batches(path):
        for index in range(batch.num_rows):
            yield pa.Table.from_batches([batch.slice(index, 1)])


def planned_refs(path: Path, *, most: int) -> list[dict[str, Any]]:
    """Return the first rows of a plan."""
    return [row.to_pylist()[0] for row in islice(planned_rows(path), most)]


def rows_left(path: Path, *, is_finished: IsDone, out_path: Path) -> int:
    """Write the planned rows that never arrived to a file of their own and return how many they are."""
    num_left = 0
    with pq.ParquetWriter(out_path, plan_schema(path)) as writer:
        for batch in planned_batches(path):
            missing = batch.filter(pa.array(~is_finished(batch["video_id"])))
            writer.write_batch(missing)
            num_left += missing.num_rows
    return num_left


def _part(folder: Path, number: int) -> Path:
    return folder / f"part-{number:05}.parquet"
