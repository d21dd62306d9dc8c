"""Tables 1, 2 and 5: the network on each data set, across data sets, and with clips of other lengths."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.settings import TableSettings
from gsgmodel.training.settings import TrainSettings
from jobs.evaluate_compared import compared_rows, made_sets
from jobs.evaluate_rows import check_output, check_own, fill_table

DEFAULTS, OPTIONS = TrainSettings(output="evaluation"), TableSettings()
Settings = Annotated[TrainSettings, Parameter(name="*")]
Options = Annotated[TableSettings, Parameter(name="*")]
FRAMES = (8, 9, 10, 11, 12, 13, 14, 15, 16)


def add_sets(app: App) -> None:
    """Give a command to each table."""
    for command in (table1, table2, table5):
        app.command(command)


def table1(*sets: str, options: Options = OPTIONS, settings: Settings = DEFAULTS) -> int:
    """Table 1: trained and tested on each data set.

    Examples:
        gsg evaluate table1 ff++-lq=clips/lq ff++-hq=clips/hq dfdc=clips/dfdc celeb-df=clips/celeb --output table1/

        gsg evaluate table1 celeb-df=clips/celeb --models all --output table1/

        gsg evaluate table1 celeb-df=clips/celeb-{model} --models mesonet,xception --output table1/

        gsg evaluate table1 --data made --small --models all --output made/

    Args:
        sets: NAME=STORE, a clip store of each data set; with --models, {model} in it stands for a system's name, for
            stores of the crops that it was published with. None with --data made.
        options: What the table is made of.
        settings: Of the trainings.

    Raises:
        ConfigError: No data set is given.
    """
    from gsgmodel.evaluation import compared
    from gsgmodel.evaluation.sets import INTRA, parse_sets

    check_output(settings)
    if (not sets) == (options.data is None):
        raise ConfigError("table1 wants one data set or more, as NAME=STORE, or --data made, and not both")
    if options.data:
        code, sets, settings = made_sets(options, settings)
        if code:
            return code
    pairs = parse_sets(sets, known=INTRA)
    if options.models:
        pairs = compared_rows(pairs, options, settings, paper=compared.INTRA)
    return fill_table("table1", [row for row, _ in pairs], [store for _, store in pairs], options, settings)


def table2(*sets: str, options: Options = OPTIONS, settings: Settings = DEFAULTS) -> int:
    """Table 2: trained on one data set, tested on the others.

    Examples:
        gsg evaluate table2 ff++=clips/hq celeb-df=clips/celeb dfdc=clips/dfdc --output table2/

        gsg evaluate table2 ff++=clips/hq celeb-df=clips/celeb --models all --output table2/

    Args:
        sets: NAME=STORE, a clip store of each data set; the first is trained on. None with --data made, which trains on
            three kinds of forgery and tests on others, of the same people as were held out.
        options: What the table is made of.
        settings: Of the trainings.

    Raises:
        ConfigError: There is nothing to be tested on.
    """
    from gsgmodel.evaluation import compared
    from gsgmodel.evaluation.sets import CROSS, parse_sets

    check_output(settings)
    if (not sets) == (options.data is None) or len(sets) == 1:
        raise ConfigError(
            "table2 wants two data sets or more, as NAME=STORE, the first to train on, or --data made, and not both"
        )
    if options.data:
        code, sets, settings = made_sets(options, settings, is_crossed=True)
        if code:
            return code
    (row, store), *others = parse_sets(sets, known=CROSS)
    if not options.models:
        return fill_table("table2", [row], [store], options, settings, others=[others])
    trained = compared_rows([(row, store)], options, settings, paper=compared.CROSS)
    tested = [compared.rows_of(others, [own.model], paper=compared.CROSS) for own, _ in trained if own.model]
    rows, stores = [own for own, _ in trained], [place for _, place in trained]
    return fill_table("table2", rows, stores, options, settings, others=tested)


def table5(
    *manifests: str,
    frames: tuple[int, ...] = FRAMES,
    boxes_from: Literal["own", "original"] = "own",
    options: Options = OPTIONS,
    settings: Settings = DEFAULTS,
) -> int:
    """Table 5: 8 to 16 frames of each clip, which videos are prepared with anew.

    Examples:
        gsg evaluate table5 celeb.csv --output table5/

        gsg evaluate table5 celeb.csv --output table5/ --frames 8 --frames 16

    Args:
        manifests: Of labelled videos, as of `gsg prepare`; none with `--data made`.
        frames: How many, a row each.
        boxes_from: Crop a fake at its own faces, or where those of its original are.
        options: What the table is made of.
        settings: Of the trainings.

    Raises:
        ConfigError: There are no videos, or videos and made data.
    """
    from gsgmodel.evaluation.made import CROP_SIZE_PX
    from gsgmodel.evaluation.sets import length_rows
    from gsgmodel.records import Preparation
    from gsgmodel.scan.settings import PrepareSettings
    from jobs.prepare import prepare_archive

    check_output(settings)
    check_own("table5", options)
    if (not manifests) == (options.data is None):
        raise ConfigError("table5 wants manifests, or --data made, and not both")
    folder, size_px = Path(settings.output).absolute(), Preparation().crop_size_px
    if options.data:
        from jobs.evaluate_made import make_data

        code, store, settings = make_data(options, settings)
        if code:
            return code
        manifests = (str(Path(store).parent / "forged" / "manifest.csv"),)
        boxes_from, size_px = "original", CROP_SIZE_PX
    stores = [str(folder / f"clips-{number}") for number in frames]
    for store, number in zip(stores, frames, strict=True):
        wanted = PrepareSettings(output=store, frames_per_clip=number, boxes_from=boxes_from, crop_size_px=size_px)
        summary = prepare_archive(manifests, wanted)
        if summary and summary.exit_code:
            return summary.exit_code
    return fill_table("table5", length_rows(frames), stores, options, settings)
