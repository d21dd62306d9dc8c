"""Manifests: tables that name the objects to be scored, a row each."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from gsgmodel.archive.identity import is_uri, local_path
from gsgmodel.errors import ConfigError

COLUMNS = ("uri", "path")
"""Columns that may name the objects; the first that a manifest has is used, all others are ignored."""
_BATCH_ROWS = 8192


def is_manifest(path: Path) -> bool:
    """Whether a named file is a manifest, by its name.

    >>> is_manifest(Path("list.CSV")), is_manifest(Path("video.mp4"))
    (True, False)
    """
    return path.suffix.lower() in {".parquet", ".csv"}


def check_manifest(path: Path) -> None:
    """Make sure that a manifest can be read and has a column ``uri`` or ``path`` of text; a ``ConfigError`` if not."""
    for _ in _batches(path):
        return


def manifest_paths(path: Path) -> Iterator[Path | None]:
    """The files that a manifest names, in its order, read by batches.

    Args:
        path: A Parquet or CSV file with a column ``uri`` or ``path`` (``COLUMNS``). Each value is a path, taken
            literally and relative to the manifest's folder, or a ``file://`` URI.

    Yields:
        Absolute paths; None for a blank row. A broken manifest and a row whose scheme is not supported are a
        ``ConfigError`` when they are reached.
    """
    for column in _batches(path):
        for value in column.to_pylist():
            if not value:
                yield None
            else:
                yield local_path(value if is_uri(value) or value.startswith("/") else f"{path.parent}/{value}")


def _batches(path: Path) -> Iterator[pa.Array]:
    """The naming column, batch by batch.

    Raises:
        ConfigError: If the manifest is broken.
    """
    try:
        yield from _parquet_batches(path) if path.suffix.lower() == ".parquet" else _csv_batches(path)
    except (pa.ArrowInvalid, pa.ArrowKeyError, pa.ArrowNotImplementedError, OSError) as error:
        raise ConfigError(f"manifest {str(path)!r} cannot be read: {str(error).splitlines()[0]}") from error


def _parquet_batches(path: Path) -> Iterator[pa.Array]:
    with path.open("rb") as file, pq.ParquetFile(file) as table:
        name = _column(path, table.schema_arrow.names)
        kind = table.schema_arrow.field(name).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
            raise ConfigError(f"manifest {str(path)!r}: column {name!r} is {kind}; accepted: text")
        for batch in table.iter_batches(batch_size=_BATCH_ROWS, columns=[name], use_threads=False):
            yield batch.column(0)


def _csv_batches(path: Path) -> Iterator[pa.Array]:
    with path.open("rb") as file:
        header = pa_csv.open_csv(file, read_options=pa_csv.ReadOptions(use_threads=False))
        with closing(header):
            name = _column(path, header.schema.names)
    with path.open("rb") as file:
        table = pa_csv.open_csv(
            file,
            read_options=pa_csv.ReadOptions(use_threads=False),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(include_columns=[name], column_types={name: pa.string()}),
        )
        with closing(table):
            for batch in table:
                yield batch.column(0)


def _column(path: Path, names: list[str]) -> str:
    for name in COLUMNS:
        if name in names:
            return name
    raise ConfigError(f"manifest {str(path)!r} has no column named {COLUMNS[0]!r} or {COLUMNS[1]!r}")
