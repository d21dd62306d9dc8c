"""Branches at four resolutions."""

import pytest
import torch

from gsgmodel.model.baselines.hrnet import Exchange, HRNet, Transition
from tests.model.baselines import checks

PUBLISHED = 65.86e6
"""HRNetV2-W48 for segmentation into 19 classes."""
ITS_HEAD = 720 * 720 + 720 + 2 * 720 + 720 * 19 + 19


def test_it_has_as_many_parameters_as_were_published_without_the_head():
    with torch.device("meta"):
        network = HRNet(48)
        maps = network(torch.zeros(1, 3, 256, 256))
    assert checks.count(network) + ITS_HEAD == pytest.approx(PUBLISHED, abs=1e4)
    assert maps.shape == (1, 720, 64, 64)
    assert network.width == 720


def test_every_branch_hears_of_every_other():
    torch.manual_seed(0)
    exchange = Exchange([4, 8, 16]).eval()
    branches = [torch.rand(1, 4 * 2**place, 16 // 2**place, 16 // 2**place) for place in range(3)]
    before = exchange(branches)
    assert [each.shape for each in before] == [each.shape for each in branches]
    for place in range(3):
        moved = [each + 1.0 if number == place else each for number, each in enumerate(branches)]
        assert all(not torch.equal(a, b) for a, b in zip(exchange(moved), before, strict=True))


def test_a_transition_adds_a_smaller_branch_and_keeps_those_that_fit():
    transition = Transition([8, 16], [8, 16, 32]).eval()
    branches = [torch.rand(1, 8, 16, 16), torch.rand(1, 16, 8, 8)]
    first, second, third = transition(branches)
    assert first is branches[0]
    assert second is branches[1]
    assert third.shape == (1, 32, 4, 4)


@pytest.mark.parametrize("size", [96, 112, 100])
def test_sizes_that_no_power_of_two_divides_pass(size):
    assert HRNet(4).eval()(torch.rand(1, 3, size, size)).shape[1] == 60
