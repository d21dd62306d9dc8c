"""One version of an output's table, read in batches and asked in SQL however many millions of rows it has."""

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.results.delta import is_table, open_table
from gsgmodel.results.kinds import RowKind
from gsgmodel.results.places import Place
from gsgmodel.results.schema import VIDEO_ROWS
from gsgmodel.results.storage import output_place, reading_errors

BATCH_ROWS = 4096
"""So few that a batch with all its nesting is some megabytes."""
NESTED = "faces"
"""The column that takes most of the room."""
SQL_MEMORY = "1GB"
"""What DuckDB takes of memory before it goes on on disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """A file as the table's log describes it."""

    name: str
    size_bytes: int
    num_rows: int | None
    """None where whoever wrote it did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A table as it was when it was opened; what others commit afterwards is not seen."""

    output: Place
    """Holds the table, and the runs."""
    place: Place
    """Of the table."""
    table: DeltaTable
    kind: RowKind = VIDEO_ROWS

    @classmethod
    def open(cls, output_uri: str, *, s3_endpoint: str | None = None) -> "Snapshot":
        """Open the newest version of an output's table of videos.

        Args:
            output_uri: A path, ``file://`` URI or ``s3://BUCKET/PREFIX``, as scans take it.
            s3_endpoint: Of the store, or None for the environment's.

        Returns:
            The snapshot.

        Raises:
            ConfigError: If there is no table, or it cannot be read, or has other columns.
        """
        output = output_place(output_uri, s3_endpoint=s3_endpoint)
        place = output / VIDEO_ROWS.name
        with reading_errors(place.uri):
            is_there = is_table(place)
        if not is_there:
            raise ConfigError(
                f"OUTPUT is {output_uri!r}, and there is no table of results in {place.uri!r}; accepted: the --output "
                f"of a scan, the folder or prefix that holds {VIDEO_ROWS.name!r}"
            )
        return cls(output=output, place=place, table=open_table(place))

    @property
    def files(self) -> list[TableFile]:
        """Those that make up the table, by name."""
        found = pa.table(self.table.get_add_actions()).select(["path", "size_bytes", "num_records"]).to_pylist()
        files = [
            TableFile(name=one["path"], size_bytes=one["size_bytes"], num_rows=one["num_records"]) for one in found
        ]
        return sorted(files, key=lambda file: file.name)

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        scoring_id: str | None = None,
        names: Collection[str] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Read the rows, of which a few batches are in memory at a time, in no order.

        Args:
            columns: Those that are wanted, or None for all; those that an older table lacks are null.
            scoring_id: Of the rows that are wanted, or None for all.
            names: Of the files to read, or None for all.

        Yields:
            Batches with the columns in the order asked for. A file that cannot be read, or is broken, is a
            ``ConfigError``.
        """
        paths = [
            self.place.file_path(name)
            for name in sorted(names if names is not None else (file.name for file in self.files))
        ]
        wanted = list(columns or self.kind.schema.names)
        with reading_errors(self.place.uri), _broken_files(self.place.uri):
            if NESTED in wanted:
                for path in paths:
                    yield from self._streamed(path, wanted, scoring_id)
            elif paths:
                yield from self._scanned(paths, wanted, scoring_id)

    def _streamed(self, path: str, columns: list[str], scoring_id: str | None) -> Iterator[pa.RecordBatch]:
        """A file without ever having a row group of it in memory as a whole: with faces that may be gigabytes."""
        key = self.kind.key_column
        with self.place.files.open_input_file(path) as source, _parquet(source) as file:
            there = [name for name in dict.fromkeys([*columns, key]) if name in file.schema_arrow.names]
            for batch in file.iter_batches(BATCH_ROWS, columns=there, use_threads=False):
                rows = batch if scoring_id is None else batch.filter(pc.equal(batch.column(key), scoring_id))
                if rows.num_rows:
                    yield _completed(rows, pa.schema([self.kind.schema.field(name) for name in columns]))

    def _scanned(self, paths: list[str], columns: list[str], scoring_id: str | None) -> Iterator[pa.RecordBatch]:
        """Files one after the other, the next ones opened meanwhile where that takes long."""
        files = ds.dataset(paths, schema=self.kind.schema, format="parquet", filesystem=self.place.files)
        scanner = files.scanner(
            columns=columns,
            filter=None if scoring_id is None else ds.field(self.kind.key_column) == scoring_id,
            use_threads=False,
            batch_size=BATCH_ROWS,
            batch_readahead=1,
            fragment_readahead=self.place.files_ahead,
        )
        yield from scanner.to_batches()

    def ask(
        self, sql: str, *, columns: Sequence[str], scoring_id: str | None = None, names: Collection[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Ask a question that may take more room than there is memory.

        Args:
            sql: One ``SELECT`` in DuckDB's SQL over ``videos``, which can be read once.
            columns: That the question is about.
            scoring_id: As of ``batches``.
            names: As of ``batches``.

        Yields:
            The answer in batches. What cannot be read is a ``ConfigError``, a disk without room for what does not fit
            into memory an ``OutputError``.
        """
        failed: list[ConfigError] = []
        schema = pa.schema([self.kind.schema.field(name) for name in columns])
        rows = _noting(self.batches(columns, scoring_id=scoring_id, names=names), failed)
        reader = pa.RecordBatchReader.from_batches(schema, rows)
        with (
            tempfile.TemporaryDirectory(prefix="gsg-table-") as scratch,
            duckdb.connect(config={"memory_limit": SQL_MEMORY, "temp_directory": scratch}) as database,
            _room(scratch),
        ):
            database.execute("SET preserve_insertion_order = false")
            database.register(self.kind.name, reader)
            try:
                yield from database.sql(sql).to_arrow_reader(BATCH_ROWS)
            finally:
                if failed:
                    raise failed[0]

    def answer(self, sql: str, *, columns: Sequence[str], scoring_id: str | None = None) -> list[dict[str, Any]]:
        """Ask a question with a small answer; arguments as of ``ask``."""
        return [row for batch in self.ask(sql, columns=columns, scoring_id=scoring_id) for row in batch.to_pylist()]

    def check_scoring(self, scoring_id: str) -> None:
        """Make sure that there are rows of a scoring.

        Raises:
            ConfigError: If there are none; names those that there are.
        """
        found = self.answer("SELECT DISTINCT scoring_id FROM videos ORDER BY scoring_id", columns=["scoring_id"])
        known = [str(row["scoring_id"]) for row in found]
        if scoring_id not in known:
            raise ConfigError(
                f"--scoring is {scoring_id!r}, of which there are no rows in {self.place.uri!r}; accepted: "
                f"{', '.join(known) or 'none, the table is empty'}"
            )


