"""A backbone that learns to name distortions."""

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.model.backbone import load_backbone_weights, make_backbone
from gsgmodel.model.config import GSGConfig
from gsgmodel.training.pretext import DISTORTIONS, distort, learn_distortions, real_training_clips
from tests.small_store import make_store

TINY = GSGConfig(backbone="tiny", local_from="layer3")


def read(index):
    rng = np.random.default_rng(index)
    return np.repeat(rng.integers(40, 200, (2, 8, 8, 3), dtype=np.uint8), 6, axis=1).repeat(6, axis=2)


def learn(steps, seed=0):
    return learn_distortions(read, np.arange(8, dtype=np.int64), architecture=TINY, steps=steps, seed=seed)


def test_the_loss_falls_and_the_weights_fit_the_backbone(tmp_path):
    weights, losses = learn(25)
    assert len(losses) == 25
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.03
    path = tmp_path / "backbone.safetensors"
    path.write_bytes(weights)
    backbone = make_backbone("tiny", local_from="layer3")
    load_backbone_weights(backbone, name="tiny", source=str(path))
    expected = safetensors.torch.load(weights)
    assert all(torch.equal(value, expected[name]) for name, value in backbone.state_dict().items())


def test_the_same_seed_gives_the_same_weights_and_leaves_torchs_own_randomness_alone():
    torch.manual_seed(3)
    before = torch.rand(1)
    torch.manual_seed(3)
    one, same, other = learn(1), learn(1), learn(1, seed=1)
    assert torch.equal(torch.rand(1), before)
    assert one == same
    assert one[0] != other[0]


@pytest.mark.parametrize("change", DISTORTIONS)
def test_each_distortion_changes_a_picture_and_none_of_its_shape(change):
    torch.manual_seed(0)
    pictures = torch.rand(3, 3, 30, 30) * 0.5 + 0.25
    changed = change(pictures)
    assert changed.shape == pictures.shape
    assert (changed - pictures).abs().mean() > 0.005


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 5), seed=st.integers(0, 1000))
def test_a_picture_without_a_distortion_stays_and_all_stay_within_range(count, seed):
    torch.manual_seed(seed)
    pictures = torch.rand(count, 3, 24, 24)
    before = pictures.clone()
    changed, found = distort(pictures)
    assert torch.equal(pictures, before)
    assert found.shape == (count, len(DISTORTIONS))
    assert 0 <= changed.min() <= changed.max() <= 1
    untouched = found.sum(dim=1) == 0
    assert torch.equal(changed[untouched], before[untouched])


def test_only_real_clips_of_the_training_split_are_learned_from(tmp_path):
    store = make_store(tmp_path / "clips", splits={"train": 6, "val": 2, "test": 2})
    rows = real_training_clips(store)
    assert len(rows) == 3
    assert store.clips["split"].take(rows).to_pylist() == ["train"] * 3
    assert store.clips["label"].take(rows).to_pylist() == [0] * 3
