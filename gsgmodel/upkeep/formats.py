"""Rows as CSV, as lines of JSON and as Parquet, written batch by batch."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import BinaryIO, ClassVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from gsgmodel.results.schema import VIDEOS
from gsgmodel.upkeep.snapshot import NESTED

ROW_GROUP_BYTES = 64 << 20
"""What the rows of a group of a Parquet file have in memory: smaller groups are slow to read, larger ones to hold."""
RISKY = r"^[=+\-@\t\r\n]"
"""How a text begins that a spreadsheet takes for a formula."""
_TIMES = ("last_modified", "scored_at")
_UTC = "strftime({0} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') AS {0}"
_AS_JSON = (
    "SELECT to_json(line) AS line FROM (SELECT * REPLACE (lower(hex(video_id)) AS video_id, "  # noqa: S608
    f"{', '.join(_UTC.format(name) for name in _TIMES)}) FROM batch) AS line"
)


class RowFile(ABC):
    """Takes rows; whole once its block has ended without an error."""

    columns: ClassVar[Sequence[str]] = VIDEOS.names
    """Of the rows that it takes."""

    @abstractmethod
    def __init__(self, file: BinaryIO) -> None: ...

    @abstractmethod
    def write(self, batch: pa.RecordBatch) -> None:
        """Write rows."""

    @abstractmethod
    def close(self) -> None:
        """Write what is left."""

    def __enter__(self) -> "RowFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What could not be written before cannot be written now, and the first error says more.
        if kind is None:
            self.close()


class CsvFile(RowFile):
    """A line of names, then a line for each row: without faces, ids as hexadecimal digits, notes joined by ``;``.

    A text that a spreadsheet would take for a formula has an apostrophe before it: anybody may name a file.
    """

    columns = tuple(name for name in VIDEOS.names if name != NESTED)

    def __init__(self, file: BinaryIO) -> None:
        empty = pa.RecordBatch.from_pylist([], schema=pa.schema([VIDEOS.field(name) for name in self.columns]))
        self._writer = pyarrow.csv.CSVWriter(file, flat(empty).schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a line for each row."""
        self._writer.write_batch(flat(batch))

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


class JsonLinesFile(RowFile):
    """An object a line, with everything: ids as hexadecimal digits, times in UTC as ISO 8601 has them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        # Ten times as fast as Python's own.
        self._database = duckdb.connect(config={"threads": 1})

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a line for each row."""
        self._database.register("batch", pa.Table.from_batches([batch]))
        lines = self._database.sql(_AS_JSON).to_arrow_table()["line"].to_pylist()
        self._file.write("".join(f"{line}\n" for line in lines).encode())

    def close(self) -> None:
        """Nothing is left."""
        self._database.close()


class ParquetFile(RowFile):
    """Everything as it is in the table."""

    def __init__(self, file: BinaryIO) -> None:
        self._writer = pq.ParquetWriter(file, VIDEOS, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Write rows, as soon as there are enough for a group."""
        self._waiting.append(batch)
        if sum(waiting.nbytes for waiting in self._waiting) >= ROW_GROUP_BYTES:
            self._write_group()

    def close(self) -> None:
        """Write the last group, and where the groups are."""
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting))
        self._waiting = []


def flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Rows as ``CsvFile`` has them."""
    columns = {name: batch.column(name) for name in batch.schema.names}
    columns["video_id"] = pa.array([value.hex() for value in columns["video_id"].to_pylist()], pa.string())
    columns["notes"] = pc.binary_join(columns["notes"], ";")
    return pa.RecordBatch.from_pydict(
        {name: _harmless(column) if pa.types.is_string(column.type) else column for name, column in columns.items()}
    )


def _harmless(texts: pa.StringArray) -> pa.StringArray:
    """Texts with an apostrophe before those that a spreadsheet would calculate."""
    return pc.if_else(pc.match_substring_regex(texts, RISKY), pc.binary_join_element_wise("'", texts, ""), texts)