def _parquet(source: pa.NativeFile) -> pq.ParquetFile:
    # Of files that were merged since there are no sums to compare with.
    return pq.ParquetFile(source, pre_buffer=True, page_checksum_verification=True)


def _completed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of a schema, null where an older file lacks one."""
    columns = [
        batch.column(column.name).cast(column.type)
        if column.name in batch.schema.names
        else pa.nulls(batch.num_rows, column.type)
        for column in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


@contextmanager
def _broken_files(uri: str) -> Iterator[None]:
    """Make one sentence of what pyarrow says of a file that is no Parquet any more.

    Raises:
        ConfigError: In its stead.
    """
    try:
        yield
    except pa.ArrowInvalid as error:
        raise ConfigError(f"results cannot be read in {uri!r}: {' '.join(str(error).split())}") from error


@contextmanager
def _room(scratch: str) -> Iterator[None]:
    """Make one sentence of what DuckDB says of a disk that is full.

    Raises:
        OutputError: In its stead.
    """
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        said = " ".join(str(error).split())
        raise OutputError(f"no room to sort in {scratch!r}, TMPDIR names another folder: {said}") from error


def _noting(batches: Iterator[pa.RecordBatch], failed: list[ConfigError]) -> Iterator[pa.RecordBatch]:
    """The same batches; the error that ends them is noted, because DuckDB only keeps its text.

    Raises:
        ConfigError: As it came.
    """
    try:
        yield from batches
    except ConfigError as error:
        failed.append(error)
        raise
