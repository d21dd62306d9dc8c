import numpy as np
import pytest

from gsgmodel.metrics.probes import probe_area

LABELS = np.arange(80) % 2


def features(*, sign):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(80, 3)) * [1, 100, 0]
    values[:, 1] += 300 * sign * LABELS
    return values


def test_what_tells_is_found_whatever_its_unit():
    values = features(sign=1)
    assert probe_area(values[:40], LABELS[:40], values[40:], LABELS[40:]) > 0.9


def test_what_tells_nothing_is_near_a_half():
    areas = []
    for seed in range(20):
        values = np.random.default_rng(seed).normal(size=(80, 3))
        areas.append(probe_area(values[:40], LABELS[:40], values[40:], LABELS[40:]))
    assert np.mean(areas) == pytest.approx(0.5, abs=0.05)


def test_the_direction_is_that_of_training():
    values = features(sign=1)
    assert probe_area(values[:40], LABELS[:40], values[40:], 1 - LABELS[40:]) < 0.1


def test_without_both_classes_there_is_no_probe():
    values = features(sign=1)
    assert probe_area(values[:40], np.ones(40, np.int64), values[40:], LABELS[40:]) is None
    assert probe_area(values[:40], LABELS[:40], values[40:], np.ones(40, np.int64)) is None
