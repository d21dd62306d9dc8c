"""Small classifiers on what should tell nothing."""

import numpy as np
import pyarrow as pa
import pytest

from gsgmodel.training.shortcuts import blank_features, codec_features, colour_features, groups_of, probe_store
from tests.small_store import make_store
from tests.training.test_assess import SMALL, SPLITS


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store") / "clips", splits=SPLITS, preparation=SMALL)


def test_people_are_drawn_together_else_originals_else_videos():
    videos = pa.table(
        {"identity": ["a", None, None], "original_uri": [None, "o", None], "uri": ["1", "2", "3"]},
    )
    assert groups_of(videos) == ["a", "o", "3"]


def test_what_tells_and_what_does_not_are_told_apart(store):
    # In these made clips colour alone tells, which is what a probe is for.
    probes = probe_store(store, groups=groups_of(store.videos), seed=0)
    assert probes["colour"].auc > 0.9
    assert probes["colour"].is_above_chance
    assert 0.2 < probes["resolution"].auc < 0.8
    assert not probes["resolution"].is_above_chance
    assert probes["resolution"].interval.low <= probes["resolution"].auc <= probes["resolution"].interval.high


def test_of_few_videos_nothing_is_said(tmp_path):
    small = make_store(tmp_path / "few", splits={"train": 2, "val": 2, "test": 2}, preparation=SMALL)
    probes = probe_store(small, groups=groups_of(small.videos), seed=0)
    assert {name: probe.auc for name, probe in probes.items()} == dict.fromkeys(probes)
    assert not any(probe.is_above_chance for probe in probes.values())


def test_codecs_are_told_by_name_rate_length_and_bytes(store):
    features = codec_features(store.videos)
    assert features.shape == (52, 4)
    assert np.isfinite(features).all()
    assert features[0, :3].tolist() == [1.0, 25.0, 10.0]


def frames(seed, num=3, size_px=40):
    return np.random.default_rng(seed).integers(0, 256, (num, size_px, size_px, 3), dtype=np.uint8)


def test_what_is_in_the_face_does_not_move_what_is_seen_around_it():
    one = frames(0)
    other = one.copy()
    other[:, 4:36, 4:36] = frames(1)[:, 4:36, 4:36]
    around, within = blank_features(one), blank_features(other)
    assert around.shape == within.shape == (3, 28 * 4)
    assert np.allclose(around, within)
    assert not np.allclose(colour_features(one), colour_features(other))


def test_what_is_around_the_face_is_seen():
    one = frames(0)
    for place in (0, 39):
        other = one.copy()
        other[:, place, 20] ^= 255
        assert not np.allclose(blank_features(one), blank_features(other))


def test_colour_is_mean_and_deviation_of_each():
    grey = np.full((1, 8, 8, 3), 100, np.uint8)
    assert colour_features(grey).tolist() == [[100.0] * 3 + [0.0] * 3]
