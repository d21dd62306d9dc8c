"""Prepare labelled videos for training: crops of their faces into a clip store that training reads by index."""

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from gsgmodel.scan.settings import PrepareSettings
from jobs.terminal import plan_text, print_plan, run_app, say, say_end

if TYPE_CHECKING:
    from pathlib import Path

    from gsgmodel.scan.planner import Planner
    from gsgmodel.scan.source import Rows
    from gsgmodel.scan.store_finish import StoreSummary
    from gsgmodel.scan.store_opening import StoreRun

DEFAULTS = PrepareSettings()
VERB = "prepare"
app = App(name="gsg prepare", version_flags=[])


@app.default
def main(*inputs: str, settings: Annotated[PrepareSettings, Parameter(name="*")] = DEFAULTS) -> int:
    """Prepare labelled videos for training, by the same code that prepares videos for scoring.

    A second run prepares what is new or changed. Settings also come from GSG_... variables and from a TOML file named
    by --config.

    Examples:
        gsg prepare videos/ --output clips/

        gsg prepare labels.csv --output s3://research/clips --boxes-from original

    Args:
        inputs: Manifests (.csv or .parquet with path or uri, label, and where known method, identity,
            source_identity, split, original, mask), or folders with `real` and `fake` in them.
        settings: The settings of the preparation.
    """
    summary = prepare_archive((*inputs, *settings.input), settings)
    return summary.exit_code if summary else 0


def prepare_archive(inputs: tuple[str, ...], settings: PrepareSettings) -> "StoreSummary | None":
    """Check everything, read the labels, plan, and prepare; a dry run prints its plan and has no summary."""
    from gsgmodel.scan.checks import check_prepare

    notes = check_prepare(inputs, settings)
    from gsgmodel.archive.listing import list_archive
    from gsgmodel.scan.labelled import TO_PREPARE
    from gsgmodel.scan.store_opening import open_store_run

    with open_store_run(inputs, settings, notes=notes) as run, run.stop.watching_signals():
        archive = list_archive(run.inputs, filters=settings.filter, s3_endpoint=settings.s3_endpoint)
        with run.planning(run.labelled.attach(archive), kind=TO_PREPARE) as planner:
            planner.wait()
            if settings.dry_run:
                print_plan(planner.plan, as_json=settings.json, verb=VERB)
                return None
            return prepare_planned(run, planner)


def prepare_planned(run: "StoreRun", planner: "Planner") -> "StoreSummary":
    """Take the plan through the stages: prepare, keep, commit; what only has other labels is not prepared again."""
    from gsgmodel.scan.expected import pools_text
    from gsgmodel.scan.keep import keep
    from gsgmodel.scan.passes import NOTHING_PLANNED, run_passes
    from gsgmodel.scan.prepare import prepare
    from gsgmodel.scan.session import start_ray
    from gsgmodel.scan.source import read_plan
    from gsgmodel.scan.store_finish import finish_store_run

    settings, plan = run.settings, planner.plan
    committer = run.committer(num_planned=plan.num_videos)
    progress = committer.progress
    relabelled = run.relabel()
    if not plan.num_videos:
        return end(run, finish_store_run(run, plan, NOTHING_PLANNED, committer, relabelled=relabelled, stop=run.stop))
    say([plan_text(plan, verb=VERB)])
    with (
        start_ray(
            settings.wishes,
            num_videos=plan.num_videos,
            patience=run.patience(progress.note),
            run_id=run.identity["run_id"],
        ) as session,
        run.stop.watching_signals(),
    ):
        progress.note(pools_text(session.pools))

        def stream(plan_path: "Path") -> "Rows":
            rows = read_plan(plan_path)
            rows = prepare(rows, session, preparation=run.recipe.preparation, settings=settings)
            return keep(rows, session, store_uri=run.store_uri, s3_endpoint=settings.s3_endpoint, recipe=run.recipe)

        account = run_passes(planner, stream, committer, gate=session, stop=run.stop, recount=run.recount)
        return end(run, finish_store_run(run, plan, account, committer, relabelled=relabelled, stop=run.stop))


def end(run: "StoreRun", summary: "StoreSummary") -> "StoreSummary":
    """Say how it ended."""
    from gsgmodel.scan.store_finish import store_summary_text

    say_end(store_summary_text(summary), summary, as_json=run.settings.json)
    return summary


if __name__ == "__main__":
    sys.exit(run_app(app))
