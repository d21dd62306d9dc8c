"""What a table holds, in numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gsgmodel.results.table import COMPACT_BELOW_BYTES
from gsgmodel.upkeep.latest import COLUMNS, newest_sql
from gsgmodel.upkeep.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringStatus:
    """The rows of one scoring."""

    scoring_id: str
    models: list[str] = field(default_factory=list)
    """Their uris, with the version where the uri does not say it; one model may have several names."""
    by_status: dict[str, int] = field(default_factory=dict)
    last_scored_at: str
    """In UTC, as ISO 8601 has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStatus:
    """A table in numbers."""

    uri: str
    version: int
    """Of the Delta table: grows with every commit."""
    schema_versions: list[int]
    """That its rows were written with."""
    rows: int
    videos: int
    """Objects as they were at a time: a replaced one counts again."""
    uris: int
    files: int
    files_bytes: int
    small_files: int
    """That are below the size which files are merged up to; where there are several, compaction makes them fewer."""
    newest_run: str | None
    """That scored last."""
    scorings: list[ScoringStatus]
    """The one that scored last comes first."""
    latest_by_status: Mapping[str, int]
    """Of the newest row of each uri."""


def table_status(snapshot: Snapshot) -> TableStatus:
    """Count what a snapshot holds; what cannot be read is a ``ConfigError``."""
    groups = snapshot.answer(
        "SELECT scoring_id, model_uri, model_version, status, count(*) AS n, max(epoch_us(scored_at)) AS last_us,"
        " arg_max(run_id, scored_at) AS run_id, min(schema_version) AS oldest, max(schema_version) AS newest"
        " FROM videos GROUP BY ALL ORDER BY last_us DESC, scoring_id, status",
        columns=["scoring_id", "model_uri", "model_version", "status", "scored_at", "run_id", "schema_version"],
    )
    (distinct,) = snapshot.answer("SELECT count(DISTINCT video_id) AS n FROM videos", columns=["video_id"])
    latest = snapshot.answer(
        f"SELECT status, count(*) AS n FROM ({newest_sql('status')}) AS latest GROUP BY status ORDER BY status",  # noqa: S608
        columns=[*COLUMNS, "status"],
    )
    files = snapshot.files
    return TableStatus(
        uri=snapshot.place.uri,
        version=snapshot.table.version(),
        schema_versions=sorted({group[end] for group in groups for end in ("oldest", "newest")}),
        rows=sum(group["n"] for group in groups),
        videos=distinct["n"],
        uris=sum(group["n"] for group in latest),
        files=len(files),
        files_bytes=sum(file.size_bytes for file in files),
        small_files=sum(file.size_bytes < COMPACT_BELOW_BYTES for file in files),
        newest_run=groups[0]["run_id"] if groups else None,
        scorings=_scorings(groups),
        latest_by_status={group["status"]: group["n"] for group in latest},
    )


def _scorings(groups: list[dict[str, Any]]) -> list[ScoringStatus]:
    """Gather counts by scoring, those of the newest rows first."""
    found: dict[str, ScoringStatus] = {}
    for group in groups:
        last = datetime.fromtimestamp(group["last_us"] / 1e6, UTC)
        scoring = found.setdefault(
            group["scoring_id"],
            ScoringStatus(scoring_id=group["scoring_id"], last_scored_at=last.isoformat(timespec="seconds")),
        )
        uri, version = group["model_uri"] or "unknown", group["model_version"]
        model = uri if not version or uri.endswith(version) else f"{uri} (version {version})"
        if model not in scoring.models:
            scoring.models.append(model)
        scoring.by_status[group["status"]] = scoring.by_status.get(group["status"], 0) + group["n"]
    return list(found.values())
