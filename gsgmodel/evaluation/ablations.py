"""The rows of the paper's ablation tables as settings of a training, and what became of them, by method of forgery.

Every row is trained from the same settings but for what it leaves out, once a seed; its figure is the mean over seeds,
with an interval that draws the test videos of one person together. Figures of the paper are of Celeb-DF; beside them
ours can be of other data, and the heading says of which.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float64, Int64

from gsgmodel.evaluation.groups import ALL, HALF
from gsgmodel.metrics.bootstrap import Interval, Metric, fast_area, interval_of
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.cost import Cost
from gsgmodel.model.objective import Objective
from gsgmodel.model.settings import PREPARATION
from gsgmodel.model.system import option_texts
from gsgmodel.model.systems import find_system
from gsgmodel.records import Preparation
from gsgmodel.training.settings import TrainSettings

Table = Literal["table3", "table4", "temporal"]
TABLES: tuple[Table, ...] = get_args(Table)
_ALONE = Objective(cross_entropy="fusion", guide_weight=0.0)
"""With one stream there is nothing to guide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table."""

    name: str
    architecture: Mapping[str, Any]
    """What differs from the base."""
    objective: Objective | None = None
    """In place of the base's."""
    paper: float | None = None
    """Accuracy in percent that the paper has; on Celeb-DF where the row does not say otherwise."""
    model: str | None = None
    """Which system it is, where a table compares them; None for the base's."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of that system."""
    backbone_weights: str | None = None
    """Where it starts from, in place of the base's."""

    @property
    def folder(self) -> str:
        """Of its trainings."""
        return self.name.replace("/", "").replace(",", "").replace(" ", "-")


