"""The few things that are done to a Delta table, each in one step, wherever it lies."""

import io
import json
import time
import uuid
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Schema, write_deltalake
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction

from gsgmodel.errors import ConfigError, OutputError, VideoError
from gsgmodel.results.kinds import RowKind
from gsgmodel.results.places import Place
from gsgmodel.results.schema import VIDEO_ROWS, plain_type
from gsgmodel.results.storage import output_errors, reading_errors, reason

CREATE_ATTEMPTS, CREATE_WAIT_S = 4, 0.5
_LOG = "_delta_log"


def open_table(
    place: Place, *, kind: RowKind = VIDEO_ROWS, options: Mapping[str, str] | None = None, version: int | None = None
) -> DeltaTable:
    """Open the table in a place.

    Args:
        place: Of the table.
        kind: Of its rows.
        options: Its storage options, where the caller has them already.
        version: Of the snapshot; the newest by default.

    Returns:
        A handle on that snapshot.

    Raises:
        ConfigError: If there is no table, or it cannot be read, or has other columns.
    """
    try:
        table = handle(place, options=options, version=version)
    except (DeltaError, OSError, VideoError) as error:
        raise ConfigError(f"no {kind.title} can be read in {place.uri!r}: {reason(error)}") from error
    found = [(column.name, plain_type(column.type)) for column in pa.schema(table.schema().to_arrow())]
    expected = [(column.name, plain_type(column.type)) for column in kind.schema]
    # A table of an older version lacks columns at the end: they read as null, and a run that writes adds them.
    if not found or found != expected[: len(found)]:
        differing = sorted({name for name, _ in set(found) ^ set(expected)} or {"the order of columns"})
        raise ConfigError(f"the {kind.title} in {place.uri!r} is of another version, by {', '.join(differing)}")
    return table


def handle(place: Place, *, options: Mapping[str, str] | None = None, version: int | None = None) -> DeltaTable:
    """A handle on a snapshot, else the newest, of what is a table for sure; errors are deltalake's and the place's."""
    storage_options = dict(options) if options else place.storage_options()
    return DeltaTable(place.table_uri, version=version, storage_options=storage_options)


def is_table(place: Place) -> bool:
    """Whether a place holds a table; not by deltalake, which meanwhile lets no other thread run."""
    return any(name.endswith((".json", ".parquet")) for name in (place / _LOG).names())


def create_table(place: Place, *, kind: RowKind = VIDEO_ROWS, description: str | None = None) -> None:
    """Make an empty table in a place unless one is there; several processes may do so at once.

    Args:
        place: Of the table; a folder is made too.
        kind: Of its rows.
        description: What the table says of itself; of several processes, that of the first stands.

    Raises:
        DeltaError: If deltalake fails for another reason than that the place is, or lies below, a file or holds
            something else (a ``ConfigError``), or cannot be written (an ``OutputError``).
    """
    if _is_table_made(place, kind=kind):
        _add_columns(place, kind=kind)
        return
    for attempt in range(1, CREATE_ATTEMPTS + 1):
        try:
            _create(place, kind=kind, description=description)
        except DeltaError:
            # A store that refuses the first commit for a moment is taken for one that has it already.
            if attempt == CREATE_ATTEMPTS:
                raise
            time.sleep(CREATE_WAIT_S * attempt)
        else:
            return


def _is_table_made(place: Place, *, kind: RowKind) -> bool:
    """Make the place, and say whether it holds a table.

    Raises:
        ConfigError: If the place, or one above it, is a file, or holds something else.
        OutputError: If it cannot be written.
    """
    try:
        with output_errors(place.uri):
            place.make()
            names = place.names()
            if names and _LOG not in names:
                raise ConfigError(f"{place.uri!r} holds something that is not a {kind.title}")
            return is_table(place)
    except OutputError as error:
        if isinstance(error.__cause__, FileExistsError | NotADirectoryError):
            raise ConfigError(f"{place.uri!r} is, or lies below, a file; accepted: a folder") from error
        raise


def _create(place: Place, *, kind: RowKind, description: str | None) -> None:
    """Make a table once; that another process was faster is no failure.

    Raises:
        DeltaError: If there is none afterwards.
    """
    try:
        with output_errors(place.uri):
            DeltaTable.create(
                place.table_uri,
                schema=kind.schema,
                mode="error",
                name=kind.name,
                description=description,
                configuration={"delta.dataSkippingStatsColumns": kind.column_bounds},
                storage_options=place.storage_options(),
                # Without this a process that loses the race would commit the table's metadata a second time.
                commit_properties=CommitProperties(max_commit_retries=0),
            )
    except DeltaError:
        with output_errors(place.uri):
            if not is_table(place):
                raise


