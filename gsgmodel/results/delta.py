"""The few things that are done to a Delta table, each in one step, on a local folder."""

import json
import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, QueryBuilder, write_deltalake
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.results.schema import VIDEOS, plain_type
from gsgmodel.results.storage import output_errors, reason

_COLUMNS_WITH_BOUNDS = "scoring_id,status,score,last_modified,scored_at"


def open_table(folder: Path) -> DeltaTable:
    """Open the table in a folder.

    Args:
        folder: Absolute.

    Returns:
        A handle on its newest snapshot.

    Raises:
        ConfigError: If there is no table, or it cannot be read, or has other columns than ``VIDEOS``.
    """
    try:
        table = DeltaTable(folder.as_uri())
    except (DeltaError, OSError) as error:
        raise ConfigError(f"no table of results can be read in {str(folder)!r}: {reason(error)}") from error
    found = [(column.name, plain_type(column.type)) for column in pa.schema(table.schema().to_arrow())]
    expected = [(column.name, plain_type(column.type)) for column in VIDEOS]
    if found != expected:
        differing = sorted({name for name, _ in set(found) ^ set(expected)} or {"the order of columns"})
        raise ConfigError(f"the table in {str(folder)!r} is of another version, by {', '.join(differing)}")
    return table


def create_table(folder: Path) -> None:
    """Make an empty table in a folder unless one is there; several processes may do so at once.

    Args:
        folder: Absolute; made too.

    Raises:
        ConfigError: If the place, or one above it, is a file, or the folder holds something else.
        OutputError: If it cannot be written.
        DeltaError: If deltalake fails for another reason.
    """
    try:
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            names = {path.name for path in folder.iterdir()}
    except OutputError as error:
        if isinstance(error.__cause__, FileExistsError | NotADirectoryError):
            raise ConfigError(f"{str(folder)!r} is, or lies below, a file; accepted: a folder") from error
        raise
    if names and "_delta_log" not in names:
        raise ConfigError(f"{str(folder)!r} holds something that is not a table of results")
    if DeltaTable.is_deltatable(folder.as_uri()):
        return
    try:
        with output_errors(folder):
            DeltaTable.create(
                folder.as_uri(),
                schema=VIDEOS,
                mode="error",
                name="videos",
                configuration={"delta.dataSkippingStatsColumns": _COLUMNS_WITH_BOUNDS},
                # Without this a process that loses the race would commit the table's metadata a second time.
                commit_properties=CommitProperties(max_commit_retries=0),
            )
    except DeltaError:
        if not DeltaTable.is_deltatable(folder.as_uri()):
            raise


def append_rows(table: DeltaTable, folder: Path, rows: pa.Table, *, properties: CommitProperties) -> str:
    """Write rows of one scoring to a file of their own and commit it.

    Not by ``write_deltalake``, which on a full disk prints a panic besides raising. The handle stays where it is.

    Args:
        table: A handle on the table in the folder.
        folder: Absolute.
        rows: Of the schema ``VIDEOS``, at least one.
        properties: Of the commit.

    Returns:
        The file's name. Without permission or space an ``OutputError`` is raised.
    """
    name = f"part-{uuid.uuid4()}.parquet"
    path = folder / name
    with output_errors(folder):
        _write_file(rows, path)
        status = path.stat()
        bounds = {"scoring_id": rows["scoring_id"][0].as_py()}
        stats = {"numRecords": rows.num_rows, "minValues": bounds, "maxValues": bounds, "nullCount": {"scoring_id": 0}}
        added = AddAction(
            path=name,
            size=status.st_size,
            partition_values={},
            modification_time=status.st_mtime_ns // 1_000_000,
            data_change=True,
            stats=json.dumps(stats),
        )
        table.create_write_transaction([added], "append", VIDEOS, commit_properties=properties)
    return name


def _write_file(rows: pa.Table, path: Path) -> None:
    """Write all of a file or none of it.

    Raises:
        OSError: If it cannot be written.
    """
    try:
        pq.write_table(rows, path, compression="zstd")
    except OSError:
        # Only here: once a commit was tried, it may have landed even if it raised.
        path.unlink(missing_ok=True)
        raise


def replace_rows(table: DeltaTable, folder: Path, rows: pa.Table, *, properties: CommitProperties) -> None:
    """Commit rows of one scoring and take away the rows of the same videos and scoring, in one commit.

    Args:
        table: A handle on the table in the folder.
        folder: Absolute.
        rows: Of the schema ``VIDEOS``, at least one, each video once.
        properties: Of the commit. Without permission or space an ``OutputError`` is raised.
    """
    video_ids = ", ".join(f"X'{value.hex()}'" for value in rows["video_id"].to_pylist())
    predicate = f"scoring_id = {quoted(rows['scoring_id'][0].as_py())} AND video_id IN ({video_ids})"
    with output_errors(folder):
        write_deltalake(table, rows, mode="overwrite", predicate=predicate, commit_properties=properties)


def file_paths(table: DeltaTable, folder: Path) -> dict[str, Path]:
    """A snapshot's files by their names in its log, which never need decoding: neither writer uses odd ones."""
    names = pa.table(table.get_add_actions())["path"].to_pylist()
    return {name: folder / name for name in names}


def ask(table: DeltaTable, sql: str) -> pa.Table:
    """Ask a snapshot, called ``videos``; text and binary columns of the answer are plain ones, not views."""
    answer = pa.table(QueryBuilder().register("videos", table).execute(sql).read_all())
    return answer.cast(pa.schema([column.with_type(plain_type(column.type)) for column in answer.schema]))


def quoted(text: str) -> str:
    """A text as SQL has it.

    >>> quoted("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
