"""What temporal modules cost."""

from dataclasses import replace

import pytest
import torch

from gsgmodel.model.baselines.mesonet import MesoNetConfig
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.cost import network_costs, temporal_costs
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.weights import new_network
from gsgmodel.records import Preparation

BASE = GSGConfig(backbone="tiny", hidden=64)


def test_parameters_are_those_of_the_temporal_modules_and_time_is_next_to_the_first():
    networks = [replace(BASE, temporal=unit) for unit in ("sru", "lstm", "none")]
    costs = temporal_costs(networks, num_frames=8, rounds=5)
    for network, cost in zip(networks, costs, strict=True):
        whole = GSGModel(network)
        assert cost.parameters == sum(value.numel() for value in whole.temporal.parameters())
        assert cost.forward_ms > 0
    assert costs[0].ratio == pytest.approx(1.0)
    assert costs[1].parameters > costs[0].parameters > costs[2].parameters
    assert costs[2].ratio < 1


def test_threads_are_as_before_and_sharing_one_module_costs_one():
    before = torch.get_num_threads()
    shared, separate = temporal_costs([replace(BASE, temporal_sharing="shared"), BASE], num_frames=2, rounds=1)
    assert shared.parameters < separate.parameters
    assert torch.get_num_threads() == before


def test_whole_networks_are_measured_each_on_clips_of_its_own():
    small, large = Preparation(frames_per_clip=2, crop_size_px=64), Preparation(frames_per_clip=8, crop_size_px=256)
    networks = [
        MesoNetConfig(frames_per_clip=each.frames_per_clip, crop_size_px=each.crop_size_px) for each in (small, large)
    ]
    costs = network_costs(networks, [small, large], rounds=3)
    assert costs[0].ratio == pytest.approx(1.0)
    assert costs[1].ratio > 4
    assert [cost.of for cost in costs] == ["whole networks"] * 2
    expected = [sum(value.numel() for value in new_network(each).parameters()) for each in networks]
    assert [cost.parameters for cost in costs] == expected
