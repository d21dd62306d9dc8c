"""Xception."""

import pytest
import safetensors.torch
import torch

from gsgmodel.errors import ConfigError
from gsgmodel.model.baselines.xception import SYSTEM, Xception, XceptionConfig, XceptionFeatures, our_name
from tests.model.baselines import checks

COUNTED = 20_811_050
"""Of timm's port, with two classes."""


def test_it_has_as_many_parameters_and_convolutions_as_its_ports():
    with torch.device("meta"):
        network = Xception(XceptionConfig())
    assert checks.count(network) == COUNTED
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    separable = [module for module in convolutions if module.groups > 1]
    # 36 as published, a separable one counted once, and the four ways around strided blocks.
    assert len(convolutions) - len(separable) == 36 + 4


def test_its_maps_are_ten_by_ten_at_the_published_size():
    with torch.device("meta"):
        assert XceptionFeatures()(torch.zeros(1, 3, 299, 299)).shape == (1, 2048, 10, 10)


def test_tensors_have_the_names_of_the_ports():
    with torch.device("meta"):
        names = set(XceptionFeatures().state_dict())
    assert {
        *("conv1.weight", "bn1.running_mean", "block1.rep.0.conv1.weight", "block1.rep.1.weight"),
        *("block1.skip.weight", "block1.skipbn.bias", "block2.rep.1.pointwise.weight", "block12.rep.5.weight"),
        *("conv3.conv1.weight", "bn4.weight"),
    } <= names
    assert "block4.skip.weight" not in names


def test_files_of_the_ports_load_whatever_they_call_the_classifier(tmp_path):
    config = XceptionConfig.from_dict(SYSTEM.small)
    network, other = Xception(config), Xception(config)
    state = {f"model.{name}": value for name, value in other.backbone.state_dict().items()}
    path = tmp_path / "xception.safetensors"
    safetensors.torch.save_file({**state, "model.last_linear.weight": torch.zeros(1), "fc.bias": torch.zeros(1)}, path)
    network.load_backbone(str(path))
    assert torch.equal(network.backbone.conv1.weight, other.backbone.conv1.weight)
    assert our_name("fc.weight") is None


@pytest.mark.parametrize("width", [0.01, 1.5])
def test_a_width_that_cannot_be_is_refused(width):
    with pytest.raises(ConfigError, match=r"width is .*; accepted is 0\.0625 to 1"):
        XceptionConfig(width=width)


def test_it_holds_what_every_system_must(tmp_path):
    checks.check_all(SYSTEM, tmp_path)


def test_it_learns_a_planted_sign():
    assert checks.share_told(checks.learn(checks.small(SYSTEM), steps=60)) > 0.9
