"""Manifests: tables that name the objects to be scored, a row each."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from gsgmodel.archive.candidates import suffix_of
from gsgmodel.archive.identity import canonical_uri, is_s3, is_uri, local_path, split_uri
from gsgmodel.archive.s3 import read_whole
from gsgmodel.errors import ConfigError, VideoError

COLUMNS = ("uri", "path")
"""Columns that may name the objects; the first that a manifest has is used, all others are ignored."""
MOST_BYTES = 2**30
"""Of a manifest on S3, which is held in memory."""
_BATCH_ROWS = 8192


def is_manifest(name: str | Path) -> bool:
    """Whether a named object is a manifest, by its path or URI.

    >>> is_manifest(Path("list.CSV")), is_manifest("s3://bucket/a/list.parquet"), is_manifest("video.mp4")
    (True, True, False)
    """
    return suffix_of(str(name)) in {".parquet", ".csv"}


def check_manifest(manifest: Path | str, *, s3_endpoint: str | None = None) -> None:
    """Make sure that a manifest can be read and has a column ``uri`` or ``path`` of text; a ``ConfigError`` if not."""
    for _ in _batches(manifest, s3_endpoint=s3_endpoint):
        return


def manifest_entries(manifest: Path | str, *, s3_endpoint: str | None = None) -> Iterator[Path | str | None]:
    """The objects that a manifest names, in its order, read by batches.

    Args:
        manifest: A Parquet or CSV file with a column ``uri`` or ``path`` (``COLUMNS``): a path, or the canonical URI
            of an object of S3. Each value is a ``file://`` or ``s3://`` URI, an absolute path, or relative to the
            manifest's folder and taken literally.
        s3_endpoint: Of the store, or None for the environment's.

    Yields:
        Absolute paths, canonical ``s3://`` URIs, and None for a blank row. A broken manifest and a row whose scheme
        is not supported are a ``ConfigError`` when they are reached.
    """
    folder = str(manifest).rpartition("/")[0]
    for column in _batches(manifest, s3_endpoint=s3_endpoint):
        for value in column.to_pylist():
            if not value:
                yield None
            else:
                name = value if is_uri(value) or value.startswith("/") else f"{folder}/{value}"
                yield canonical_uri(name) if is_s3(name) else local_path(name)


def _batches(manifest: Path | str, *, s3_endpoint: str | None) -> Iterator[pa.Array]:
    """The naming column, batch by batch.

    Raises:
        ConfigError: If the manifest is broken or its store fails.
    """
    name = str(manifest)
    try:
        opened = _opener(manifest, s3_endpoint=s3_endpoint)
        yield from _parquet_batches(name, opened) if suffix_of(name) == ".parquet" else _csv_batches(name, opened)
    except (pa.ArrowInvalid, pa.ArrowKeyError, pa.ArrowNotImplementedError, OSError, VideoError) as error:
        raise ConfigError(f"manifest {name!r} cannot be read: {str(error).splitlines()[0]}") from error


def _opener(manifest: Path | str, *, s3_endpoint: str | None) -> Callable[[], BinaryIO]:
    if isinstance(manifest, Path):
        return lambda: manifest.open("rb")
    return partial(io.BytesIO, read_whole(*split_uri(manifest), endpoint=s3_endpoint, most_bytes=MOST_BYTES))


def _parquet_batches(name: str, opened: Callable[[], BinaryIO]) -> Iterator[pa.Array]:
    with opened() as file, pq.ParquetFile(file) as table:
        column = _column(name, table.schema_arrow.names)
        kind = table.schema_arrow.field(column).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
            raise ConfigError(f"manifest {name!r}: column {column!r} is {kind}; accepted: text")
        for batch in table.iter_batches(batch_size=_BATCH_ROWS, columns=[column], use_threads=False):
            yield batch.column(0)


def _csv_batches(name: str, opened: Callable[[], BinaryIO]) -> Iterator[pa.Array]:
    with opened() as file:
        header = pa_csv.open_csv(file, read_options=pa_csv.ReadOptions(use_threads=False))
        with closing(header):
            column = _column(name, header.schema.names)
    with opened() as file:
        table = pa_csv.open_csv(
            file,
            read_options=pa_csv.ReadOptions(use_threads=False),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(include_columns=[column], column_types={column: pa.string()}),
        )
        with closing(table):
            for batch in table:
                yield batch.column(0)


def _column(name: str, names: list[str]) -> str:
    for column in COLUMNS:
        if column in names:
            return column
    raise ConfigError(f"manifest {name!r} has no column named {COLUMNS[0]!r} or {COLUMNS[1]!r}")
