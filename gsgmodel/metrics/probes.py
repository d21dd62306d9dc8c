"""Whether something that should tell nothing tells real from fake: a small classifier on it alone."""

import numpy as np
from jaxtyping import Float64, Int64
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gsgmodel.metrics.scores import area_under_curve


def probe_area(
    train: Float64[np.ndarray, "M F"],
    train_labels: Int64[np.ndarray, "M"],
    test: Float64[np.ndarray, "N F"],
    test_labels: Int64[np.ndarray, "N"],
) -> float | None:
    """Return the area under the curve of a logistic regression; None where a class is missing on either side.

    The direction is that of the training videos: an area under 0.5 stays as it is.

    Args:
        train: Features of videos that it learns from; finite.
        train_labels: Of the same.
        test: Features of others.
        test_labels: Of the same.
    """
    if len(np.unique(train_labels)) == 1:
        return None
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    probe.fit(train, train_labels)
    return area_under_curve(probe.decision_function(test).astype(np.float64), test_labels)
