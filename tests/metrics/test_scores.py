import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from gsgmodel.metrics.scores import (
    area_under_curve,
    at_threshold,
    equal_error,
    expected_calibration_error,
    majority_rate,
    measure,
    true_positives_at,
)

LABELLED = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=2, max_size=40).filter(
    lambda rows: 0 < sum(label for _, label in rows) < len(rows)
)


def arrays(rows):
    return np.array([score for score, _ in rows]), np.array([label for _, label in rows], np.int64)


@given(LABELLED)
def test_the_area_is_the_share_of_pairs_in_order(rows):
    scores, labels = arrays(rows)
    pairs = [(f > r) + 0.5 * (f == r) for f in scores[labels == 1] for r in scores[labels == 0]]
    assert area_under_curve(scores, labels) == pytest.approx(sum(pairs) / len(pairs))


@given(LABELLED)
def test_with_scores_and_labels_turned_round_the_area_stays(rows):
    scores, labels = arrays(rows)
    # Some scores are too near to 0 for 1 less them to be another number.
    scores = np.round(scores, 6)
    assert area_under_curve(1 - scores, 1 - labels) == pytest.approx(area_under_curve(scores, labels))


def test_the_equal_error_lies_where_both_errors_meet():
    scores = np.array([0.1, 0.2, 0.3, 0.8, 0.4, 0.7, 0.9, 0.95])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    rate, threshold = equal_error(scores, labels)
    assert rate == pytest.approx(0.25)
    assert np.mean(scores[labels == 0] >= threshold) == 0.25
    assert np.mean(scores[labels == 1] < threshold) == 0.25


@given(LABELLED)
def test_the_equal_error_is_between_the_errors_on_both_sides_of_it(rows):
    scores, labels = arrays(rows)
    rate, threshold = equal_error(scores, labels)
    assert 0 <= rate <= 1
    assert 0 <= threshold <= 1
    if area_under_curve(scores, labels) == 1.0:
        assert rate == pytest.approx(0)


@pytest.mark.parametrize(("allowed", "expected"), [(0.0, 0.5), (0.25, 1.0), (0.2, 0.5)])
def test_fakes_are_found_within_the_false_positives_allowed(allowed, expected):
    scores = np.array([0.1, 0.2, 0.3, 0.6, 0.5, 0.9])
    labels = np.array([0, 0, 0, 0, 1, 1])
    assert true_positives_at(scores, labels, false_positives=allowed) == expected


@given(LABELLED, st.floats(0, 1))
def test_rates_at_a_threshold_are_those_of_scikit_learn(rows, threshold):
    scores, labels = arrays(rows)
    found = at_threshold(scores, labels, threshold=threshold)
    flagged = (scores >= threshold).astype(int)
    assert found["accuracy"] == pytest.approx(np.mean(flagged == labels))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, flagged))


def test_a_score_at_the_threshold_is_flagged():
    assert at_threshold(np.array([0.5]), np.array([1]), threshold=0.5)["recall"] == 1.0


def test_with_one_class_alone_what_is_not_defined_is_none():
    found = measure(np.array([0.2, 0.9]), np.array([1, 1]), threshold=0.5)
    undefined = {name for name, value in found.items() if value is None}
    assert undefined == {
        *("auc", "average_precision", "eer", "tpr_at_fpr_1", "tpr_at_fpr_01"),
        *("balanced_accuracy", "specificity"),
    }
    assert found["recall"] == 0.5
    assert found["brier"] == pytest.approx((0.64 + 0.01) / 2)
    assert found["log_loss"] == pytest.approx(-(math.log(0.2) + math.log(0.9)) / 2)


def test_always_saying_what_most_videos_are_is_right_that_often():
    assert majority_rate(np.array([1, 1, 1, 0])) == 0.75
    assert majority_rate(np.array([0, 0, 0, 1])) == 0.75


def test_scores_that_are_shares_are_calibrated_and_others_are_off_by_the_difference():
    scores, labels = np.full(10, 0.3), np.array([1] * 3 + [0] * 7)
    assert expected_calibration_error(scores, labels) == pytest.approx(0)
    assert expected_calibration_error(np.full(10, 0.9), labels) == pytest.approx(0.6)
    assert expected_calibration_error(np.array([1.0, 0.0]), np.array([1, 0])) == 0


def test_a_certain_error_costs_a_finite_loss():
    assert measure(np.array([0.0, 1.0]), np.array([1, 0]), threshold=0.5)["log_loss"] == pytest.approx(
        -math.log(1e-15), rel=1e-3
    )
