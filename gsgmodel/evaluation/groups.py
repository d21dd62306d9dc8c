"""Labelled videos and their scores, measured by data set, compression and method of forgery.

A method is judged by its fakes and all real videos of its data set and compression. Videos are told apart by data set,
method, compression and name: FaceForensics++ has the same names in all of its methods, and a toolkit that went by name
alone took four fakes for one. A video without a score is not a score of 0.5: figures stand without such videos, and
beside them those that count it as 0.5, with the share that has a score.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from gsgmodel.evaluation.scored import ScoredVideo
from gsgmodel.metrics.bootstrap import Interval, Metric, fast_area, interval_of
from gsgmodel.metrics.scores import area_under_curve, at_threshold, measure

HALF = 0.5
"""The paper's threshold: a video is called what its score is nearer to."""
ALL = "all"
"""In place of a method: every video of a data set and compression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """How well scores tell the videos of one data set, compression and method."""

    dataset: str
    compression: str
    method: str
    """``all`` where every method counts."""
    num_real: int
    num_fake: int
    coverage: float
    """Share of the videos that have a score."""
    metrics: Mapping[str, float | None]
    """By name, of the videos with a score; ``accuracy`` and its kin at the threshold, ``accuracy_at_half`` at 0.5."""
    imputed: Mapping[str, float | None]
    """The same where a video without a score counts as 0.5."""
    frames: Mapping[str, float | None]
    """``auc`` and ``accuracy_at_half`` of single frames."""
    intervals: Mapping[str, Interval]
    """95 % of ``auc``, ``accuracy`` and ``accuracy_at_half``, videos of one person drawn together."""


def measure_groups(videos: Sequence[ScoredVideo], *, threshold: float, seed: int) -> list[Group]:
    """Measure every data set and compression, all methods together and each on its own.

    Args:
        videos: Labelled, at least one of each group with a score, else the group is left out.
        threshold: The score from which a video is flagged; never fitted on these videos.
        seed: Of the draws for the intervals.
    """
    sets: dict[tuple[str, str], list[ScoredVideo]] = defaultdict(list)
    for each in videos:
        sets[each.video.dataset, each.video.compression].append(each)
    groups = []
    for (dataset, compression), members in sorted(sets.items()):
        methods = sorted({each.video.method for each in members if each.video.label})
        for method in [ALL, *(methods if len(methods) > 1 else [])]:
            chosen = [each for each in members if method == ALL or not each.video.label or each.video.method == method]
            if any(each.score is not None for each in chosen):
                names = {"dataset": dataset, "compression": compression, "method": method}
                groups.append(_measure(chosen, names, threshold=threshold, seed=seed))
    return groups


def _measure(videos: Sequence[ScoredVideo], names: dict[str, str], *, threshold: float, seed: int) -> Group:
    scored = [each for each in videos if each.score is not None]
    scores, labels = _arrays(scored, missing=HALF)
    people = [each.video.group for each in scored]
    metrics: dict[str, Metric] = {
        "auc": fast_area,
        "accuracy": lambda some, truth: at_threshold(some, truth, threshold=threshold)["accuracy"],
        "accuracy_at_half": lambda some, truth: at_threshold(some, truth, threshold=HALF)["accuracy"],
    }
    intervals = {name: interval_of(each, scores, labels, groups=people, seed=seed) for name, each in metrics.items()}
    num_fake = sum(each.video.label for each in videos)
    return Group(
        **names,
        num_real=len(videos) - num_fake,
        num_fake=num_fake,
        coverage=len(scored) / len(videos),
        metrics=_metrics(scores, labels, threshold=threshold),
        imputed=_metrics(*_arrays(videos, missing=HALF), threshold=threshold),
        frames=_of_frames(scored),
        intervals={name: interval for name, interval in intervals.items() if interval is not None},
    )


def _metrics(
    scores: Float64[np.ndarray, "N"], labels: Int64[np.ndarray, "N"], *, threshold: float
) -> dict[str, float | None]:
    half = at_threshold(scores, labels, threshold=HALF)
    return measure(scores, labels, threshold=threshold) | {
        "accuracy_at_half": half["accuracy"],
        "balanced_accuracy_at_half": half["balanced_accuracy"],
    }


def _arrays(
    videos: Sequence[ScoredVideo], *, missing: float
) -> tuple[Float64[np.ndarray, "N"], Int64[np.ndarray, "N"]]:
    scores = [missing if each.score is None else each.score for each in videos]
    return np.array(scores, np.float64), np.array([each.video.label for each in videos], np.int64)


def _of_frames(videos: Sequence[ScoredVideo]) -> dict[str, float | None]:
    """Every frame has its video's label, as the field's frame figures have it."""
    scores = np.array([score for each in videos for score in each.frame_scores], np.float64)
    labels = np.array([each.video.label for each in videos for _ in each.frame_scores], np.int64)
    if not len(scores):
        return {"auc": None, "accuracy_at_half": None}
    return {
        "auc": area_under_curve(scores, labels),
        "accuracy_at_half": at_threshold(scores, labels, threshold=HALF)["accuracy"],
    }
