"""Patches judged by a truncated Xception."""

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F

from gsgmodel.errors import ConfigError
from gsgmodel.model.baselines.patch import SYSTEM, PatchConfig, PatchNet
from gsgmodel.model.baselines.xception import XceptionFeatures
from gsgmodel.model.system import ALONE
from tests.model.baselines import checks


def test_up_to_block_two_it_is_small():
    with torch.device("meta"):
        counts = [checks.count(PatchNet(PatchConfig(block=block))) for block in (1, 2, 3)]
    assert counts == sorted(counts)
    assert counts[1] == 191_330


def test_a_frames_probability_is_the_mean_of_its_places_and_each_place_learns():
    network = checks.small(SYSTEM)
    clips = torch.rand(2, 3, 3, 96, 96)
    maps = network.classify(network.backbone(((clips - 0.5) / 0.5).flatten(0, 1)))
    probability = maps.softmax(dim=1).mean(dim=(-2, -1)).reshape(2, 3, 2)
    output, loss = network.learn(clips, torch.tensor([1, 0]), ALONE)
    torch.testing.assert_close(output.fusion_frame_logits.softmax(dim=-1), probability)
    torch.testing.assert_close(output.fusion_logits, network(clips).fusion_logits)
    labels = torch.tensor([1, 1, 1, 0, 0, 0])[:, None, None].expand(6, *maps.shape[-2:])
    torch.testing.assert_close(loss.total, F.cross_entropy(maps, labels))


def test_a_place_sees_only_a_part_of_the_face():
    network = checks.small(SYSTEM, size_px=224).eval()
    clips = torch.rand(1, 1, 3, 224, 224)
    moved = clips.clone()
    moved[..., -64:, -64:] = 0
    first, second = (network.backbone((each[0] - 0.5) / 0.5) for each in (clips, moved))
    assert torch.equal(first[..., :16, :16], second[..., :16, :16])
    assert not torch.equal(first, second)


def test_weights_of_the_whole_xception_are_cut_too(tmp_path):
    network, whole = checks.small(SYSTEM), XceptionFeatures(width=SYSTEM.small["width"])
    path = tmp_path / "xception.safetensors"
    safetensors.torch.save_file(whole.state_dict(), path)
    network.load_backbone(str(path))
    assert torch.equal(network.backbone.block2.skip.weight, whole.block2.skip.weight)


@pytest.mark.parametrize("block", [0, 12])
def test_a_block_that_is_not_there_is_refused(block):
    with pytest.raises(ConfigError, match="accepted is 1 to 11"):
        PatchConfig(block=block)


def test_it_holds_what_every_system_must(tmp_path):
    checks.check_all(SYSTEM, tmp_path)


def test_it_learns_a_planted_sign():
    assert checks.share_told(checks.learn(checks.small(SYSTEM), steps=60, lr=5e-3)) > 0.9
