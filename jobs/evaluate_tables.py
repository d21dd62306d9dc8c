"""The paper's ablations, each a command: what is missing is trained, and the table printed and written."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from gsgmodel.errors import ConfigError
from gsgmodel.tracking.address import NO_TRACKING
from gsgmodel.training.settings import TrainSettings
from jobs.terminal import say

if TYPE_CHECKING:
    from gsgmodel.evaluation.ablations import Result, Row, Table

DEFAULTS = TrainSettings(output="evaluation")
Settings = Annotated[TrainSettings, Parameter(name="*")]


def add_tables(app: App) -> None:
    """Give a command to each table."""
    for command in (table3, table4, temporal):
        app.command(command)


def table3(store: str, /, *, seeds: int = 5, settings: Settings = DEFAULTS) -> int:
    """Table 3: the network without each of its parts, by method of forgery.

    A second run trains what is missing. Nothing is registered.

    Examples:
        gsg evaluate table3 clips/ --output table3/ --backbone tiny --backbone-weights none --epochs 10

    Args:
        store: A clip store that `gsg prepare` made.
        seeds: Each row is trained so many times.
        settings: What all rows share.
    """
    return make_table("table3", store, seeds=seeds, settings=settings)


def table4(store: str, /, *, seeds: int = 5, settings: Settings = DEFAULTS) -> int:
    """Table 4: 4 to 9 patches of each frame.

    Args:
        store: A clip store that `gsg prepare` made.
        seeds: Each row is trained so many times.
        settings: What all rows share.
    """
    return make_table("table4", store, seeds=seeds, settings=settings)


def temporal(store: str, /, *, seeds: int = 5, settings: Settings = DEFAULTS) -> int:
    """The claim of Section 2.3: SRU in place of LSTM, GRU and nothing.

    Args:
        store: A clip store that `gsg prepare` made.
        seeds: Each row is trained so many times.
        settings: What all rows share.
    """
    return make_table("temporal", store, seeds=seeds, settings=settings)


def make_table(table: "Table", store: str, *, seeds: int, settings: TrainSettings) -> int:
    """Train every row and seed that is missing, and print the table as soon as a row is done.

    Raises:
        ConfigError: The settings are none for a table.
    """
    from gsgmodel.clips.store import ClipStore
    from gsgmodel.evaluation.ablations import ROWS, flat, markdown, result_of
    from gsgmodel.evaluation.tables import write_rows
    from gsgmodel.scan.session import running_ray
    from gsgmodel.training.gather import STORE_BYTES

    if seeds < 1 or settings.resume or "://" in settings.output:
        raise ConfigError("a table wants --seeds of 1 or more, a local folder as --output, and no --resume")
    digest = ClipStore.open(store, s3_endpoint=settings.s3_endpoint).digest
    base = replace(settings, tracking_uri=NO_TRACKING)
    results: list[Result] = []
    with running_ray(object_store_bytes=STORE_BYTES):
        for row in ROWS[table]:
            said = []
            for number in range(seeds):
                code, found = train_row(row, store, replace(base, seed=base.seed + number), digest)
                if code:
                    return code
                said.append(found)
            results.append(result_of(row, said, seed=base.seed))
            say([markdown(results[-1:], data=store)])
    folder = Path(settings.output)
    text = markdown(results, data=store)
    (folder / f"{table}.md").write_text(text)
    write_rows(folder / f"{table}.csv", flat(results))
    print(text)
    return 0


def train_row(row: "Row", store: str, base: TrainSettings, digest: str) -> tuple[int, Any]:
    """The exit code of a row's training, which is done unless it was, and its predictions."""
    from gsgmodel.evaluation.ablations import settings_of_row
    from gsgmodel.evaluation.kept import predictions_of, unfinished_run
    from jobs.train import train

    folder = Path(base.output) / row.name.replace("/", "").replace(" ", "-") / f"seed-{base.seed}"
    settings = settings_of_row(row, base, output=str(folder))
    if (found := predictions_of(settings, data_digest=digest)) is not None:
        say([f"{row.name}, seed {base.seed}: done before"])
        return 0, found
    say([f"{row.name}, seed {base.seed}: training"])
    summary = train(store, replace(settings, resume=unfinished_run(settings, data_digest=digest)))
    return summary.exit_code, predictions_of(settings, data_digest=digest)
