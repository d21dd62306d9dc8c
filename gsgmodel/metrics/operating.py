"""Thresholds for people who must act: fitted on validation videos, a video is flagged if its score is at least one."""

import numpy as np
from jaxtyping import Float64, Int64
from sklearn.metrics import roc_curve

from gsgmodel.metrics.scores import equal_error


def fit_thresholds(scores: Float64[np.ndarray, "N"], labels: Int64[np.ndarray, "N"]) -> dict[str, float]:
    """Return thresholds by name.

    Args:
        scores: Of videos, calibrated, 0 to 1.
        labels: Of the same, both there.

    Returns:
        ``eer``: as many real videos are flagged as fakes are missed. ``fpr_1`` and ``fpr_01``: the lowest at which at
        most 1 % and 0.1 % of the real videos are flagged; with fewer than 100 and 1000 of them, none. ``balanced``:
        the highest mean of both classes' accuracies. Of thresholds that flag the same videos ``eer`` and ``balanced``
        are midway between the lowest score that is flagged and the next.

    Raises:
        ValueError: If one class is missing.
    """
    rate, equal = equal_error(scores, labels)
    if rate is None or equal is None:
        raise ValueError("operating points need videos of both classes")
    flagged, found, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    return {
        "eer": _midway(scores, equal),
        "fpr_1": lowest_threshold(scores, labels, false_positives=0.01),
        "fpr_01": lowest_threshold(scores, labels, false_positives=0.001),
        "balanced": _midway(scores, float(np.clip(thresholds[int(np.argmax(found - flagged))], 0, 1))),
    }


def lowest_threshold(
    scores: Float64[np.ndarray, "N"], labels: Int64[np.ndarray, "N"], *, false_positives: float
) -> float:
    """Return the lowest threshold at which at most a share of the real videos is flagged.

    It lies just above a real video's score, or is 1 where even that flags too many.

    Args:
        scores: Of videos, 0 to 1.
        labels: Of the same, real ones among them.
        false_positives: The share.
    """
    real = np.sort(scores[labels == 0])[::-1]
    most = int(false_positives * len(real) + 1e-9)
    return float(min(1.0, np.nextafter(real[most], 2.0)))


def _midway(scores: Float64[np.ndarray, "N"], threshold: float) -> float:
    below = scores[scores < threshold]
    return float((threshold + below.max()) / 2) if len(below) else threshold
