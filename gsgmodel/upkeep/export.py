"""A table as one file of its own, for people and for tools that do not read Delta."""

import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from gsgmodel.errors import ConfigError
from gsgmodel.results.storage import output_errors, reason
from gsgmodel.upkeep.formats import CsvFile, JsonLinesFile, ParquetFile, RowFile
from gsgmodel.upkeep.latest import newest_ids, only_newest
from gsgmodel.upkeep.settings import Format
from gsgmodel.upkeep.snapshot import Snapshot

FORMATS: Mapping[str, type[RowFile]] = MappingProxyType(
    {"csv": CsvFile, "jsonl": JsonLinesFile, "parquet": ParquetFile}
)


def export_rows(
    snapshot: Snapshot,
    file: str,
    *,
    format_: Format | None = None,
    is_latest: bool = False,
    scoring_id: str | None = None,
) -> int:
    """Write rows of a snapshot to a file, of which nothing is seen before it is whole.

    Args:
        snapshot: Of the table; a few batches of it are in memory at a time.
        file: Path of the file; one that is there is replaced. A path that cannot be written is a ``ConfigError``, a
            disk that is full an ``OutputError``.
        format_: Of the file, or None for what its suffix says.
        is_latest: Only the newest row of each uri.
        scoring_id: Only rows of this scoring, among which the newest are chosen; a ``ConfigError`` if there are none.

    Returns:
        How many rows the file has, in no order.
    """
    make = FORMATS[format_ or _format_of(file)]
    path = _checked(file)
    if scoring_id is not None:
        snapshot.check_scoring(scoring_id)
    batches = snapshot.batches(make.columns, scoring_id=scoring_id)
    if is_latest:
        batches = only_newest(batches, newest_ids(snapshot, scoring_id=scoring_id))
    num_rows = 0
    # What goes wrong with reading the table comes as a ConfigError already.
    with output_errors(str(path)), _replacing(path) as target, make(target) as rows:
        for batch in batches:
            rows.write(batch)
            num_rows += batch.num_rows
    return num_rows


def _format_of(file: str) -> str:
    """The format that a suffix stands for.

    Raises:
        ConfigError: If it stands for none.
    """
    suffix = Path(file).suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise ConfigError(
            f"FILE is {file!r}, whose suffix says no format; accepted: .{', .'.join(FORMATS)}, or any with --format"
        )
    return suffix


def _checked(file: str) -> Path:
    """The path to write, where a link leads to; a pipe or a device would be replaced by a file.

    Raises:
        ConfigError: If it is no path, or there is something else than a file.
    """
    accepted = "accepted: the path of a file in a folder that is there"
    if "://" in file:
        raise ConfigError(f"FILE is {file!r}; {accepted}")
    try:
        path = Path(file).resolve()
        mode = path.stat().st_mode if path.exists() else stat.S_IFREG
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(f"FILE is {file!r}, which cannot be looked at: {error}; {accepted}") from error
    if not stat.S_ISREG(mode):
        raise ConfigError(f"FILE is {file!r}, which is a folder or a device; {accepted}")
    if not path.parent.is_dir():
        raise ConfigError(f"FILE is {file!r}, and there is no folder {str(path.parent)!r}; {accepted}")
    return path


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file beside the path, which takes its place when the block ends well and is gone otherwise.

    Raises:
        ConfigError: If none can be made there.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        file = partial.open("xb")
    except OSError as error:
        raise ConfigError(
            f"FILE is {str(path)!r}, which cannot be written: {reason(error)}; accepted: a path that can"
        ) from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
