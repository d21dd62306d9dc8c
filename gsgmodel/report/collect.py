"""What a report is made of: the rows of a run in columns, what became of the rest, and what was different before."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gsgmodel.errors import ConfigError, Status
from gsgmodel.results.done import DoneIds
from gsgmodel.results.places import Place
from gsgmodel.upkeep.compare import Comparison, compare, resolve_run
from gsgmodel.upkeep.latest import newest_ids, only_newest
from gsgmodel.upkeep.lookup import matching_rows
from gsgmodel.upkeep.past_runs import PastRuns
from gsgmodel.upkeep.snapshot import Snapshot

ALL = "all"
"""In place of a run: the newest row of each name."""
MOST_TIMELINES = 1000
"""Videos whose scores over time are on the page, those with the highest scores: 1,000 of a clip take 100 kB."""
MOST_EXAMPLES = 5
LONGEST_NAME, LONGEST_TEXT = 1024, 300
"""Characters of a name and of a reason; what is longer is cut in the middle."""
COLUMNS = (
    *("video_id", "uri", "status", "score", "score_global", "score_fusion", "num_faces", "num_clips", "duration_s"),
    *("width_px", "height_px", "codec", "size_bytes", "error_text", "notes", "sandbox", "run_id", "scoring_id"),
    *("model_uri", "model_version", "model_digest", "numerics"),
)
"""Of each row that a report looks at."""


@dataclass(kw_only=True)
class Failure:
    """Videos without a score for one reason."""

    status: str
    count: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)
    """Names and reasons of some."""


@dataclass(kw_only=True)
class Findings:
    """What a run says, and how far it can be trusted."""

    run: str
    """``all`` where it is no single one."""
    uri: str
    """Of the table."""
    output: Place
    """Holds the table, and what the scan kept beside it."""
    rows: pa.Table
    """``COLUMNS`` of each row, those with the highest scores first, then those without."""
    failures: list[Failure]
    """The most frequent first; no face is none."""
    summary: Mapping[str, Any]
    """Of the run; empty where it left none."""
    settings: Mapping[str, Any]
    """Of the run, resolved."""
    unfinished: Mapping[str, int]
    """Videos that got no row, by status."""
    comparison: Comparison | None
    """With the run before; None for the first one."""
    timelines: Mapping[bytes, list[dict[str, Any]]]
    """The ``faces`` of the first rows, by video."""

    @property
    def by_status(self) -> dict[str, int]:
        """How many rows have each status."""
        return dict(Counter(self.rows["status"].to_pylist()))

    @property
    def model_uris(self) -> list[str]:
        """What rows call the models that scored, each once."""
        return names_of(self.rows["model_uri"].to_pylist())

    @property
    def model_digests(self) -> list[str]:
        """Of the models that scored, each once."""
        return names_of(self.rows["model_digest"].to_pylist())

    @property
    def threshold(self) -> float | None:
        """The scan's own, where it had one."""
        value = self.summary.get("threshold")
        return float(value) if isinstance(value, int | float) else None


def collect(snapshot: Snapshot, run: str, *, threshold: float | None = None) -> Findings:
    """Gather what a report of a run says.

    Args:
        snapshot: Of the table; what cannot be read is a ``ConfigError``.
        run: As ``resolve_run`` takes it, or ``all``.
        threshold: For verdicts that changed, if not the scan's own.

    Raises:
        ConfigError: If there are no rows.
    """
    name = run if run == ALL else resolve_run(snapshot, run)
    batches = list(_batches(snapshot, name))
    if not batches:
        raise ConfigError(f"OUTPUT {snapshot.output.uri!r} has no rows; accepted: one that a scan wrote to")
    found = pa.Table.from_batches(batches)
    rows = found.take(pc.sort_indices(found, sort_keys=[("score", "descending"), ("uri", "ascending")]))
    runs = PastRuns.of(snapshot.output)
    is_finished = name in runs.finished
    summary = runs.summary(name) if is_finished else {}
    before = _before(snapshot, name)
    return Findings(
        run=name,
        uri=snapshot.place.uri,
        output=snapshot.output,
        rows=rows,
        failures=_failures(rows),
        summary=summary,
        settings=runs.settings(name) if name in runs.names else {},
        unfinished=runs.unfinished(name) if is_finished else {},
        comparison=compare(
            snapshot, before, name, threshold=summary.get("threshold") if threshold is None else threshold
        )
        if before
        else None,
        timelines=_timelines(snapshot, rows.slice(0, MOST_TIMELINES)),
    )


