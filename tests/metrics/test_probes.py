import numpy as np
import pytest

from gsgmodel.metrics.probes import probe_scores
from gsgmodel.metrics.scores import area_under_curve

LABELS = np.arange(80) % 2
APART = [str(place) for place in range(80)]


def probe_area(values, labels, *, groups, seed):
    said = probe_scores(values, labels, groups=groups, seed=seed)
    return None if said is None else area_under_curve(said, labels)


def features(*, seed=0):
    return np.random.default_rng(seed).normal(size=(80, 3)) * [1, 100, 0]


def test_what_tells_is_found_whatever_its_unit():
    values = features()
    values[:, 1] += 300 * LABELS
    assert probe_area(values, LABELS, groups=APART, seed=0) > 0.9
    assert probe_area(-values, LABELS, groups=APART, seed=0) > 0.9


def test_what_tells_nothing_is_near_a_half():
    areas = [probe_area(features(seed=seed), LABELS, groups=APART, seed=0) for seed in range(20)]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.06)


def test_what_only_tells_people_tells_nothing_of_people_not_seen():
    # Each person has a feature of their own, and one label.
    people = np.repeat(np.arange(20), 4)
    labels = people % 2
    values = np.eye(20)[people]
    assert probe_area(values, labels, groups=[str(person) for person in people], seed=0) < 0.6
    assert probe_area(values, labels, groups=APART, seed=0) > 0.9


def test_with_few_people_videos_are_held_out_one_by_one():
    values = features()
    values[:, 1] += 300 * LABELS
    assert probe_area(values, LABELS, groups=["a", "b"] * 40, seed=0) > 0.9


def test_without_enough_videos_of_both_classes_there_is_no_probe():
    assert probe_area(features(), np.ones(80, np.int64), groups=APART, seed=0) is None
    assert probe_area(features()[:8], LABELS[:8], groups=APART[:8], seed=0) is None
