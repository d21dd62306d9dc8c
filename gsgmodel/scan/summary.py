"""The end of a run, whatever it did with the videos: its exit code, its numbers, and what it left unfinished."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pyarrow as pa

from gsgmodel.errors import OutputError, Status
from gsgmodel.results.schema import UNFINISHED
from gsgmodel.scan.commit import Committer
from gsgmodel.scan.notify import NOTIFY_S, notify
from gsgmodel.scan.passes import Account, missing_rows
from gsgmodel.scan.plan import Plan
from gsgmodel.scan.progress import duration_text
from gsgmodel.scan.run import FAILED, Run
from gsgmodel.scan.sinks import TableSink
from gsgmodel.scan.stop import StopRequest
from gsgmodel.scan.submitted import submission_id

OK, TOO_MANY_FAILURES, DEADLINE = 0, 3, 5
SIGNAL_CODE = 128
STOPPED_WAIT_S = 2.0
"""How long others may take for word of the end after a signal."""
LOST = "lost"
"""Status in ``unfinished.parquet`` of a video that never arrived although nobody stopped the run."""
LEFT = "left"
"""Status in ``unfinished.parquet`` of a video that the run did not get to."""


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A run in numbers; ``summary.json`` holds it."""

    run_id: str
    exit_code: int
    reason: str
    """Why the exit code is what it is, in words."""
    started_at: str
    wall_s: float
    planned: int
    planned_bytes: int
    committed: int
    unfinished: int
    left: int
    lost: int
    by_status: Mapping[str, int]
    """Of the videos that arrived in this run."""
    left_out: Mapping[str, int]
    left_out_suffixes: Mapping[str, int]
    clips: int
    videos_per_s: float
    clips_per_s: float
    prepare_cpu_s: float
    notes: Sequence[str]
    """What the user should know although the run went on."""
    submission_id: str | None
    """Of the job on a cluster, where it was submitted as one."""


_Summary = TypeVar("_Summary", bound=RunSummary)


def run_facts(run: Run, plan: Plan, account: Account, committer: Committer) -> dict[str, Any]:
    """Return what a summary says of any run, its exit code, reason and id apart."""
    wall_s = time.monotonic() - committer.progress.started_s
    return {
        "started_at": run.started_at.isoformat(),
        "wall_s": round(wall_s, 3),
        "planned": account.num_planned,
        "planned_bytes": plan.num_bytes,
        "committed": account.num_committed,
        "unfinished": account.num_unfinished,
        "left": account.num_left,
        "lost": account.num_lost,
        "by_status": dict(sorted(committer.progress.counts.items())),
        "left_out": dict(plan.left_out),
        "left_out_suffixes": dict(plan.suffixes),
        "clips": committer.progress.num_clips,
        "videos_per_s": round(committer.progress.num_finished / max(wall_s, 1e-9), 4),
        "clips_per_s": round(committer.progress.num_clips / max(wall_s, 1e-9), 4),
        "prepare_cpu_s": round(committer.stage_s["prepare_cpu_s"], 3),
        "notes": run.notes,
        "submission_id": submission_id(),
    }


def outcome(
    account: Account, *, by_status: Mapping[str, int], success: str, max_failures: float, stop: StopRequest, done: str
) -> tuple[int, str]:
    """Return the exit code of a run and its reason; the first that applies, the gravest first.

    Args:
        account: What became of the planned videos.
        by_status: How many arrived with each status.
        success: The status of those that went well; no face is no failure either.
        max_failures: Share of those that arrived that may have failed.
        stop: What ended the run early, if anything did.
        done: What the run does with videos: ``scored`` or ``prepared``.
    """
    finished = sum(by_status.values())
    failed = finished - by_status.get(success, 0) - by_status.get(Status.NO_FACE, 0)
    if account.num_lost:
        return FAILED, f"{account.num_lost} videos were planned and never arrived"
    if account.broke_off:
        return FAILED, account.broke_off
    left = f"{account.num_left} videos{' and what was not listed yet' if stop.has_cut else ''} left for the next run"
    if stop.signum is not None:
        return SIGNAL_CODE + stop.signum, f"interrupted, {left}"
    if stop.is_deadline_reached and (account.num_left or stop.has_cut):
        return DEADLINE, f"deadline reached, {left}"
    if finished and failed / finished > max_failures:
        return TOO_MANY_FAILURES, f"{failed} of {finished} videos could not be {done}"
    return OK, "done"


def untidy_note(run: Run) -> str | None:
    """Merge the table's small files; where that fails every row is safe all the same, and the sentence says so."""
    if not isinstance(run.sink, TableSink) or not run.sink.num_committed:
        return None
    try:
        run.sink.table.compact()
    except OutputError as error:
        return f"the table's small files stay as they are: {error}"
    return None


def notified(run: Run, summary: _Summary, *, what: str, within_s: float = NOTIFY_S) -> _Summary:
    """Tell whoever waits; where that fails it becomes a note of the summary that is returned, never a failure."""
    lost = notify(run.settings.notify, asdict(summary), what=what, within_s=within_s)
    return replace(summary, notes=[*summary.notes, lost]) if lost else summary


def finished_text(summary: RunSummary) -> str:
    """Return in a sentence how many videos arrived, how fast, and with what status."""
    counted = f"{sum(summary.by_status.values())} of {summary.planned} videos in {duration_text(summary.wall_s)}"
    statuses = ", ".join(f"{name} {count}" for name, count in summary.by_status.items())
    rates = f"{summary.videos_per_s:.2f} videos/s, {summary.clips_per_s:.2f} clips/s"
    return f"{counted}, {rates}: {statuses}" if statuses else counted


def unfinished_rows(plan: Plan, account: Account, committer: Committer) -> pa.Table:
    """Return the planned videos that got no row, and why, as ``unfinished.parquet`` has them."""
    missing = missing_rows(plan) if account.num_left or account.num_lost else []
    status = LOST if account.num_lost else LEFT
    rows = [*committer.unfinished.values(), *({**row, "status": status} for row in missing)]
    epoch = datetime.fromtimestamp(0, UTC)
    dated: list[dict[str, Any]] = [
        {**row, "last_modified": epoch + timedelta(seconds=row["last_modified_s"])} for row in rows
    ]
    return pa.Table.from_pylist(dated, schema=UNFINISHED)
