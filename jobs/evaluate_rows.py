"""Train the rows of a table where they are missing, and print what became of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.settings import TableSettings
from gsgmodel.training.settings import TrainSettings, worker_range
from jobs.terminal import say

if TYPE_CHECKING:
    from gsgmodel.evaluation.ablations import Result, Row, Table
    from gsgmodel.evaluation.parent import TableRun
    from gsgmodel.evaluation.trainings import RowTraining
    from gsgmodel.scan.stop import StopRequest

FAILED, STOPPED = 1, 128
DRAIN_S = 60.0


def make_table(table: "Table", store: str | None, *, options: TableSettings, settings: TrainSettings) -> int:
    """Make the data if it is asked for, train what is missing, and print the table; the exit code.

    Raises:
        ConfigError: The settings are none for a table.
    """
    if (store is None) == (options.data is None):
        raise ConfigError("a table wants a clip store, or --data made, and not both")
    if settings.resume or "://" in settings.output:
        raise ConfigError("a table wants a local folder as --output, and no --resume")
    from gsgmodel.evaluation.ablations import ROWS
    from gsgmodel.evaluation.parent import TableRun

    if options.data:
        from jobs.evaluate_made import make_data

        code, store, settings = make_data(options, settings)
        if code:
            return code
    assert store is not None
    folder = Path(settings.output).absolute()
    run, code = TableRun.start(table, settings), FAILED
    try:
        rows = trainings_of(ROWS[table], store, settings, num_seeds=options.num_seeds, run=run)
        # Seed by seed, so that a table that was stopped has whole seeds.
        code = train_rows(
            [each for seed in zip(*rows, strict=True) for each in seed], settings, at_once=options.at_once
        )
        seeds = [n for n in range(options.num_seeds) if all(row[n].predictions is not None for row in rows)]
        if seeds:
            results = results_of(ROWS[table], rows, seeds, seed=settings.seed)
            if table == "temporal":
                results = with_costs(results, rows)
            show(table, results, folder, data="made data" if options.data else store)
    finally:
        if lost := run.finish(failed=code != 0, folder=folder):
            say([lost])
    return code


def trainings_of(
    rows: "Sequence[Row]", store: str, base: TrainSettings, *, num_seeds: int, run: "TableRun"
) -> "list[list[RowTraining]]":
    """Of each row its trainings, one a seed, below the table's run in MLflow."""
    from gsgmodel.clips.store import ClipStore
    from gsgmodel.evaluation.ablations import settings_of_row
    from gsgmodel.evaluation.trainings import RowTraining

    clips = ClipStore.open(store, s3_endpoint=base.s3_endpoint)
    folder = Path(base.output).absolute()
    base = replace(base, register=False, parent_run=run.run_id, tracking_uri=run.address)
    return [
        [
            RowTraining(
                name=f"{row.name}, seed {seed}",
                store_uri=clips.uri,
                digest=clips.digest,
                settings=settings_of_row(
                    row,
                    replace(base, seed=seed),
                    output=str(folder / row.name.replace("/", "").replace(" ", "-") / f"seed-{seed}"),
                ),
            )
            for seed in range(base.seed, base.seed + num_seeds)
        ]
        for row in rows
    ]


def train_rows(trainings: "Sequence[RowTraining]", base: TrainSettings, *, at_once: int | None) -> int:
    """Train what is missing; the exit code."""
    from gsgmodel.evaluation.trainings import train_missing
    from gsgmodel.scan.stop import StopRequest

    stop = StopRequest(drain_s=DRAIN_S)
    with stop.watching_signals():
        if base.workers and worker_range(base.workers)[1] > 1:
            return train_in_turn(trainings, stop)
        is_done = train_missing(trainings, at_once=at_once, stop=stop, note=lambda text: say([text]))
    if not is_done:
        say(["stopped; the same command goes on"])
    return 0 if is_done else STOPPED + (stop.signum or 0)


def train_in_turn(trainings: "Sequence[RowTraining]", stop: "StopRequest") -> int:
    """One after the other, each with many workers; the exit code."""
    from jobs.train import train

    for each in trainings:
        if each.predictions is None:
            if stop.reason is not None:
                return STOPPED + (stop.signum or 0)
            say([f"{each.name}: training"])
            if code := train(each.store_uri, each.begin()).exit_code:
                return code
    return 0


def results_of(
    rows: "Sequence[Row]", trainings: "Sequence[Sequence[RowTraining]]", seeds: Sequence[int], *, seed: int
) -> "list[Result]":
    """What became of each row, over the seeds that are done for all of them."""
    from gsgmodel.evaluation.ablations import result_of

    return [
        result_of(row, [found for n in seeds if (found := own[n].predictions) is not None], seed=seed)
        for row, own in zip(rows, trainings, strict=True)
    ]


def with_costs(results: "Sequence[Result]", trainings: "Sequence[Sequence[RowTraining]]") -> "list[Result]":
    """Results with what their temporal modules cost."""
    from gsgmodel.clips.store import ClipStore
    from gsgmodel.model.cost import temporal_costs

    num_frames = ClipStore.open(trainings[0][0].store_uri).preparation.frames_per_clip
    costs = temporal_costs([own[0].settings.architecture for own in trainings], num_frames=num_frames)
    return [replace(result, cost=cost) for result, cost in zip(results, costs, strict=True)]


def show(table: str, results: "Sequence[Result]", folder: Path, *, data: str) -> None:
    """Print a table, and write it as markdown, CSV and a picture."""
    from gsgmodel.evaluation.ablations import flat, markdown
    from gsgmodel.evaluation.plots import draw_rows
    from gsgmodel.evaluation.tables import write_rows

    text = markdown(results, data=data)
    (folder / f"{table}.md").write_text(text)
    write_rows(folder / f"{table}.csv", flat(results))
    draw_rows(folder / f"{table}.png", results, title=f"{table} on {data}")
    print(text)
