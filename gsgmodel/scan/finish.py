"""The end of a scan: its exit code, its summary in words and as JSON, and the run's last files."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from gsgmodel.errors import OutputError, Status
from gsgmodel.model.reference import UNTRAINED
from gsgmodel.results.runs import to_toml
from gsgmodel.results.schema import UNFINISHED
from gsgmodel.scan.commit import Committer
from gsgmodel.scan.opening import FAILED, Scan
from gsgmodel.scan.passes import Account, missing_rows
from gsgmodel.scan.plan import Plan, left_out_text
from gsgmodel.scan.progress import duration_text
from gsgmodel.scan.sinks import TableSink
from gsgmodel.scan.stop import StopRequest
from gsgmodel.scan.submitted import submission_id

OK, TOO_MANY_UNSCORED, FLAGGED, DEADLINE = 0, 3, 4, 5
SIGNAL_CODE = 128
TRACKING_WAIT_S, STOPPED_WAIT_S = 30.0, 2.0
"""How long MLflow may take for the last of a run, and after a signal."""
LOST = "lost"
"""Status in ``unfinished.parquet`` of a video that never arrived although nobody stopped the run."""
LEFT = "left"
"""Status in ``unfinished.parquet`` of a video that the run did not get to."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A run in numbers; ``summary.json`` holds it."""

    run_id: str
    exit_code: int
    reason: str
    """Why the exit code is what it is, in words."""
    started_at: str
    wall_s: float
    model_uri: str
    model_version: str
    model_digest: str
    is_untrained: bool
    scoring_id: str
    threshold: float | None
    planned: int
    planned_bytes: int
    committed: int
    unfinished: int
    left: int
    lost: int
    by_status: Mapping[str, int]
    """Of the videos that arrived in this run."""
    flagged: int
    left_out: Mapping[str, int]
    left_out_suffixes: Mapping[str, int]
    clips: int
    videos_per_s: float
    clips_per_s: float
    prepare_cpu_s: float
    score_cpu_s: float
    notes: Sequence[str]
    """What the user should know although the scan went on."""
    submission_id: str | None
    """Of the job on a cluster, where it was submitted as one."""


def finish(scan: Scan, plan: Plan, account: Account, committer: Committer, *, stop: StopRequest) -> Summary:
    """Write the run's last files, tidy the table, and return the summary."""
    code, reason = exit_code(
        account,
        by_status=committer.progress.counts,
        num_flagged=committer.num_flagged,
        max_failures=scan.settings.max_failures,
        fail_on_flagged=scan.settings.fail_on_flagged,
        stop=stop,
    )
    wall_s = time.monotonic() - committer.progress.started_s
    summary = Summary(
        exit_code=code,
        reason=reason,
        started_at=scan.started_at.isoformat(),
        wall_s=round(wall_s, 3),
        is_untrained=scan.model.version == UNTRAINED,
        threshold=scan.threshold,
        planned=account.num_planned,
        planned_bytes=plan.num_bytes,
        committed=account.num_committed,
        unfinished=account.num_unfinished,
        left=account.num_left,
        lost=account.num_lost,
        by_status=dict(sorted(committer.progress.counts.items())),
        flagged=committer.num_flagged,
        left_out=dict(plan.left_out),
        left_out_suffixes=dict(plan.suffixes),
        clips=committer.progress.num_clips,
        videos_per_s=round(committer.progress.num_finished / max(wall_s, 1e-9), 4),
        clips_per_s=round(committer.progress.num_clips / max(wall_s, 1e-9), 4),
        prepare_cpu_s=round(committer.stage_s["prepare_cpu_s"], 3),
        score_cpu_s=round(committer.stage_s["score_cpu_s"], 3),
        notes=scan.notes,
        submission_id=submission_id(),
        **asdict(scan.provenance),
    )
    if scan.run_folder:
        scan.run_folder.write_unfinished(_unfinished_rows(plan, account, committer))
        scan.run_folder.write_summary(asdict(summary))
    if stop.signum is not None:
        return _tracked(scan, summary, wait_s=STOPPED_WAIT_S)
    return _tracked(scan, _tidied(scan, summary), wait_s=TRACKING_WAIT_S)