def _add_columns(place: Place, *, kind: RowKind) -> None:
    """Give a table of an older version the columns that it lacks; several processes may do so at once.

    Raises:
        DeltaError: If they cannot be added.
    """
    table = open_table(place, kind=kind)
    missing = kind.schema.names[len(table.schema().fields) :]
    if not missing:
        return
    fields = Schema.from_arrow(pa.schema([kind.schema.field(name) for name in missing])).fields
    try:
        with output_errors(place.uri):
            table.alter.add_columns(list(fields))
    except DeltaError:
        # Another process may have been faster.
        if len(open_table(place, kind=kind).schema().fields) < len(kind.schema):
            raise


def append_rows(
    table: DeltaTable, place: Place, rows: pa.Table, *, properties: CommitProperties, kind: RowKind = VIDEO_ROWS
) -> str:
    """Write rows of one scoring to a file of their own and commit it.

    Not by ``write_deltalake``, which on a full disk prints a panic besides raising. The handle stays where it is.

    Args:
        table: A handle on the table in the place.
        place: Of the table.
        rows: Of the kind's schema, at least one.
        properties: Of the commit.
        kind: Of the rows.

    Returns:
        The file's name. Without permission or space an ``OutputError`` is raised.
    """
    name, content = f"part-{uuid.uuid4()}.parquet", parquet_bytes(rows)
    bounds = {kind.key_column: rows[kind.key_column][0].as_py()}
    stats = {"numRecords": rows.num_rows, "minValues": bounds, "maxValues": bounds, "nullCount": {kind.key_column: 0}}
    added = AddAction(
        path=name,
        size=len(content),
        partition_values={},
        modification_time=time.time_ns() // 1_000_000,
        data_change=True,
        stats=json.dumps(stats),
    )
    with output_errors(place.uri):
        # Not taken back where the commit fails: it may have landed even if it raised.
        place.write(name, content)
        table.create_write_transaction([added], "append", kind.schema, commit_properties=properties)
    return name


def parquet_bytes(rows: pa.Table) -> bytes:
    """Rows as a Parquet file, with sums by which a page that changed on its disk is known."""
    content = io.BytesIO()
    pq.write_table(rows, content, compression="zstd", write_page_checksum=True)
    return content.getvalue()


def replace_rows(
    table: DeltaTable, place: Place, rows: pa.Table, *, properties: CommitProperties, kind: RowKind = VIDEO_ROWS
) -> None:
    """Commit rows of one scoring and take away the rows of the same videos and scoring, in one commit.

    Args:
        table: A handle on the table in the place.
        place: Of the table.
        rows: Of the kind's schema, at least one, each video once.
        properties: Of the commit. Without permission or space an ``OutputError`` is raised.
        kind: Of the rows.
    """
    video_ids = ", ".join(f"X'{value.hex()}'" for value in rows["video_id"].to_pylist())
    predicate = f"{kind.key_column} = {quoted(rows[kind.key_column][0].as_py())} AND video_id IN ({video_ids})"
    with output_errors(place.uri):
        write_deltalake(table, rows, mode="overwrite", predicate=predicate, commit_properties=properties)


def all_rows(table: DeltaTable, place: Place, *, kind: RowKind, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a snapshot of a table that fits into memory, in no order.

    Args:
        table: A handle on the table in the place.
        place: Of the table.
        kind: Of its rows.
        columns: Those that are wanted; all by default.

    Returns:
        The rows. What cannot be read is a ``ConfigError``.
    """
    names = sorted(file_names(table))
    wanted = list(columns or kind.schema.names)
    if not names:
        return kind.schema.empty_table().select(wanted)
    with reading_errors(place.uri):
        paths = [place.file_path(name) for name in names]
        files = ds.dataset(paths, schema=kind.schema, format="parquet", filesystem=place.files)
        rows: pa.Table = files.to_table(columns=wanted, use_threads=False, fragment_readahead=place.files_ahead)
    return rows


def file_names(table: DeltaTable) -> set[str]:
    """A snapshot's files by their names in its log, which never need decoding: neither writer uses odd ones."""
    return set(pa.table(table.get_add_actions())["path"].to_pylist())


def ask(table: DeltaTable, sql: str, *, kind: RowKind = VIDEO_ROWS) -> pa.Table:
    """Ask a snapshot, called by its kind's name; text and binary columns of the answer are plain ones, not views."""
    answer = pa.table(QueryBuilder().register(kind.name, table).execute(sql).read_all())
    return answer.cast(pa.schema([column.with_type(plain_type(column.type)) for column in answer.schema]))


def quoted(text: str) -> str:
    """A text as SQL has it.

    >>> quoted("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
