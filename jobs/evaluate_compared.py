"""What the tables of data sets need where they compare systems: their rows, and made data with a start for each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gsgmodel.evaluation.settings import TableSettings
from gsgmodel.training.settings import TrainSettings

if TYPE_CHECKING:
    from gsgmodel.evaluation.ablations import Row


def made_sets(
    options: TableSettings, settings: TrainSettings, *, is_crossed: bool = False
) -> tuple[int, tuple[str, ...], TrainSettings]:
    """Make what is missing below the output; the exit code, NAME=STORE of each data set, and the trainings' settings.

    Args:
        options: How much, and which footage.
        settings: As parsed.
        is_crossed: Whether there is another data set to test on, of the same people forged in other ways.
    """
    from gsgmodel.evaluation.made import MADE, OTHERS
    from jobs.evaluate_made import make_data, make_others

    code, store, made = make_data(options, settings)
    sets = [f"{MADE}={store}"]
    if is_crossed and not code:
        code, other = make_others(options, settings)
        sets.append(f"{OTHERS}={other}")
    return code, tuple(sets), made


def compared_rows(
    pairs: "Sequence[tuple[Row, str]]",
    options: TableSettings,
    settings: TrainSettings,
    *,
    paper: Mapping[str, Mapping[str, float]],
) -> "list[tuple[Row, str]]":
    """Return a row and its store of each system and data set; on made data with a backbone that each starts from.

    Args:
        pairs: A row and its store of each data set.
        options: Which systems.
        settings: Of the trainings.
        paper: What the paper has of each system and data set.
    """
    from gsgmodel.evaluation.compared import chosen_models, rows_of

    models = chosen_models(options.models or settings.model)
    rows = rows_of(pairs, models, paper=paper, is_small=options.data is not None)
    if options.data is None:
        return rows
    return [(replace(row, backbone_weights=_backbone_of(row, store, options, settings)), store) for row, store in rows]


def _backbone_of(row: "Row", store_uri: str, options: TableSettings, settings: TrainSettings) -> str:
    """The file of the backbone that a system starts from, made where it is missing."""
    from gsgmodel.clips.store import ClipStore
    from gsgmodel.evaluation.ablations import settings_of_row
    from gsgmodel.model.systems import find_system
    from jobs.evaluate_made import make_backbone, sizes_of

    if row.model is None or find_system(row.model).takes_paper_settings:
        return settings.backbone_weights
    preparation = ClipStore.open(store_uri).preparation
    chosen = settings_of_row(row, settings, output=settings.output, preparation=preparation)
    path = Path(store_uri).parent / f"backbone-{chosen.model}.safetensors"
    if not path.exists():
        make_backbone(Path(store_uri), path, chosen, steps=sizes_of(options).pretext_steps)
    return str(path)
