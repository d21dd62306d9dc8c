import numpy as np
import pytest

from gsgmodel.metrics.calibration import SLOPES, fit_slope


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


@pytest.mark.parametrize("true_slope", [0.25, 1.0, 4.0])
def test_scores_that_are_too_sure_or_not_sure_enough_are_put_right(true_slope):
    rng = np.random.default_rng(0)
    margins = rng.normal(scale=2.0, size=20_000)
    labels = (rng.random(20_000) < sigmoid(margins)).astype(np.int64)
    assert fit_slope(sigmoid(margins / true_slope), labels) == pytest.approx(true_slope, rel=0.05)


def test_the_share_of_fakes_does_not_move_it():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 2000)
    margins = rng.normal(size=4000) + 2 * labels - 1
    scores = sigmoid(3 * margins)
    kept = np.r_[0:2000, 2000:2200]
    assert fit_slope(scores[kept], labels[kept]) == pytest.approx(fit_slope(scores, labels), rel=0.15)


def test_videos_told_apart_without_error_are_as_sure_as_their_number_allows():
    few = fit_slope(np.array([0.4, 0.6]), np.array([0, 1]))
    assert sigmoid(few * np.log(0.6 / 0.4)) == pytest.approx(2 / 3, abs=1e-3)
    labels = np.arange(200) % 2
    many = fit_slope(np.where(labels, 0.6, 0.4), labels)
    assert sigmoid(many * np.log(0.6 / 0.4)) == pytest.approx(101 / 102, abs=1e-3)
    assert many < SLOPES[1]


def test_certain_scores_are_numbers_too():
    assert SLOPES[0] <= fit_slope(np.array([0.0, 1.0, 1.0]), np.array([0, 1, 0])) <= SLOPES[1]


def test_one_class_alone_is_refused():
    with pytest.raises(ValueError, match="both classes"):
        fit_slope(np.array([0.4, 0.6]), np.array([1, 1]))
