"""Units over time and the average over frames."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.model.temporal import TemporalModule, pool_frames

UNITS = ["sru", "lstm", "gru", "none"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("both_ways", [False, True])
def test_every_unit_gives_two_logits_a_frame(small, unit, both_ways):
    module = TemporalModule(6, dataclasses.replace(small, temporal=unit, bidirectional=both_ways and unit != "none"))
    assert module(torch.randn(3, 5, 6)).shape == (3, 5, 2)


@pytest.mark.parametrize("unit", UNITS)
def test_frames_that_do_not_exist_change_nothing_wherever_they_are(small, unit):
    torch.manual_seed(0)
    module = TemporalModule(6, dataclasses.replace(small, temporal=unit)).eval()
    features = torch.randn(2, 6, 6)
    valid = torch.tensor([[True, False, True, True, False, True], [True, True, False, True, True, False]])
    with torch.no_grad():
        masked = module(features, valid)
        short = module(torch.stack([features[0, valid[0]], features[1, valid[1]]]))
    assert torch.allclose(masked[valid].reshape(2, 4, 2), short, atol=1e-6)


@pytest.mark.parametrize("unit", ["sru", "lstm", "gru"])
def test_a_frame_changes_later_frames_but_not_earlier_ones(small, unit):
    torch.manual_seed(0)
    module = TemporalModule(6, dataclasses.replace(small, temporal=unit)).eval()
    features = torch.randn(1, 5, 6)
    changed = features.clone()
    changed[0, 2] += 3
    with torch.no_grad():
        before, after = module(features), module(changed)
    assert torch.equal(before[0, :2], after[0, :2])
    assert not torch.allclose(before[0, 4], after[0, 4])


def test_without_a_temporal_unit_frames_do_not_see_each_other(small):
    module = TemporalModule(6, dataclasses.replace(small, temporal="none"))
    features = torch.randn(1, 4, 6)
    assert torch.allclose(module(features), module(features.flip(1)).flip(1), atol=1e-6)
    assert sum(p.numel() for p in module.parameters()) == 6 * 2 + 2


def test_layer_norm_makes_the_module_blind_to_the_scale_of_features(small):
    module = TemporalModule(6, dataclasses.replace(small, layer_norm=True))
    features = torch.randn(1, 4, 6)
    assert torch.allclose(module(features), module(features * 100), atol=1e-3)


def test_a_clip_is_the_mean_logit_of_its_frames():
    logits = torch.tensor([[[0.0, 2.0], [2.0, 4.0], [100.0, -100.0]]])
    valid = torch.tensor([[True, True, False]])
    assert pool_frames(logits, valid).tolist() == [[1.0, 3.0]]
    assert pool_frames(logits[:, :2]).tolist() == [[1.0, 3.0]]


def test_a_clip_may_be_the_mean_probability_of_its_frames():
    logits = torch.tensor([[[0.9, 0.1], [0.4, 0.6], [0.5, 0.5]]]).log()
    valid = torch.tensor([[True, True, False]])
    pooled = pool_frames(logits, valid, by="probabilities")
    assert torch.allclose(pooled.softmax(-1), torch.tensor([[0.65, 0.35]]))


@given(seed=st.integers(0, 1000))
def test_a_mask_that_hides_nothing_is_as_no_mask(seed):
    torch.manual_seed(seed)
    logits = torch.randn(3, 4, 2)
    assert torch.allclose(pool_frames(logits, torch.ones(3, 4, dtype=torch.bool)), pool_frames(logits), atol=1e-6)


def test_probabilities_of_a_network_that_is_very_sure_stay_numbers():
    logits = torch.tensor([[[0.0, 300.0], [0.0, 200.0]]])
    pooled = pool_frames(logits, by="probabilities")
    assert torch.isfinite(pooled).all()
    assert (pooled[0, 1] - pooled[0, 0]).item() == pytest.approx(200 + math.log(2), abs=1e-3)
