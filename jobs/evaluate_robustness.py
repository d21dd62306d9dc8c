"""How much a model still tells from perturbed videos."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.settings import RobustnessSettings
from jobs.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gsgmodel.evaluation.robustness import Outcome
    from gsgmodel.model.weights import ModelFiles

DEFAULTS = RobustnessSettings()


def add_robustness(app: App) -> None:
    """Give the command."""
    app.command(robustness)


def robustness(*inputs: str, settings: Annotated[RobustnessSettings, Parameter(name="*")] = DEFAULTS) -> int:
    """Perturb labelled videos type by type and level by level, and measure what a model still tells.

    The seven types of DeeperForensics-1.0, JPEG, smaller frames and fewer frames a second, five levels each.

    Examples:
        gsg evaluate robustness clips/ --model models:/gsg@champion --output robustness/

        gsg evaluate robustness labels.csv --at videos --kinds compression,blur --model models:/gsg@champion

    Args:
        inputs: A clip store, or with `--at videos` manifests of labelled videos.
        settings: What is done, and to what.

    Raises:
        ConfigError: Nothing can be measured.
    """
    from gsgmodel.evaluation.plots import draw_levels
    from gsgmodel.evaluation.robustness import levels_markdown, levels_rows
    from gsgmodel.evaluation.tables import write_rows
    from gsgmodel.tracking.address import tracking_address
    from gsgmodel.tracking.registry import resolve_model

    if not inputs or (settings.at == "crops" and len(inputs) != 1):
        raise ConfigError("robustness wants one clip store, or with --at videos one manifest or more")
    model = resolve_model(settings.model, tracking_uri=tracking_address(None, folder=Path.cwd()))
    outcomes = []
    for outcome in outcomes_of(inputs, model, settings):
        outcomes.append(outcome)
        say([f"{outcome.trial.name}: AUC {'-' if outcome.auc is None else f'{outcome.auc:.3f}'}"])
    text, rows = levels_markdown(outcomes, at=settings.at), levels_rows(outcomes)
    if settings.output:
        folder = Path(settings.output)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "robustness.md").write_text(text)
        write_rows(folder / "robustness.csv", rows)
        draw_levels(folder / "robustness.png", outcomes)
    print(f"{json.dumps(rows)}\n" if settings.json else text, end="")
    return 0


def outcomes_of(inputs: tuple[str, ...], model: "ModelFiles", settings: RobustnessSettings) -> "Iterator[Outcome]":
    """What is measured, one after the other.

    Raises:
        ConfigError: There are no test videos, or clips of another preparation.
    """
    from gsgmodel.clips.store import ClipStore
    from gsgmodel.datasets.labelled import read_labels
    from gsgmodel.evaluation.robustness import on_crops, on_videos, trials_of

    trials = trials_of(settings.chosen)
    if settings.at == "crops":
        store = ClipStore.open(inputs[0], s3_endpoint=settings.s3_endpoint)
        return on_crops(store, model, trials, seed=settings.seed)
    labels = read_labels(inputs, s3_endpoint=settings.s3_endpoint)
    tested = {uri: video for uri, video in labels.items() if (video.split or "test") == "test"}
    if not tested:
        raise ConfigError(f"of {len(labels)} videos none is of the split 'test'")
    return on_videos(tested, model, trials, seed=settings.seed)
