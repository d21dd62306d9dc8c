"""What runs left behind beside the table: which there are, and their summaries and settings."""

import json
import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gsgmodel.results.places import Place
from gsgmodel.results.storage import reading_errors
from gsgmodel.upkeep.inventory import list_files

SUMMARY, SETTINGS, UNFINISHED = "summary.json", "settings.toml", "unfinished.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRuns:
    """Names of an output's runs, which sort by time."""

    place: Place
    """The folder of runs."""
    names: tuple[str, ...]
    finished: tuple[str, ...]
    """Those that have a summary."""

    @classmethod
    def of(cls, output: Place) -> "PastRuns":
        """List the runs of an output; what cannot be listed is a ``ConfigError``."""
        runs = output / "runs"
        with reading_errors(runs.uri):
            paths = [path.split("/") for path in list_files(runs)]
        return cls(
            place=runs,
            names=tuple(sorted({path[0] for path in paths if len(path) > 1})),
            finished=tuple(sorted(path[0] for path in paths if path[1:] == [SUMMARY])),
        )

    def summary(self, name: str) -> dict[str, Any]:
        """The summary of a run; empty where there is none in it. What cannot be read is a ``ConfigError``."""
        try:
            summary = json.loads(self._read(name, SUMMARY))
        except ValueError:
            return {}
        return summary if isinstance(summary, dict) else {}

    def threshold(self, name: str) -> float | None:
        """The score from which a run flagged videos, as of ``summary``; None where it had none, or did not end."""
        value = self.summary(name).get("threshold") if name in self.finished else None
        return float(value) if isinstance(value, int | float) else None

    def settings(self, name: str) -> dict[str, Any]:
        """The settings of a run, resolved, as of ``summary``."""
        try:
            return tomllib.loads(self._read(name, SETTINGS).decode())
        except ValueError:
            return {}

    def unfinished(self, name: str) -> dict[str, int]:
        """How many planned videos of a run got no row, by status, as of ``summary``."""
        content = self._read(name, UNFINISHED)
        if not content:
            return {}
        try:
            found = pq.read_table(pa.BufferReader(content), columns=["status"])
        except pa.ArrowInvalid:
            return {}
        return dict(Counter(found["status"].to_pylist()))

    def _read(self, name: str, file: str) -> bytes:
        with reading_errors(self.place.uri):
            return (self.place / name).read(file) or b""
