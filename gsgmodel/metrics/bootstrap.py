"""Intervals by drawing again: whole groups of videos, those of one person, together.

Percentile bootstrap over clusters (Davison and Hinkley, Bootstrap Methods and their Application, section 3.8).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

DRAWS = 2000
LEVEL = 0.95

Metric = Callable[[Float64[np.ndarray, "N"], Int64[np.ndarray, "N"]], float | None]
"""Of scores and labels; None where it is not defined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Where a metric lies, with what certainty."""

    low: float
    high: float
    level: float
    num_undefined: int
    """Draws that had one class alone and are left out."""


def interval_of(
    metric: Metric,
    scores: Float64[np.ndarray, "N"],
    labels: Int64[np.ndarray, "N"],
    *,
    groups: Sequence[str],
    seed: int,
) -> Interval | None:
    """Return the interval of a metric; None where no draw defines it.

    Args:
        metric: Of scores and labels.
        scores: Of videos.
        labels: Of the same.
        groups: Of the same; videos of one group are drawn together.
        seed: Of the draws.
    """
    return _interval([metric(scores[places], labels[places]) for places in _draws(groups, seed=seed)])


def difference_of(
    metric: Metric,
    scores: tuple[Float64[np.ndarray, "N"], Float64[np.ndarray, "N"]],
    labels: Int64[np.ndarray, "N"],
    *,
    groups: Sequence[str],
    seed: int,
) -> Interval | None:
    """Return the interval of how much higher a metric is by the first scores than by the second, of the same videos.

    Args:
        metric: Of scores and labels.
        scores: Of the videos by two models.
        labels: Of the videos.
        groups: Of the same; videos of one group are drawn together.
        seed: Of the draws.
    """
    found = []
    for places in _draws(groups, seed=seed):
        first, second = (metric(each[places], labels[places]) for each in scores)
        found.append(None if first is None or second is None else first - second)
    return _interval(found)


def _draws(groups: Sequence[str], *, seed: int) -> list[Int64[np.ndarray, "_"]]:
    _, group_of = np.unique(np.array(groups), return_inverse=True)
    members = [np.flatnonzero(group_of == group) for group in range(int(group_of.max()) + 1)]
    drawn = np.random.default_rng(seed).integers(len(members), size=(DRAWS, len(members)))
    return [np.concatenate([members[group] for group in row]).astype(np.int64) for row in drawn]


def _interval(values: Sequence[float | None]) -> Interval | None:
    defined = [value for value in values if value is not None]
    if not defined:
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(low=float(low), high=float(high), level=LEVEL, num_undefined=len(values) - len(defined))


def fast_area(scores: Float64[np.ndarray, "N"], labels: Int64[np.ndarray, "N"]) -> float | None:
    """Return the area under the curve by ranks: the same as scikit-learn's, 20 times as fast on a hundred videos."""
    num_fake = int(labels.sum())
    num_real = len(labels) - num_fake
    if not num_fake or not num_real:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[place]
    return float((ranks[labels == 1].sum() - num_fake * (num_fake + 1) / 2) / (num_fake * num_real))
