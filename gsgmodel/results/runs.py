"""The place of a run, ``<output>/runs/<run_id>``: its settings, plan, summary and what it left unfinished."""

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from gsgmodel.redact import redact
from gsgmodel.results.delta import parquet_bytes
from gsgmodel.results.places import LocalPlace, Place
from gsgmodel.results.schema import UNFINISHED
from gsgmodel.results.storage import output_errors, output_place

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

    place: Place

    @classmethod
    def create(cls, output_uri: str, run_id: str, *, s3_endpoint: str | None = None) -> "RunFolder":
        """Make the folder of a new run, and on a local disk the folder of its plan in it.

        Args:
            output_uri: The place that results go to; a path, ``file://`` URI or ``s3://BUCKET/PREFIX``.
            run_id: As ``new_run_id`` makes it.
            s3_endpoint: Of the store, or None for the environment's.

        Returns:
            The folder. Where it cannot be made or is there already, an ``OutputError`` is raised.
        """
        folder = cls(output_place(output_uri, s3_endpoint=s3_endpoint) / "runs" / run_id)
        with output_errors(folder.uri):
            folder.place.make(is_new=True)
            if folder.plan_path:
                folder.plan_path.mkdir()
        return folder

    @property
    def uri(self) -> str:
        """Where the run lies, as people are shown it: a path or an ``s3://`` URI."""
        return self.place.uri

    @property
    def path(self) -> Path:
        """The folder on the local disk.

        Raises:
            TypeError: If the run is not on the local disk.
        """
        if not isinstance(self.place, LocalPlace):
            raise TypeError(f"{self.uri} is not on the local disk")
        return self.place.path

    @property
    def plan_path(self) -> Path | None:
        """The folder that the plan's parts are written in; None where the run is not on the local disk."""
        return self.path / "plan" if isinstance(self.place, LocalPlace) else None

    @property
    def settings_path(self) -> Path:
        """The settings of a local run, resolved."""
        return self.path / "settings.toml"

    @property
    def summary_path(self) -> Path:
        """Counts, times, throughput and the exit code of a local run."""
        return self.path / "summary.json"

    @property
    def unfinished_path(self) -> Path:
        """Planned videos that got no row in a local run."""
        return self.path / "unfinished.parquet"

    @property
    def has_summary(self) -> bool:
        """Whether the summary is written; an ``OutputError`` where that cannot be found out."""
        with output_errors(self.uri):
            return self.place.has("summary.json")

    @property
    def has_report(self) -> bool:
        """Whether a report is written; an ``OutputError`` where that cannot be found out."""
        with output_errors(self.uri):
            return self.place.has("report.html")

    @property
    def report_uri(self) -> str:
        """Where the report lies, if one was written."""
        return f"{self.uri}/report.html"

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Write ``settings.toml``; the values that ``to_toml`` takes."""
        self._write("settings.toml", to_toml(settings).encode())

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write ``summary.json``, over an earlier one."""
        self._write("summary.json", (json.dumps(summary, indent=2, allow_nan=False) + "\n").encode())

    def write_report(self, page: bytes) -> None:
        """Write ``report.html``, over an earlier one."""
        self._write("report.html", page)

    def write_unfinished(self, rows: pa.Table) -> None:
        """Write ``unfinished.parquet``, over an earlier one; also without rows, which says that nothing was left.

        Raises:
            ValueError: If the schema is not ``UNFINISHED``.
        """
        if not rows.schema.equals(UNFINISHED):
            raise ValueError(f"unfinished rows have the schema {rows.schema}")
        self._write("unfinished.parquet", parquet_bytes(rows))

    def keep_plan(self, path: Path) -> str:
        """Make a finished part of the plan available beside the run; ``OutputError`` where that cannot be.

        Args:
            path: A file; one in ``plan_path`` stays where it is.

        Returns:
            Where it is then: a path or an ``s3://`` URI.
        """
        plan = self.place / "plan"
        with output_errors(f"{plan.uri}/{path.name}"):
            plan.keep(path, path.name)
        return f"{plan.uri}/{path.name}"

    def _write(self, name: str, content: bytes) -> None:
        with output_errors(f"{self.uri}/{name}"):
            self.place.write(name, content)


def to_toml(settings: Mapping[str, Any]) -> str:
    """Settings as TOML: what ``tomllib`` reads back as the same values.

    Args:
        settings: Text, booleans, numbers, paths, sequences of these, and mappings of these to any depth. None, which
            TOML does not have, is left out; a lone surrogate in a text becomes U+FFFD, and credentials are taken out.

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
    whole = re.sub("[\ud800-\udfff]", "\ufffd", redact(text))
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")
