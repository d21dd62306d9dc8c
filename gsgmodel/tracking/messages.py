"""What there is to tell MLflow of a run: its beginning, points on its way, its end; made without MLflow."""

import json
import math
import posixpath
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gsgmodel.redact import redact

MAX_TEXT_LENGTH = 500
"""Of a parameter or tag; what is longer is cut, and whole in the files."""
MAX_NAME_LENGTH = 250
KILLED_FROM = 129
"""Exit codes from here on are those of signals."""
PARENT = "mlflow.parentRunId"
"""Tag by which MLflow shows a run below another."""
_ODD = re.compile(r"[^A-Za-z0-9_.\- :/]")


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """What is known of a run when it starts."""

    experiment: str
    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    files: Mapping[str, bytes]
    time_ms: int


@dataclass(frozen=True, kw_only=True)
class Point:
    """How far a run is."""

    metrics: Mapping[str, float]
    step: int
    time_ms: int


@dataclass(frozen=True, kw_only=True)
class End:
    """What is known of a run when it ends."""

    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    files: Mapping[str, bytes]
    status: str
    """``FINISHED``, ``FAILED`` or ``KILLED``."""
    time_ms: int


def beginning_of(
    settings: Mapping[str, Any], *, experiment: str, run_name: str | None = None, parent_run: str | None = None
) -> Beginning:
    """Make the beginning of a run from its settings.

    Args:
        settings: The run's parameters; ``identity`` among them holds the tags.
        experiment: Holds the run.
        run_name: What is shown; None takes the ``run_id`` of ``identity``.
        parent_run: MLflow's name of the run below which it is shown.
    """
    parent = {PARENT: parent_run} if parent_run else {}
    plain = {name: value for name, value in settings.items() if name != "identity"}
    identity = settings.get("identity") or {}
    places = {name: text_of(plain[name]) for name in ("input", "output") if plain.get(name)}
    return Beginning(
        experiment=experiment,
        name=run_name or str(identity.get("run_id", "run")),
        params={name: text_of(value) for name, value in flat(plain).items()},
        tags={**texts_of(identity), **places, **parent},
        files={"settings.json": json_of(settings)},
        time_ms=now_ms(),
    )


def point_of(metrics: Mapping[str, Any], *, step: int) -> Point:
    """Make a point of the numbers that are known now."""
    return Point(metrics=numbers_of(metrics), step=step, time_ms=now_ms())


def end_of(summary: Mapping[str, Any], files: Mapping[str, bytes], *, failed: bool) -> End:
    """Make the end of a run: its summary's numbers are metrics and its texts tags, and the whole is a file."""
    code = summary.get("exit_code")
    is_killed = isinstance(code, int) and code >= KILLED_FROM
    return End(
        metrics=numbers_of(summary),
        tags=texts_of(summary),
        files={"summary.json": json_of(summary), **files},
        status="KILLED" if is_killed else "FAILED" if failed else "FINISHED",
        time_ms=now_ms(),
    )


def flat(content: Mapping[str, Any]) -> dict[str, Any]:
    """Bring what lies deeper to the top.

    >>> flat({"a": 1, "b": {"c": {"d": 2}}, "e": {}})
    {'a': 1, 'b/c/d': 2}
    """
    found: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            found |= {f"{name}/{below}": each for below, each in flat(value).items()}
        else:
            found[str(name)] = value
    return found


def numbers_of(content: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers in something, at any depth, under names that MLflow takes: it refuses all for one bad name.

    >>> numbers_of({"wall_s": 2, "by_status": {"scored": 3}, "is_untrained": True, "eta_s": float("inf"), "a~": 1})
    {'wall_s': 2.0, 'by_status/scored': 3.0, 'a_': 1.0}
    """
    numbers = {
        name: value
        for name, value in flat(content).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return {_metric_name(name): float(value) for name, value in numbers.items() if math.isfinite(value)}


def texts_of(content: Mapping[str, Any]) -> dict[str, str]:
    """The texts and truths in something, at its top, without credentials.

    >>> texts_of({"reason": "done", "is_untrained": False, "planned": 3, "threshold": None})
    {'reason': 'done', 'is_untrained': 'false'}
    """
    return {str(name): text_of(value) for name, value in content.items() if isinstance(value, str | bool)}


def text_of(value: Any) -> str:
    """A value as a text that MLflow takes, without credentials.

    >>> text_of(("a.mp4", "b.mp4")), text_of("s3://archive/"), text_of(None)
    ('["a.mp4", "b.mp4"]', 's3://archive/', 'null')
    """
    text = redact(value if isinstance(value, str) else json.dumps(value, default=str))
    return text if len(text) <= MAX_TEXT_LENGTH else f"{text[: MAX_TEXT_LENGTH - 3]}..."


def json_of(content: Mapping[str, Any]) -> bytes:
    """A file of JSON, without credentials."""
    return (redact(json.dumps(content, indent=2, sort_keys=True, default=str)) + "\n").encode()


def now_ms() -> int:
    """The present, as MLflow counts it."""
    return time.time_ns() // 1_000_000


def _metric_name(name: str) -> str:
    plain = _ODD.sub("_", name)[:MAX_NAME_LENGTH]
    return plain if posixpath.normpath(plain) == plain else plain.replace("/", "_").replace("..", "_")
