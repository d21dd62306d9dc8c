"""The folder of a run, ``<output>/runs/<run_id>/``: its settings, plan, summary and what it left unfinished."""

import json
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gsgmodel.results.schema import UNFINISHED
from gsgmodel.results.storage import output_errors, output_folder

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


def new_run_id(now: datetime) -> str:
    """A name for a run that sorts by time: ``20261124T063301Z-1a2b3c4d``.

    Args:
        now: With a time zone.

    Returns:
        The time in UTC to the second and eight random hexadecimal digits.
    """
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run. Each is written whole or not at all."""

    path: Path

    @classmethod
    def create(cls, output_uri: str, run_id: str) -> "RunFolder":
        """Make the folder of a new run, and the folder of its plan in it.

        Args:
            output_uri: The folder that results go to; a path or ``file://`` URI.
            run_id: As ``new_run_id`` makes it.

        Returns:
            The folder. Where it cannot be made or is there already, an ``OutputError`` is raised.
        """
        folder = cls(output_folder(output_uri) / "runs" / run_id)
        with output_errors(folder.path):
            folder.path.parent.mkdir(parents=True, exist_ok=True)
            folder.path.mkdir()
            folder.plan_path.mkdir()
        return folder

    @property
    def plan_path(self) -> Path:
        """The folder of the plan's parts."""
        return self.path / "plan"

    @property
    def settings_path(self) -> Path:
        """The settings of the run, resolved."""
        return self.path / "settings.toml"

    @property
    def summary_path(self) -> Path:
        """Counts, times, throughput and the exit code."""
        return self.path / "summary.json"

    @property
    def unfinished_path(self) -> Path:
        """Planned videos that got no row."""
        return self.path / "unfinished.parquet"

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Write ``settings.toml``; the values that ``to_toml`` takes."""
        text = to_toml(settings)
        _write(self.settings_path, lambda partial: partial.write_text(text, encoding="utf-8"))

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write ``summary.json``, over an earlier one."""
        text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
        _write(self.summary_path, lambda partial: partial.write_text(text, encoding="utf-8"))

    def write_unfinished(self, rows: pa.Table) -> None:
        """Write ``unfinished.parquet``, over an earlier one; also without rows, which says that nothing was left.

        Raises:
            ValueError: If the schema is not ``UNFINISHED``.
        """
        if not rows.schema.equals(UNFINISHED):
            raise ValueError(f"unfinished rows have the schema {rows.schema}")
        _write(self.unfinished_path, lambda partial: pq.write_table(rows, partial, compression="zstd"))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place, make it last, and move it there: readers see all of it or nothing."""
    with output_errors(path), tempfile.TemporaryDirectory(dir=path.parent, prefix=".partial-") as folder:
        partial = Path(folder) / path.name
        write(partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)


def to_toml(settings: Mapping[str, Any]) -> str:
    """Settings as TOML: what ``tomllib`` reads back as the same values.

    Args:
        settings: Text, booleans, numbers, paths, sequences of these, and mappings of these to any depth. None, which
            TOML does not have, is left out; a lone surrogate in a text becomes U+FFFD.

    Returns:
        The text, one key a line, tables last.
    """
    return "".join(f"{line}\n" for line in _toml_lines(settings, prefix=""))


def _toml_lines(table: Mapping[str, Any], *, prefix: str) -> Iterator[str]:
    for key, value in table.items():
        if value is not None and not isinstance(value, Mapping):
            yield f"{_toml_key(key)} = {_toml_value(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            name = prefix + _toml_key(key)
            yield from ("", f"[{name}]")
            yield from _toml_lines(value, prefix=f"{name}.")


def _toml_key(key: str) -> str:
    return key if _BARE_KEY.match(key) else _toml_text(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | Path):
        return _toml_text(str(value))
    if isinstance(value, Sequence | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return "[" + ", ".join(_toml_value(item) for item in items) + "]"
    raise TypeError(f"{value!r} has no form in TOML")


def _toml_text(text: str) -> str:
    whole = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")
