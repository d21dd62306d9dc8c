"""Scored videos held against their labels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gsgmodel.datasets.labelled import LabelledVideo, read_labels
from gsgmodel.metrics.bootstrap import fast_area, interval_of
from gsgmodel.metrics.scores import measure
from gsgmodel.model.weights import ModelFiles
from gsgmodel.results.delta import quoted
from gsgmodel.results.table import VideoTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One video's score and label."""

    uri: str
    label: int
    """1 = fake."""
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """How well scores tell labelled videos."""

    metrics: Mapping[str, float | None]
    """By name; of the scored videos."""
    auc_low: float | None
    """Of the AUC's 95 % interval, videos of one person drawn together."""
    auc_high: float | None
    coverage: float
    """Share of the labelled videos that have a score."""
    videos: tuple[Judged, ...]
    """That have a score, fakes first, then by score from high to low."""


def judge_output(output_uri: str, manifest: str, *, model: ModelFiles, threshold: float) -> HeldOut:
    """Compare what a scan's output holds of a model with a manifest's labels, as ``judge_held_out`` does.

    Args:
        output_uri: As of the scan.
        manifest: Of labelled videos.
        model: Whose scores count.
        threshold: The score from which a video is flagged.
    """
    table = VideoTable.open(output_uri)
    rows = table.query(f"SELECT uri, score FROM videos WHERE model_digest = {quoted(model.digest)}")  # noqa: S608
    return judge_held_out(rows.to_pylist(), read_labels([manifest]), threshold=threshold)


def judge_held_out(
    rows: Iterable[Mapping[str, Any]], labels: Mapping[str, LabelledVideo], *, threshold: float, seed: int = 0
) -> HeldOut:
    """Compare rows of a table of scores with labels.

    Args:
        rows: With ``uri`` and ``score``; of videos without a label nothing is made.
        labels: By uri; at least one of them has a score.
        threshold: The score from which a video is flagged.
        seed: Of the draws for the interval.

    Raises:
        ValueError: If no labelled video has a score.
    """
    scored = {row["uri"]: float(row["score"]) for row in rows if row["score"] is not None and row["uri"] in labels}
    if not scored:
        raise ValueError("none of the labelled videos has a score")
    uris = sorted(scored)
    scores = np.array([scored[uri] for uri in uris])
    truth = np.array([labels[uri].label for uri in uris], np.int64)
    groups = [labels[uri].group for uri in uris]
    interval = interval_of(fast_area, scores, truth, groups=groups, seed=seed)
    judged = [Judged(uri=uri, label=labels[uri].label, score=scored[uri]) for uri in uris]
    return HeldOut(
        metrics=measure(scores, truth, threshold=threshold),
        auc_low=interval.low if interval else None,
        auc_high=interval.high if interval else None,
        coverage=len(scored) / len(labels),
        videos=tuple(sorted(judged, key=lambda each: (-each.label, -each.score, each.uri))),
    )
