"""The end of a scan: its exit code, its summary in words and as JSON, and the run's last files."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from gsgmodel.errors import Status
from gsgmodel.model.config import UNTRAINED
from gsgmodel.results.runs import to_toml
from gsgmodel.scan.commit import Committer
from gsgmodel.scan.opening import Scan
from gsgmodel.scan.passes import Account
from gsgmodel.scan.plan import Plan, left_out_text
from gsgmodel.scan.run import FAILED
from gsgmodel.scan.sinks import TableSink
from gsgmodel.scan.stop import StopRequest
from gsgmodel.scan.summary import (
    OK,
    STOPPED_WAIT_S,
    RunSummary,
    finished_text,
    notified,
    outcome,
    run_facts,
    unfinished_rows,
    untidy_note,
)

FLAGGED = 4
TRACKING_WAIT_S = 30.0
"""How long MLflow may take for the last of a run."""


@dataclass(frozen=True, kw_only=True)
class Summary(RunSummary):
    """A scan in numbers; ``summary.json`` holds it."""

    model_uri: str
    model_version: str
    model_digest: str
    is_untrained: bool
    scoring_id: str
    threshold: float | None
    flagged: int
    score_cpu_s: float


def finish(
    scan: Scan, plan: Plan, account: Account, committer: Committer, *, stop: StopRequest, drift: str = ""
) -> Summary:
    """Write the run's last files, tidy the table, and return the summary.

    Args:
        scan: As it was opened.
        plan: What was to be scored.
        account: What became of it.
        committer: Has taken what arrived.
        stop: What ended the scan early, if anything did.
        drift: How the model judges its own clips otherwise after the run; then the run has failed.
    """
    code, reason = exit_code(
        account,
        by_status=committer.progress.counts,
        num_flagged=committer.num_flagged,
        max_failures=scan.settings.max_failures,
        fail_on_flagged=scan.settings.fail_on_flagged,
        stop=stop,
    )
    if drift:
        code, reason = FAILED, f"what this run scored is not to be believed: {drift}"
    summary = Summary(
        exit_code=code,
        reason=reason,
        is_untrained=scan.model.version == UNTRAINED,
        threshold=scan.threshold,
        flagged=committer.num_flagged,
        score_cpu_s=round(committer.stage_s["score_cpu_s"], 3),
        **run_facts(scan, plan, account, committer),
        **asdict(scan.provenance),
    )
    if scan.run_folder:
        scan.run_folder.write_unfinished(unfinished_rows(plan, account, committer))
        scan.run_folder.write_summary(asdict(summary))
    if stop.signum is not None:
        summary = _tracked(scan, summary, wait_s=STOPPED_WAIT_S)
        return notified(scan, summary, what="scan", within_s=STOPPED_WAIT_S)
    notes = [untidy] if (untidy := untidy_note(scan)) else []
    page = _page(scan, notes) if code != FAILED else None
    summary = replace(summary, notes=[*summary.notes, *notes])
    return notified(scan, _tracked(scan, summary, page=page, wait_s=TRACKING_WAIT_S), what="scan")


def _page(scan: Scan, notes: list[str]) -> bytes | None:
    """The report, where one was asked for."""
    if scan.settings.explain_top is None:
        return None
    from gsgmodel.scan.reporting import write_report  # noqa: PLC0415 - plots and torch, which other scans do without

    return write_report(scan, notes.append)


def _tracked(scan: Scan, summary: Summary, *, wait_s: float, page: bytes | None = None) -> Summary:
    """Give the summary to MLflow; what did not arrive there in time becomes a note, never a failure."""
    if scan.tracked is None:
        return summary
    files = {"settings.toml": to_toml(scan.resolved).encode()} | ({"report.html": page} if page else {})
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
    """Return the exit code of a scan and its reason; the first that applies, the gravest first."""
    code, reason = outcome(
        account, by_status=by_status, success=Status.SCORED, max_failures=max_failures, stop=stop, done="scored"
    )
    if code == OK and fail_on_flagged and num_flagged:
        return FLAGGED, f"{num_flagged} videos reached the threshold"
    return code, reason


def summary_text(scan: Scan, summary: Summary) -> list[str]:
    """Return the summary as sentences, the exit code last."""
    lines = [finished_text(summary) if summary.planned else "nothing to score"]
    if summary.threshold is not None:
        lines.append(f"flagged at {summary.threshold:g}: {summary.flagged}")
    if summary.left_out:
        lines.append(f"left out: {left_out_text(summary.left_out, summary.left_out_suffixes)}")
    if summary.unfinished:
        lines.append(f"{summary.unfinished} could not be read and will be tried by the next run")
    if summary.is_untrained:
        lines.append("the model is untrained: its weights are random and its scores mean nothing")
    lines += summary.notes
    if scan.settings.explain_top is not None and scan.run_folder and scan.run_folder.has_report:
        lines.append(f"report {scan.run_folder.report_uri}")
    if isinstance(scan.sink, TableSink) and scan.run_folder:
        lines.append(f"table {scan.sink.table.uri}, run {scan.run_folder.uri}")
    return [*lines, f"exit code {summary.exit_code}: {summary.reason}"]
