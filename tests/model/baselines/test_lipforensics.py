"""Mouths over time."""

import safetensors.torch
import torch

from gsgmodel.model.baselines.lipforensics import MOUTH_PX, SYSTEM, LipForensics, LipForensicsConfig, mouth_window
from tests.model.baselines import checks

COUNTED, SECOND_LOGIT = 35_990_785, 769


def test_it_has_as_many_parameters_as_the_authors_code_and_a_second_logit():
    with torch.device("meta"):
        assert checks.count(LipForensics(LipForensicsConfig())) == COUNTED + SECOND_LOGIT


def test_its_maps_are_three_by_three_and_time_is_kept():
    with torch.device("meta"):
        network = LipForensics(LipForensicsConfig())
        assert network.backbone(torch.zeros(2, 1, 25, MOUTH_PX, MOUTH_PX)).shape == (2, 512, 25, 3, 3)


def test_a_mouth_is_cut_below_the_middle_made_grey_and_large():
    top, left, side = mouth_window(224)
    assert 112 <= top < top + side <= 224
    assert abs(left + side / 2 - 112) < 4
    network = checks.small(SYSTEM)
    clips = torch.zeros(1, 3, 3, 96, 96)
    top, left, side = mouth_window(96)
    clips[:, 1, :, top : top + side, left : left + side] = 1.0
    mouths = network.mouths(clips)
    assert mouths.shape == (1, 3, MOUTH_PX, MOUTH_PX)
    torch.testing.assert_close(mouths[0, 1].mean(), torch.tensor((1 - 0.421) / 0.165), atol=1e-3, rtol=0)
    torch.testing.assert_close(mouths[0, 0].mean(), torch.tensor(-0.421 / 0.165), atol=1e-3, rtol=0)


def test_what_lies_elsewhere_is_not_seen():
    network = checks.small(SYSTEM)
    clips = torch.rand(1, 3, 3, 96, 96)
    moved = clips.clone()
    moved[..., :40, :] = 0
    assert torch.equal(network(clips).fusion_logits, network(moved).fusion_logits)


def test_it_starts_from_a_lip_reader(tmp_path):
    network, reader = checks.small(SYSTEM), checks.small(SYSTEM, seed=1)
    path = tmp_path / "reader.safetensors"
    safetensors.torch.save_file({**reader.backbone.state_dict(), "tcn.tcn_output.weight": torch.zeros(500, 1)}, path)
    network.load_backbone(str(path))
    weight = "trunk.layer4.1.conv2.weight"
    assert torch.equal(network.backbone.state_dict()[weight], reader.backbone.state_dict()[weight])


def test_it_holds_what_every_system_must(tmp_path):
    checks.check_all(SYSTEM, tmp_path)


def test_it_learns_a_planted_sign():
    assert checks.share_told(checks.learn(checks.small(SYSTEM), steps=60)) > 0.9
