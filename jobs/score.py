"""Score videos for fake faces: files, folders or manifests in, a table or verdicts out."""

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from gsgmodel.scan.settings import ScanSettings
from jobs.terminal import plan_text, print_plan, run_app, say, say_end, verdict_printer

if TYPE_CHECKING:
    from pathlib import Path

    from gsgmodel.scan.finish import Summary
    from gsgmodel.scan.opening import Scan
    from gsgmodel.scan.planner import Planner
    from gsgmodel.scan.source import Rows

DEFAULTS = ScanSettings()
app = App(name="gsg score", version_flags=[])


@app.default
def main(*inputs: str, settings: Annotated[ScanSettings, Parameter(name="*")] = DEFAULTS) -> int:
    """Score videos for fake faces: every video ends as one row, with a score or with the reason why it has none.

    Settings also come from GSG_... variables and from a TOML file named by --config.

    Examples:
        gsg score clip.mp4 --model MODEL

        gsg score archive/ --output results/ --model MODEL --deadline 06:00

        gsg score s3://archive/2026/ --output s3://results/fakes --filter 'age<1d' --dry-run

        ray job submit --working-dir . -- python jobs/score.py s3://archive/2026/ --output s3://results/fakes

    Args:
        inputs: Files, folders, s3://BUCKET/PREFIX, or manifests (.csv or .parquet with a column uri or path).
        settings: The settings of the scan.
    """
    return summary.exit_code if (summary := score_archive((*inputs, *settings.input), settings)) else 0


def score_archive(inputs: tuple[str, ...], settings: ScanSettings) -> "Summary | None":
    """Check everything, plan, and scan; a dry run prints its plan and has no summary."""
    from gsgmodel.scan.checks import check_scan

    notes = check_scan(inputs, settings)
    say(notes)
    from gsgmodel.scan.early import is_sure_to_need_ray, starting_ray

    with starting_ray(settings.wishes, is_wanted=is_sure_to_need_ray(settings)):
        return scan_archive(inputs, settings, notes)


def scan_archive(inputs: tuple[str, ...], settings: ScanSettings, notes: list[str]) -> "Summary | None":
    """Plan and scan, once everything is checked."""
    from gsgmodel.archive.listing import list_archive
    from gsgmodel.scan.opening import open_scan

    with open_scan(inputs, settings, printer=verdict_printer, notes=notes) as scan, scan.stop.watching_signals():
        archive = list_archive(scan.inputs, filters=settings.filter, s3_endpoint=settings.s3_endpoint)
        with scan.planning(archive) as planner:
            if settings.dry_run:
                planner.wait()
                print_plan(planner.plan, as_json=settings.json)
                return None
            return run(scan, planner)


def run(scan: "Scan", planner: "Planner") -> "Summary":
    """Take the plan through the stages while the archive is listed: prepare, score, commit."""
    from gsgmodel.scan.canary import CanaryVideos
    from gsgmodel.scan.expected import pools_text
    from gsgmodel.scan.finish import finish
    from gsgmodel.scan.joint import prepare_and_score
    from gsgmodel.scan.passes import NOTHING_PLANNED, run_passes
    from gsgmodel.scan.prepare import prepare
    from gsgmodel.scan.score import score
    from gsgmodel.scan.session import start_ray
    from gsgmodel.scan.source import read_plan

    settings, plan = scan.settings, planner.plan
    committer = scan.committer(num_planned=plan.num_videos)
    if not plan.num_videos:
        return end(scan, finish(scan, plan, NOTHING_PLANNED, committer, stop=scan.stop))
    say([plan_text(plan)])
    patience, canary = scan.patience(committer.progress.note), CanaryVideos.of(scan)
    with (
        start_ray(
            settings.wishes, num_videos=plan.num_expected, patience=patience, run_id=scan.provenance.run_id
        ) as session,
        scan.stop.watching_signals(),
    ):
        committer.progress.note(pools_text(session.pools))

        def stream(plan_path: "Path") -> "Rows":
            rows = read_plan(plan_path)
            if session.pools.is_joint:
                return prepare_and_score(rows, session, model=scan.model, settings=settings, canary=scan.canary)
            rows = prepare(rows, session, preparation=scan.model.settings.preparation, settings=settings)
            return score(rows, session, model=scan.model, settings=settings, canary=scan.canary)

        canary.check(stream, gate=session, stop=scan.stop)
        account = run_passes(planner, stream, committer, gate=session, stop=scan.stop, recount=scan.recount)
        drift = canary.drift_at_the_end(stream, session=session, scan=scan)
        return end(scan, finish(scan, plan, account, committer, stop=scan.stop, drift=drift))


def end(scan: "Scan", summary: "Summary") -> "Summary":
    """Say how it ended."""
    from gsgmodel.scan.finish import summary_text

    say_end(summary_text(scan, summary), summary, as_json=scan.settings.json)
    return summary


if __name__ == "__main__":
    sys.exit(run_app(app))