def _tidied(scan: Scan, summary: Summary) -> Summary:
    """Merge the table's small files; where that fails every row is safe all the same, so it is a note."""
    if not isinstance(scan.sink, TableSink) or not scan.sink.num_committed:
        return summary
    try:
        scan.sink.table.compact()
    except OutputError as error:
        return replace(summary, notes=[*summary.notes, f"the table's small files stay as they are: {error}"])
    return summary


def _tracked(scan: Scan, summary: Summary, *, wait_s: float) -> Summary:
    """Give the summary to MLflow; what did not arrive there in time becomes a note, never a failure."""
    if scan.tracked is None:
        return summary
    files = {"settings.toml": to_toml(scan.resolved).encode()}
    missing = scan.tracked.finish(asdict(summary), files, failed=summary.exit_code == FAILED, wait_s=wait_s)
    return replace(summary, notes=[*summary.notes, missing]) if missing else summary


def exit_code(
    account: Account,
    *,
    by_status: Mapping[str, int],
    num_flagged: int,
    max_failures: float,
    fail_on_flagged: bool,
    stop: StopRequest,
) -> tuple[int, str]:
    """Return the exit code of a run and its reason; the first that applies, the gravest first."""
    finished = sum(by_status.values())
    unscored = finished - by_status.get(Status.SCORED, 0) - by_status.get(Status.NO_FACE, 0)
    if account.num_lost:
        return FAILED, f"{account.num_lost} videos were planned and never arrived"
    if stop.signum is not None:
        return SIGNAL_CODE + stop.signum, f"interrupted, {account.num_left} videos left for the next run"
    if stop.is_deadline_reached and account.num_left:
        return DEADLINE, f"deadline reached, {account.num_left} videos left for the next run"
    if finished and unscored / finished > max_failures:
        return TOO_MANY_UNSCORED, f"{unscored} of {finished} videos could not be scored"
    if fail_on_flagged and num_flagged:
        return FLAGGED, f"{num_flagged} videos reached the threshold"
    return OK, "done"


def summary_text(scan: Scan, summary: Summary) -> list[str]:
    """Return the summary as sentences, the exit code last."""
    lines = [_finished_text(summary) if summary.planned else "nothing to score"]
    if summary.threshold is not None:
        lines.append(f"flagged at {summary.threshold:g}: {summary.flagged}")
    if summary.left_out:
        lines.append(f"left out: {left_out_text(summary.left_out, summary.left_out_suffixes)}")
    if summary.unfinished:
        lines.append(f"{summary.unfinished} could not be read and will be tried by the next run")
    if summary.is_untrained:
        lines.append("the model is untrained: its weights are random and its scores mean nothing")
    lines += summary.notes
    if isinstance(scan.sink, TableSink) and scan.run_folder:
        lines.append(f"table {scan.sink.table.uri}, run {scan.run_folder.uri}")
    return [*lines, f"exit code {summary.exit_code}: {summary.reason}"]


def _finished_text(summary: Summary) -> str:
    counted = f"{sum(summary.by_status.values())} of {summary.planned} videos in {duration_text(summary.wall_s)}"
    statuses = ", ".join(f"{name} {count}" for name, count in summary.by_status.items())
    rates = f"{summary.videos_per_s:.2f} videos/s, {summary.clips_per_s:.2f} clips/s"
    return f"{counted}, {rates}: {statuses}" if statuses else counted


def _unfinished_rows(plan: Plan, account: Account, committer: Committer) -> pa.Table:
    missing = missing_rows(plan) if account.num_left or account.num_lost else []
    status = LOST if account.num_lost else LEFT
    rows = [*committer.unfinished.values(), *({**row, "status": status} for row in missing)]
    epoch = datetime.fromtimestamp(0, UTC)
    dated: list[dict[str, Any]] = [
        {**row, "last_modified": epoch + timedelta(seconds=row["last_modified_s"])} for row in rows
    ]
    return pa.Table.from_pylist(dated, schema=UNFINISHED)
