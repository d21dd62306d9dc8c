"""The paper's ablations, each a command: what is missing is trained, and the table printed, written and drawn."""

from typing import Annotated

from cyclopts import App, Parameter

from gsgmodel.evaluation.settings import TableSettings
from gsgmodel.training.settings import TrainSettings
from jobs.evaluate_rows import make_table

DEFAULTS, OPTIONS = TrainSettings(output="evaluation"), TableSettings()
Settings = Annotated[TrainSettings, Parameter(name="*")]
Options = Annotated[TableSettings, Parameter(name="*")]


def add_tables(app: App) -> None:
    """Give a command to each table."""
    for command in (table3, table4, temporal):
        app.command(command)


def table3(store: str | None = None, /, *, options: Options = OPTIONS, settings: Settings = DEFAULTS) -> int:
    """Table 3: the network without each of its parts, by method of forgery.

    A second run trains what is missing; a training that was cut off goes on from its checkpoint. MLflow shows them
    below one run; nothing is registered.

    Examples:
        gsg evaluate table3 --data made --output table3/

        gsg evaluate table3 clips/ --output table3/ --backbone resnet18 --epochs 10 --seeds 3

    Args:
        store: A clip store that `gsg prepare` made; none with `--data made`.
        options: What the table is made of.
        settings: What all rows share.
    """
    return make_table("table3", store, options=options, settings=settings)


def table4(store: str | None = None, /, *, options: Options = OPTIONS, settings: Settings = DEFAULTS) -> int:
    """Table 4: 4 to 9 patches of each frame.

    Args:
        store: A clip store that `gsg prepare` made; none with `--data made`.
        options: What the table is made of.
        settings: What all rows share.
    """
    return make_table("table4", store, options=options, settings=settings)


def temporal(store: str | None = None, /, *, options: Options = OPTIONS, settings: Settings = DEFAULTS) -> int:
    """The claim of Section 2.3: SRU in place of LSTM, GRU and nothing; how well, and at what cost.

    Args:
        store: A clip store that `gsg prepare` made; none with `--data made`.
        options: What the table is made of.
        settings: What all rows share.
    """
    return make_table("temporal", store, options=options, settings=settings)