def shortened(text: str, *, most: int) -> str:
    """A text that is not too long, cut in the middle if it is.

    Example:
        >>> shortened("abcdefghij", most=7)
        'abc...j'
    """
    if len(text) <= most:
        return text
    head = (most - 3 + 1) // 2 + 1
    return f"{text[:head]}...{text[len(text) - (most - 3 - head) :]}"


def _batches(snapshot: Snapshot, name: str) -> Iterator[pa.RecordBatch]:
    batches: Iterator[pa.RecordBatch] = snapshot.batches(COLUMNS)
    if name == ALL:
        # Of which row is the newest the times say, which are not needed otherwise.
        yield from only_newest(batches, newest_ids(snapshot))
        return
    for batch in batches:
        mine = pc.or_(pc.equal(batch.column("run_id"), name), pc.equal(batch.column("scoring_id"), name))
        chosen = batch.filter(mine)
        if chosen.num_rows:
            yield chosen


def _before(snapshot: Snapshot, name: str) -> str | None:
    """The run that scored last before this one."""
    rows = snapshot.answer(
        "SELECT run_id, max(scored_at) AS last_at FROM videos GROUP BY run_id ORDER BY last_at DESC",
        columns=["run_id", "scored_at"],
    )
    runs = [str(row["run_id"]) for row in rows]
    later = runs.index(name) + 1 if name in runs else len(runs)
    return runs[later] if later < len(runs) else None


def _failures(rows: pa.Table) -> list[Failure]:
    found: dict[str, Failure] = {}
    fine = pa.array([Status.SCORED.value, Status.NO_FACE.value])
    failed = rows.filter(pc.invert(pc.is_in(rows["status"], value_set=fine))).select(["uri", "status", "error_text"])
    for batch in failed.to_batches():
        for row in batch.to_pylist():
            failure = found.setdefault(row["status"], Failure(status=row["status"]))
            failure.count += 1
            if len(failure.examples) < MOST_EXAMPLES:
                reason = shortened(row["error_text"] or "", most=LONGEST_TEXT)
                failure.examples.append((shortened(row["uri"], most=LONGEST_NAME), reason))
    return sorted(found.values(), key=lambda failure: -failure.count)


def _timelines(snapshot: Snapshot, rows: pa.Table) -> dict[bytes, list[dict[str, Any]]]:
    scored = rows.filter(pc.is_valid(rows["score"]))
    if not scored.num_rows:
        return {}
    wanted = DoneIds()
    wanted.add(scored["video_id"].combine_chunks())
    scorings = pc.unique(scored["scoring_id"])

    def is_match(batch: pa.RecordBatch) -> pa.BooleanArray:
        among = pa.array(wanted.holds(batch.column("video_id")))
        return pc.and_(among, pc.is_in(batch.column("scoring_id"), value_set=scorings))

    return {
        row["video_id"]: row["faces"] or []
        for row in matching_rows(snapshot, is_match, looked_at=("video_id", "scoring_id"))
    }


def names_of(values: Sequence[Any]) -> list[str]:
    """Different values in words, those that are missing left out.

    Example:
        >>> names_of(["a", None, "a", "b"])
        ['a', 'b']
    """
    return [str(value) for value in dict.fromkeys(values) if value is not None]
