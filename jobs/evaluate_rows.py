"""Train the rows of a table where they are missing, and print what became of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.settings import TableSettings
from gsgmodel.training.settings import TrainSettings, worker_range
from jobs.terminal import say

if TYPE_CHECKING:
    from gsgmodel.evaluation.ablations import Row, Table
    from gsgmodel.evaluation.trainings import RowTraining
    from gsgmodel.scan.stop import StopRequest

FAILED, STOPPED = 1, 128
DRAIN_S = 60.0


def make_table(table: "Table", store: str | None, *, options: TableSettings, settings: TrainSettings) -> int:
    """Make the data if it is asked for, train what is missing, and print the table; the exit code.

    Raises:
        ConfigError: There is no store, or one too many.
    """
    if (store is None) == (options.data is None):
        raise ConfigError("a table wants a clip store, or --data made, and not both")
    check_own(table, options)
    check_output(settings)
    from gsgmodel.evaluation.ablations import ROWS

    if options.data:
        from jobs.evaluate_made import make_data

        code, store, settings = make_data(options, settings)
        if code:
            return code
    assert store is not None
    rows = ROWS[table]
    return fill_table(table, rows, [store] * len(rows), options, settings)


def check_own(table: str, options: TableSettings) -> None:
    """Make sure that a table that only the paper's own network has is not asked for with others.

    Raises:
        ConfigError: It is.
    """
    if options.models is not None:
        raise ConfigError(f"--models is {options.models!r}; accepted: with table1 or table2, and {table} is neither")


def check_output(settings: TrainSettings) -> None:
    """Make sure that a table's trainings can be found again.

    Raises:
        ConfigError: They cannot.
    """
    if settings.resume or "://" in settings.output:
        raise ConfigError("a table wants a local folder as --output, and no --resume")


def fill_table(
    table: str,
    rows: "Sequence[Row]",
    stores: Sequence[str],
    options: TableSettings,
    settings: TrainSettings,
    *,
    others: "Sequence[Sequence[tuple[Row, str]]]" = (),
) -> int:
    """Train what is missing of each row on its store, and print the table; the exit code.

    Where there are other data sets, some for each row, the table shows them: what was trained is tested on them.
    """
    from gsgmodel.evaluation.ablations import result_of
    from gsgmodel.evaluation.parent import TableRun
    from gsgmodel.evaluation.sets import crossed
    from gsgmodel.evaluation.trainings import trainings_of, whole_seeds
    from gsgmodel.evaluation.written import write_table

    folder = Path(settings.output).absolute()
    run, code = TableRun.start(table, settings), FAILED
    try:
        trainings = trainings_of(rows, stores, settings, num_seeds=options.num_seeds, run=run)
        # Seed by seed, so that a table that was stopped has whole seeds.
        in_order = [each for seed in zip(*trainings, strict=True) for each in seed]
        code = train_rows(in_order, settings, at_once=options.at_once)
        found = whole_seeds(trainings)
        if found[0]:
            results = (
                [
                    each
                    for own, tested in zip(trainings, others, strict=True)
                    for each in crossed(own, tested, seed=settings.seed)
                ]
                if others
                else [result_of(row, own, seed=settings.seed) for row, own in zip(rows, found, strict=True)]
            )
            data = "made data" if options.data else ", ".join(dict.fromkeys(stores))
            print(write_table(table, results, trainings, folder, data=data, as_json=settings.json), end="")
    finally:
        say(run.finish(exit_code=code, folder=folder))
    return code


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
