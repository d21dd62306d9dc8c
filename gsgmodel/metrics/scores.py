"""How well scores tell fake videos from real ones. Each is None where it is not defined: with one class alone.

Scores go from 0 (real) to 1 (fake), label 1 is fake, and a video is flagged if its score is at least the threshold.
"""

import numpy as np
from jaxtyping import Float64, Int64
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score, roc_curve

ECE_BINS = 15
"""Of equal width, as Guo et al. (On Calibration of Modern Neural Networks, ICML 2017) have them."""
LOG_LOSS_CLIP = 1e-15


def measure(
    scores: Float64[np.ndarray, "N"], labels: Int64[np.ndarray, "N"], *, threshold: float
) -> dict[str, float | None]:
    """Return every metric by its name.

    Args:
        scores: Of videos, calibrated.
        labels: Of the same, at least one.
        threshold: For what depends on one.
    """
    return {
        "auc": area_under_curve(scores, labels),
        "average_precision": average_precision(scores, labels),
        "eer": equal_error(scores, labels)[0],
        "tpr_at_fpr_1": true_positives_at(scores, labels, false_positives=0.01),
        "tpr_at_fpr_01": true_positives_at(scores, labels, false_positives=0.001),
        **at_threshold(scores, labels, threshold=threshold),
        "majority_rate": majority_rate(labels),
        "log_loss": float(log_loss(labels, scores.clip(LOG_LOSS_CLIP, 1 - LOG_LOSS_CLIP), labels=[0, 1])),
        "brier": float(np.mean((scores - labels) ** 2)),
        "ece": expected_calibration_error(scores, labels),
    }


def area_under_curve(scores: Float64[np.ndarray, "N"], labels: Int64[np.ndarray, "N"]) -> float | None:
    """Return the share of pairs of a fake and a real video in which the fake scores higher; ties count half."""
    return float(roc_auc_score(labels, scores)) if _has_both(labels) else None


def average_precision(scores: Float64[np.ndarray, "N"], labels: Int64[np.ndarray, "N"]) -> float | None:
    """Return the mean precision over the fakes, in the order of scores."""
    return float(average_precision_score(labels, scores)) if _has_both(labels) else None


def equal_error(
    scores: Float64[np.ndarray, "N"], labels: Int64[np.ndarray, "N"]
) -> tuple[float, float] | tuple[None, None]:
    """Return the rate at which as many real videos are flagged as fakes are not, and the threshold of it.

    Between two points of the curve it is where the line between them crosses; the threshold is of the nearer point.
    """
    if not _has_both(labels):
        return None, None
    flagged, found, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    gap = flagged - (1 - found)
    after = int(np.argmax(gap >= 0))
    before = max(after - 1, 0)
    step = gap[after] - gap[before]
    part = 0.0 if step <= 0 else float(-gap[before] / step)
    rate = flagged[before] + part * (flagged[after] - flagged[before])
    nearer = after if part >= 0.5 else before  # noqa: PLR2004 - the middle
    return float(rate), float(np.clip(thresholds[nearer], 0, 1))


def true_positives_at(
    scores: Float64[np.ndarray, "N"], labels: Int64[np.ndarray, "N"], *, false_positives: float
) -> float | None:
    """Return the share of fakes that are flagged where at most a share of the real videos is."""
    if not _has_both(labels):
        return None
    flagged, found, _ = roc_curve(labels, scores, drop_intermediate=False)
    return float(found[flagged <= false_positives].max())


def at_threshold(
    scores: Float64[np.ndarray, "N"], labels: Int64[np.ndarray, "N"], *, threshold: float
) -> dict[str, float | None]:
    """Return accuracy, balanced accuracy, recall (fakes flagged) and specificity (real ones not)."""
    is_flagged = scores >= threshold
    rates = [
        float(np.mean(is_flagged[labels == label] == bool(label))) if np.any(labels == label) else None
        for label in (0, 1)
    ]
    specificity, recall = rates
    balanced = None if specificity is None or recall is None else (specificity + recall) / 2
    return {
        "accuracy": float(np.mean(is_flagged == (labels == 1))),
        "balanced_accuracy": balanced,
        "recall": recall,
        "specificity": specificity,
    }


def majority_rate(labels: Int64[np.ndarray, "N"]) -> float:
    """Return the accuracy of always saying what most videos are."""
    share = float(np.mean(labels))
    return max(share, 1 - share)


def expected_calibration_error(scores: Float64[np.ndarray, "N"], labels: Int64[np.ndarray, "N"]) -> float:
    """Return by how much scores and shares of fakes differ, over bins of scores, weighted by their videos."""
    bins = np.minimum((scores * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    gaps = np.bincount(bins, weights=labels - scores, minlength=ECE_BINS)
    return float(np.abs(gaps).sum() / len(scores))


def _has_both(labels: Int64[np.ndarray, "N"]) -> bool:
    return len(np.unique(labels)) > 1