ROWS: Mapping[Table, tuple[Row, ...]] = MappingProxyType(
    {
        "table3": (
            Row(name="global information", architecture={"streams": "global"}, objective=_ALONE, paper=96.65),
            Row(name="local information", architecture={"streams": "local"}, objective=_ALONE, paper=92.51),
            Row(name="w/o feature fusion", architecture={"feature_fusion": False}, paper=98.47),
            Row(name="w/o temporal module", architecture={"temporal": "none"}, paper=98.12),
            Row(name="w/o GSG loss", architecture={}, objective=Objective(guide_weight=0.0), paper=97.03),
            Row(name="w/o score fusion", architecture={"score_fusion": False}, paper=98.11),
            Row(name="RGB patches", architecture={"local_source": "rgb"}, paper=98.57),
            Row(name="final model", architecture={}, paper=99.18),
        ),
        "table4": tuple(
            Row(name=f"{number} patches", architecture={"num_selected": number}, paper=paper)
            for number, paper in zip(range(4, 10), (98.85, 99.18, 99.02, 98.68, 98.52, 98.35), strict=True)
        ),
        "temporal": tuple(
            Row(name=name, architecture={"temporal": unit})
            for name, unit in (("SRU", "sru"), ("LSTM", "lstm"), ("GRU", "gru"), ("none", "none"))
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """How well a row tells the test videos of one method from real ones."""

    method: str
    """``all`` for every one."""
    auc: float | None
    """Mean over seeds."""
    auc_interval: Interval | None
    accuracy: float
    """At 0.5, mean over seeds."""
    auc_by_seed: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a row."""

    row: Row
    figures: tuple[Figure, ...]
    """Of all videos first, then by method."""
    num_seeds: int
    majority_rate: float
    """Accuracy of always saying what most test videos are."""
    cost: Cost | None = None
    """Of the temporal modules, or of whole networks, where the table is about them."""


def settings_of_row(
    row: Row, base: TrainSettings, *, output: str, preparation: Preparation = PREPARATION
) -> TrainSettings:
    """The training of a row: the base but for what the row leaves out, or another system under the same protocol.

    Args:
        row: Of a table.
        base: What all rows share, with the seed of this training.
        output: Folder of this row and seed.
        preparation: Of the clips, for which another system is built.
    """
    if row.model is not None:
        return _settings_of_system(row, row.model, base, output=output, preparation=preparation)
    architecture = GSGConfig.from_dict(json.loads(base.architecture.to_json()) | dict(row.architecture))
    objective = row.objective or base.objective
    # Whoever waits is told of the table's end, not of each of its trainings.
    return replace(base, architecture=architecture, objective=objective, output=output, notify=None)


def _settings_of_system(
    row: Row, model: str, base: TrainSettings, *, output: str, preparation: Preparation
) -> TrainSettings:
    system = find_system(model)
    weights = row.backbone_weights or base.backbone_weights
    if not system.takes_paper_settings and row.backbone_weights is None and weights != "none":
        # A file that is named for all rows is of the paper's network.
        weights = "imagenet"
    if system.takes_paper_settings:
        return replace(base, model=model, output=output, notify=None, backbone_weights=weights)
    sizes = {"frames_per_clip": preparation.frames_per_clip, "crop_size_px": preparation.crop_size_px}
    return replace(
        base,
        model=model,
        option=option_texts({**row.options, **sizes}),
        architecture=GSGConfig(),
        objective=Objective(),
        output=output,
        notify=None,
        backbone_weights=weights,
    )


def result_of(row: Row, predictions: Sequence[pa.Table], *, seed: int) -> Result:
    """Measure a row by the test videos of each method.

    Args:
        row: The row.
        predictions: Of its trainings, a seed each: as ``assess`` has them, of the same videos.
        seed: Of the draws for the intervals.
    """
    tests = [table.filter(pc.equal(table["split"], "test")).sort_by("uri") for table in predictions]
    scores = np.stack([table["score"].to_numpy() for table in tests])
    labels = tests[0]["label"].to_numpy().astype(np.int64)
    methods = np.array(tests[0]["method"].to_pylist())
    people = [row["identity"] or row["uri"] for row in tests[0].select(["identity", "uri"]).to_pylist()]
    figures = []
    for method, chosen in _groups(methods, labels):
        names = [people[place] for place in chosen]
        figures.append(_figure(method, scores[:, chosen], labels[chosen], names, seed=seed))
    fakes = float(np.mean(labels))
    return Result(row=row, figures=tuple(figures), num_seeds=len(predictions), majority_rate=max(fakes, 1 - fakes))


def _groups(methods: np.ndarray, labels: Int64[np.ndarray, "V"]) -> Iterator[tuple[str, Int64[np.ndarray, "_"]]]:
    """Every video, then each method's fakes with all real ones."""
    yield ALL, np.arange(len(labels))
    fake = sorted(set(methods[labels == 1].tolist()))
    for method in fake if len(fake) > 1 else []:
        yield method, np.flatnonzero((labels == 0) | (methods == method))


def _figure(
    method: str, scores: Float64[np.ndarray, "K V"], labels: Int64[np.ndarray, "V"], people: list[str], *, seed: int
) -> Figure:
    places, mean = np.arange(len(labels), dtype=np.float64), _over_seeds(scores)
    return Figure(
        method=method,
        auc=mean(places, labels),
        auc_interval=interval_of(mean, places, labels, groups=people, seed=seed),
        accuracy=float(np.mean((scores >= HALF) == (labels == 1))),
        auc_by_seed=tuple(fast_area(each, labels) for each in scores),
    )


def _over_seeds(scores: Float64[np.ndarray, "K V"]) -> Metric:
    """The mean area over seeds, of videos that are named by their places."""

    def mean(places: Float64[np.ndarray, "N"], labels: Int64[np.ndarray, "N"]) -> float | None:
        areas = [fast_area(each[places.astype(np.int64)], labels) for each in scores]
        known = [area for area in areas if area is not None]
        return float(np.mean(known)) if known else None

    return mean


def markdown(results: Sequence[Result], *, data: str, paper_data: str = " on Celeb-DF") -> str:
    """The table as the paper has it, its figure beside ours, and the area by method.

    Args:
        results: Of its rows.
        data: What ours were measured on.
        paper_data: What the paper's were measured on, for the heading; empty where each row says so.
    """
    methods = [figure.method for figure in results[0].figures]
    header = ["model", f"paper, ACC{paper_data}", f"ACC on {data}", *(f"AUC, {method}" for method in methods)]
    first = results[0].cost
    header += ["parameters", "time"] if first else []
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for result in results:
        paper = "-" if result.row.paper is None else f"{result.row.paper:.2f}"
        areas = [_area(figure) for figure in result.figures]
        cost = [f"{result.cost.parameters / 1e6:.2f} M", f"{result.cost.ratio:.2f}"] if result.cost else []
        cells = [result.row.name, paper, f"{result.figures[0].accuracy:.1%}", *areas, *cost]
        lines.append("| " + " | ".join(cells) + " |")
    notes = [
        f"means of {results[0].num_seeds} seeds, intervals of 95 % over people; always saying what most are: "
        f"{results[0].majority_rate:.1%}"
    ]
    if first:
        notes.append(f"parameters and forward time of {first.of}, time next to {results[0].row.name}'s")
    systems = [find_system(name) for name in dict.fromkeys(each.row.model for each in results) if name]
    notes += [f"- {system.title} is {system.fidelity}" for system in systems]
    return "\n".join([*lines, "", *notes, ""])


def flat(results: Sequence[Result]) -> list[dict[str, str | float | int | None]]:
    """Every figure, a line a row and method."""
    return [
        {
            "model": result.row.name,
            "method": figure.method,
            "paper_accuracy": result.row.paper,
            "accuracy": figure.accuracy,
            "auc": figure.auc,
            "auc_low": figure.auc_interval.low if figure.auc_interval else None,
            "auc_high": figure.auc_interval.high if figure.auc_interval else None,
            "auc_least": min((area for area in figure.auc_by_seed if area is not None), default=None),
            "auc_most": max((area for area in figure.auc_by_seed if area is not None), default=None),
            "num_seeds": result.num_seeds,
            "majority_rate": result.majority_rate,
            **({"fidelity": find_system(result.row.model).fidelity} if result.row.model else {}),
            **({"parameters": result.cost.parameters, "time_ratio": result.cost.ratio} if result.cost else {}),
        }
        for result in results
        for figure in result.figures
    ]


def _area(figure: Figure) -> str:
    if figure.auc is None or figure.auc_interval is None:
        return "-"
    return f"{figure.auc:.3f} ({figure.auc_interval.low:.3f} to {figure.auc_interval.high:.3f})"
