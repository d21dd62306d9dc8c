"""Temperature scaling: one number that makes scores as sure as they are right, fitted on validation videos."""

import numpy as np
from jaxtyping import Float64, Int64
from scipy.optimize import minimize_scalar

SLOPES = (1 / 20, 20.0)
"""Least and most of 1 / temperature."""
_LARGEST_LOGIT = 40.0


def fit_slope(scores: Float64[np.ndarray, "N"], labels: Int64[np.ndarray, "N"]) -> float:
    """Return the slope that the logits of scores are to be multiplied by: 1 / temperature.

    It is the one of the lowest log loss (Guo et al., On Calibration of Modern Neural Networks, ICML 2017) within
    ``SLOPES``, where each class counts as much as half of the videos, so that the share of fakes does not move it, and
    where n videos of a class are (n + 1) / (n + 2) of it (Platt, Probabilistic Outputs for Support Vector Machines,
    1999), so that few videos that are told apart without error do not make scores certain.

    Args:
        scores: Of videos, 0 to 1, not calibrated.
        labels: Of the same, both there.

    Raises:
        ValueError: If one class is missing.
    """
    counts = np.bincount(labels, minlength=2)
    if not counts.all():
        raise ValueError("calibration needs videos of both classes")
    with np.errstate(divide="ignore"):
        logits = (np.log(scores) - np.log1p(-scores)).clip(-_LARGEST_LOGIT, _LARGEST_LOGIT)
    margins = np.where(labels == 1, logits, -logits)
    weights = 1 / (2 * counts[labels])
    sureness = (counts[labels] + 1) / (counts[labels] + 2)

    def loss(log_slope: float) -> float:
        scaled = np.exp(log_slope) * margins
        right, wrong = np.logaddexp(0.0, -scaled), np.logaddexp(0.0, scaled)
        return float(np.sum(weights * (sureness * right + (1 - sureness) * wrong)))

    low, high = np.log(SLOPES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))
