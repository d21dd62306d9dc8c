import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.metrics.bootstrap import DRAWS, difference_of, fast_area, interval_of
from gsgmodel.metrics.scores import area_under_curve


def mean(scores, labels):
    del labels
    return float(scores.mean())


def test_the_interval_of_a_mean_is_that_of_the_normal_law():
    scores = np.random.default_rng(0).normal(size=400)
    groups = [str(place) for place in range(400)]
    found = interval_of(mean, scores, np.zeros(400, np.int64), groups=groups, seed=1)
    half = 1.96 * scores.std() / 20
    assert found.low == pytest.approx(scores.mean() - half, abs=0.02)
    assert found.high == pytest.approx(scores.mean() + half, abs=0.02)
    assert (found.level, found.num_undefined) == (0.95, 0)


def test_videos_of_one_person_are_drawn_together():
    scores = np.repeat(np.random.default_rng(0).normal(size=20), 20)
    labels = np.zeros(400, np.int64)
    apart = interval_of(mean, scores, labels, groups=[str(place) for place in range(400)], seed=1)
    together = interval_of(mean, scores, labels, groups=[str(place // 20) for place in range(400)], seed=1)
    # Twenty copies say no more than one: the interval is wider by the root of 20.
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(20**0.5, rel=0.25)


def test_a_seed_is_an_interval():
    scores, labels = np.random.default_rng(0).random(30), np.arange(30) % 2
    groups = [str(place) for place in range(30)]
    first = interval_of(fast_area, scores, labels, groups=groups, seed=3)
    assert first == interval_of(fast_area, scores, labels, groups=groups, seed=3)
    assert first != interval_of(fast_area, scores, labels, groups=groups, seed=4)
    assert first.low < area_under_curve(scores, labels) < first.high


def test_draws_with_one_class_alone_are_left_out_and_counted():
    found = interval_of(fast_area, np.array([0.1, 0.9]), np.array([0, 1]), groups=["a", "b"], seed=0)
    assert (found.low, found.high) == (1.0, 1.0)
    assert found.num_undefined == pytest.approx(DRAWS / 2, rel=0.2)
    assert interval_of(fast_area, np.array([0.1, 0.9]), np.array([0, 1]), groups=["a", "a"], seed=0).num_undefined == 0
    assert interval_of(fast_area, np.array([0.1, 0.9]), np.array([1, 1]), groups=["a", "b"], seed=0) is None


def test_a_difference_is_of_the_same_videos():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    noise = rng.normal(size=60)
    first, second = labels + noise, labels + noise - 0.2 * labels
    groups = [str(place) for place in range(60)]
    found = difference_of(fast_area, (first, second), labels, groups=groups, seed=0)
    alone = interval_of(fast_area, first, labels, groups=groups, seed=0)
    assert found.low >= 0
    assert found.high - found.low < (alone.high - alone.low) / 2
    same = difference_of(fast_area, (first, first), labels, groups=groups, seed=0)
    assert (same.low, same.high) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1)), min_size=1, max_size=30))
def test_the_fast_area_is_scikit_learns(rows):
    scores = np.array([score / 6 for score, _ in rows])
    labels = np.array([label for _, label in rows], np.int64)
    expected = area_under_curve(scores, labels)
    assert fast_area(scores, labels) == (None if expected is None else pytest.approx(expected))
