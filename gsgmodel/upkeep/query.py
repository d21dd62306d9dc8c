"""Questions in SQL over a table, with nothing else within their reach."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.results.storage import reading_errors
from gsgmodel.upkeep.latest import newest_sql
from gsgmodel.upkeep.snapshot import BATCH_ROWS, SQL_MEMORY, Snapshot

_ALONE = {"python_enable_replacements": "false", "autoload_known_extensions": "false"}
"""Names in SQL are neither variables of this process nor reasons to fetch code."""
VIEWS = "videos, every row, and latest, the newest row of each name"


def query(snapshot: Snapshot, sql: str) -> Iterator[pa.RecordBatch]:
    """Ask a question that somebody typed.

    Args:
        snapshot: Of the table; it is the view ``videos``, and the newest row of each uri is the view ``latest``.
        sql: One ``SELECT`` in DuckDB's SQL. It can read no files and change no settings, whatever it says.

    Yields:
        The answer in batches, at least one, in its order. What cannot be read is a ``ConfigError``, a disk without room
        for what does not fit into memory an ``OutputError``.

    Raises:
        ConfigError: If the text is no single ``SELECT``, or asks for what there is not.
    """
    with (
        tempfile.TemporaryDirectory(prefix="gsg-query-") as scratch,
        duckdb.connect(config={"memory_limit": SQL_MEMORY, "temp_directory": scratch, **_ALONE}) as database,
        reading_errors(snapshot.place.uri),
        _sql_errors(),
    ):
        database.register(snapshot.kind.name, _rows(snapshot))
        database.execute(f"CREATE VIEW latest AS {newest_sql('* EXCLUDE (place)')}")
        database.execute("SET enable_external_access = false; SET lock_configuration = true")
        statements = database.extract_statements(sql)
        if [each.type for each in statements] != [duckdb.StatementType.SELECT]:
            raise ConfigError(f"SQL is {sql!r}; accepted: one SELECT over {VIEWS}")
        yield from _at_least_one(database.sql(statements[0].query).to_arrow_reader(BATCH_ROWS))


def _rows(snapshot: Snapshot) -> ds.Dataset:
    """The table as DuckDB reads it, as often as a question needs, only the columns and rows that it needs."""
    paths = [snapshot.place.file_path(file.name) for file in snapshot.files]
    return ds.dataset(paths, schema=snapshot.kind.schema, format="parquet", filesystem=snapshot.place.files)


def _at_least_one(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The batches; one without rows where there are none, which says what the columns are."""
    is_empty = True
    for batch in reader:
        is_empty = False
        yield batch
    if is_empty:
        yield pa.RecordBatch.from_pylist([], schema=reader.schema)


@contextmanager
def _sql_errors() -> Iterator[None]:
    """Make one sentence of what DuckDB says.

    Raises:
        ConfigError: If the question is wrong.
        OutputError: If there is no room for the answer.
    """
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise OutputError(f"no room for the answer, TMPDIR names another folder: {_said(error)}") from error
    except duckdb.Error as error:
        raise ConfigError(f"the SQL cannot be answered: {_said(error)}; accepted: one SELECT over {VIEWS}") from error


def _said(error: duckdb.Error) -> str:
    return " ".join(str(error).split("\n\n")[0].split())
