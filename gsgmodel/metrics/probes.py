"""Whether something that should tell nothing tells real from fake: a small classifier on it alone."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDS = 5


def probe_scores(
    features: Float64[np.ndarray, "N F"], labels: Int64[np.ndarray, "N"], *, groups: Sequence[str], seed: int
) -> Float64[np.ndarray, "N"] | None:
    """Return what a logistic regression says, each video judged by one that has not seen its group.

    Args:
        features: Of videos; finite.
        labels: Of the same.
        groups: Of the same; videos of one group are held out together, unless there are fewer groups than folds.
        seed: Of the folds.

    Returns:
        The probability of fake of each; None where a class has fewer videos than there are folds.
    """
    if np.bincount(labels, minlength=2).min() < FOLDS:
        return None
    by_group = len(set(groups)) >= FOLDS
    folds = (StratifiedGroupKFold if by_group else StratifiedKFold)(FOLDS, shuffle=True, random_state=seed)
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    names = np.array(groups)
    parts = list(folds.split(features, labels, names if by_group else None))
    if not all(len(np.unique(labels[train])) > 1 for train, _ in parts):
        return None
    said = cross_val_predict(probe, features, labels, cv=parts, method="predict_proba")
    return np.asarray(said[:, 1], np.float64)
