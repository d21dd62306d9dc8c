import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.metrics.operating import fit_thresholds, lowest_threshold

LABELLED = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=2, max_size=60).filter(
    lambda rows: 0 < sum(label for _, label in rows) < len(rows)
)


@given(LABELLED)
def test_no_more_real_videos_are_flagged_than_allowed(rows):
    scores = np.array([score for score, _ in rows])
    labels = np.array([label for _, label in rows], np.int64)
    points = fit_thresholds(scores, labels)
    assert set(points) == {"eer", "fpr_1", "fpr_01", "balanced"}
    assert all(0 <= threshold <= 1 for threshold in points.values())
    real = scores[labels == 0]
    for name, allowed in (("fpr_1", 0.01), ("fpr_01", 0.001)):
        if real.max() < 1:
            assert np.mean(real >= points[name]) <= allowed


def test_a_hundred_real_videos_allow_one_false_positive_in_a_hundred():
    scores = np.r_[np.linspace(0.01, 0.5, 100), np.full(5, 0.9)]
    labels = np.r_[np.zeros(100, np.int64), np.ones(5, np.int64)]
    assert np.sum(scores[:100] >= lowest_threshold(scores, labels, false_positives=0.01)) == 1
    assert np.sum(scores[:100] >= lowest_threshold(scores, labels, false_positives=0.001)) == 0


def test_the_balanced_point_separates_what_can_be_separated():
    scores, labels = np.array([0.1, 0.2, 0.7, 0.8]), np.array([0, 0, 1, 1])
    points = fit_thresholds(scores, labels)
    assert points["balanced"] == pytest.approx(0.45)
    assert points["eer"] == pytest.approx(0.45)
    assert 0.2 < points["fpr_1"] <= 0.7


def test_one_class_alone_is_refused():
    with pytest.raises(ValueError, match="both classes"):
        fit_thresholds(np.array([0.1, 0.2]), np.array([0, 0]))
