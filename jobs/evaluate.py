"""Hold scores against labels, make the paper's tables, and measure robustness."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.settings import EvaluateSettings
from jobs.evaluate_robustness import add_robustness
from jobs.evaluate_sets import add_sets
from jobs.evaluate_tables import add_tables
from jobs.terminal import run_app, say

if TYPE_CHECKING:
    from gsgmodel.model.weights import ModelFiles

DEFAULTS = EvaluateSettings()
app = App(name="gsg evaluate", version_flags=[])
add_tables(app)
add_sets(app)
add_robustness(app)


@app.command
def scores(
    output: str, /, *manifests: str, settings: Annotated[EvaluateSettings, Parameter(name="*")] = DEFAULTS
) -> None:
    """Measure what a scan's table holds of labelled videos.

    Each method of forgery is judged with all real videos of its data set. Videos without a score are counted, not
    guessed. Next to an accuracy stands that of always saying what most videos are.

    Examples:
        gsg dataset celeb-df-v2 /data/celeb-df --output celeb.csv

        gsg score celeb.csv --output results/ --model models:/gsg@champion

        gsg evaluate scores results/ celeb.csv --model models:/gsg@champion --csv celeb-figures.csv

    Args:
        output: As of the scan.
        manifests: Of labelled videos, as of `gsg prepare`.
        settings: Which scores count, and how.

    Raises:
        ConfigError: If nothing can be compared.
    """
    from gsgmodel.datasets.labelled import read_labels
    from gsgmodel.evaluation.groups import measure_groups
    from gsgmodel.evaluation.scored import read_rows, scored_videos
    from gsgmodel.evaluation.tables import markdown, write_csv

    model = model_of(settings.model)
    digest = model.digest if model else None
    labels = {
        uri: video
        for uri, video in read_labels(manifests, s3_endpoint=settings.s3_endpoint).items()
        if settings.split in ("all", video.split or settings.split)
    }
    videos = scored_videos(read_rows(output, model_digest=digest, s3_endpoint=settings.s3_endpoint), labels)
    if not any(each.score is not None for each in videos):
        raise ConfigError(f"of {len(labels)} videos of the split {settings.split!r} none has a score in {output!r}")
    threshold = settings.threshold if settings.threshold is not None else threshold_of(model)
    groups = measure_groups(videos, threshold=threshold, seed=settings.seed)
    if settings.csv:
        write_csv(settings.csv, groups)
    if settings.json:
        print(json.dumps([asdict(group) for group in groups]), flush=True)
        return
    say([f"threshold {threshold:.3f}; intervals of 95 %, videos of one person drawn together"])
    print(markdown(groups), end="")


def model_of(ref: str | None) -> "ModelFiles | None":
    """The model by its reference."""
    if ref is None:
        return None
    from gsgmodel.tracking.address import tracking_address
    from gsgmodel.tracking.registry import resolve_model

    return resolve_model(ref, tracking_uri=tracking_address(None, folder=Path.cwd()))


def threshold_of(model: "ModelFiles | None") -> float:
    """The model's threshold, as scans flag by it; 0.5 where there is none."""
    threshold = model.settings.threshold if model else None
    return 0.5 if threshold is None else threshold


if __name__ == "__main__":
    sys.exit(run_app(app))
