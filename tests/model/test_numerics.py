import numpy as np
import pytest
import torch
from torch import nn

from gsgmodel.errors import ConfigError
from gsgmodel.model import numerics as numerics_module
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.numerics import choose_numerics, fold_batch_norm, for_scoring, has_bfloat16
from gsgmodel.model.scoring import score_clips


def trained_like(config):
    """A network whose BatchNorm has seen something, so that folding it does something."""
    torch.manual_seed(0)
    network = GSGModel(config)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2.0)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.2, 0.2)
    return network.eval()


def clips(size_px=64):
    return np.random.default_rng(0).integers(0, 256, (2, 3, size_px, size_px, 3), dtype=np.uint8)


@pytest.mark.parametrize("backbone", ["tiny", "resnet18", "resnet50"])
@pytest.mark.parametrize("local_from", ["layer4", "layer3"])
def test_folded_and_channels_last_a_network_scores_the_same(backbone, local_from):
    config = GSGConfig(backbone=backbone, local_from=local_from, hidden=16, grid="stride1", num_selected=1)
    network = trained_like(config)
    fast = for_scoring(network, "float32")
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.backbone.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.backbone.modules())
    expected, found = (score_clips(each, clips(), device="cpu") for each in (network, fast))
    # Of three backbones with wild weights resnet50 moves most, by 7e-5.
    np.testing.assert_allclose(found.frame_scores, expected.frame_scores, atol=3e-4)
    np.testing.assert_array_equal(found.patches, expected.patches)


def test_in_bfloat16_scores_move_a_little_and_the_network_itself_does_not():
    network = trained_like(GSGConfig(backbone="tiny", hidden=16, grid="stride1", num_selected=1))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fast = for_scoring(network, "bfloat16")
    expected, found = (score_clips(each, clips(), device="cpu") for each in (network, fast))
    moved = np.abs(found.frame_scores - expected.frame_scores).max()
    assert 0 < moved < 0.01
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert {parameter.dtype for parameter in fast.temporal.parameters()} == {torch.float32}


def test_a_convolution_without_batch_norm_behind_it_is_left_alone():
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4))
    fold_batch_norm(module)
    assert isinstance(module[2], nn.BatchNorm2d)


@pytest.mark.parametrize(
    ("wanted", "is_fit", "has_it", "chosen"),
    [
        ("auto", True, True, "bfloat16"),
        ("auto", True, False, "float32"),
        ("auto", False, True, "float32"),
        ("float32", True, True, "float32"),
        ("bfloat16", True, False, "bfloat16"),
    ],
)
def test_auto_takes_bfloat16_where_model_and_machine_are_made_for_it(wanted, is_fit, has_it, chosen, monkeypatch):
    monkeypatch.setattr(numerics_module, "has_bfloat16", lambda _: has_it)
    assert choose_numerics(wanted, is_fit=is_fit, device="cpu") == chosen


def test_bfloat16_of_a_model_that_is_not_fit_for_it_is_refused():
    with pytest.raises(ConfigError, match="--numerics is bfloat16, but the model was not found"):
        choose_numerics("bfloat16", is_fit=False, device="cpu")


def test_what_the_processor_says_decides(monkeypatch):
    for says, has_it in (({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_bf16": False}, False)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda says=says: says)
        assert has_bfloat16("cpu") is has_it
