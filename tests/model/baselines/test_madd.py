"""Attention maps, textures, regions."""

import pytest
import safetensors.torch
import torch
import torchvision

from gsgmodel.errors import ConfigError
from gsgmodel.model.baselines.madd import SYSTEM, MaDD, MaDDConfig, dropped, pool_by
from gsgmodel.model.system import ALONE
from tests.model.baselines import checks

EFFICIENTNET, ITS_CLASSIFIER = 19_341_616, 1_793_000


@pytest.fixture(scope="module")
def whole():
    with torch.device("meta"):
        return MaDD(MaDDConfig())


def test_the_features_are_efficientnets_and_the_maps_those_of_its_settings(whole):
    assert checks.count(whole.backbone) == EFFICIENTNET - ITS_CLASSIFIER
    layers = whole.backbone(torch.zeros(1, 3, 380, 380, device="meta"))
    assert [tuple(each.shape[1:]) for each in layers] == [(24, 190, 190), (160, 24, 24), (1792, 12, 12)]
    assert tuple(each.shape[1] for each in layers) == whole.backbone.widths
    assert whole.attend(layers.late).shape == (1, 4, 24, 24)


def test_it_starts_from_torchvisions_weights(tmp_path):
    reference = torchvision.models.efficientnet_b4(weights=None)
    path = tmp_path / "b4.safetensors"
    safetensors.torch.save_file(reference.state_dict(), path)
    network = MaDD(MaDDConfig(crop_size_px=96))
    network.load_backbone(str(path))
    weight = "features.5.0.block.0.0.weight"
    assert torch.equal(network.backbone.state_dict()[weight], reference.state_dict()[weight])
    with pytest.raises(ConfigError, match="nobody has trained madd on it"):
        checks.small(SYSTEM).load_backbone("imagenet")


def test_a_map_gathers_what_lies_where_it_looks():
    maps = torch.zeros(1, 2, 4, 4)
    maps[0, 0, :2], maps[0, 1, 2:] = 1.0, 3.0
    attention = torch.zeros(1, 1, 4, 4)
    attention[..., 2:, :] = 0.5
    torch.testing.assert_close(pool_by(attention, maps), torch.tensor([[[0.0, 12.0]]]))


def test_a_picture_is_blurred_where_a_map_looks_and_nowhere_else():
    torch.manual_seed(0)
    pictures = torch.rand(4, 3, 32, 32)
    attention = torch.zeros(4, 1, 8, 8)
    attention[..., :3, :] = 1.0
    change = (dropped(pictures, attention) - pictures).abs().mean(dim=(0, 1, 3))
    assert change[:8].min() > 0.05
    assert change[20:].max() < 1e-6


def test_the_regional_loss_is_small_for_reals_at_their_centres_and_fakes_far_away():
    network = checks.small(SYSTEM)
    channels = network.centres.shape[1]
    network.centres.copy_(torch.eye(4, channels) * 2)
    at_centres = network.centres[None].repeat(2, 1, 1)
    assert network._regional(at_centres, torch.tensor([0, 0])).item() == 0
    away = at_centres + 10
    assert network._regional(away, torch.tensor([1, 1])).item() == 0
    assert network._regional(away, torch.tensor([0, 0])).item() > 1
    assert network._regional(at_centres, torch.tensor([1, 1])).item() == pytest.approx(2.0)


def test_centres_that_are_near_each_other_cost_and_move_only_in_training():
    network = checks.small(SYSTEM)
    coarse = torch.rand(2, *network.centres.shape)
    assert network._regional(coarse, torch.tensor([0, 0])).item() > 1
    assert not network.centres.any()
    network.train()._regional(coarse, torch.tensor([0, 1]))
    torch.testing.assert_close(network.centres, 0.05 * coarse[0] / 2)


def test_in_training_frames_are_learned_a_second_time_with_a_map_dropped():
    network = checks.small(SYSTEM)
    clips, labels = torch.rand(2, 3, 3, 96, 96), torch.tensor([0, 1])
    quiet = network.learn(clips, labels, ALONE).loss.total
    torch.manual_seed(0)
    loud = network.train().learn(clips, labels, ALONE)
    assert loud.loss.total > 1.5 * quiet
    assert loud.output.fusion_frame_logits.shape == (2, 3, 2)
    loud.loss.total.backward()
    assert [name for name, value in network.named_parameters() if value.grad is None] == []


def test_a_number_of_maps_that_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="maps is 0; accepted is 1 to 16"):
        MaDDConfig(maps=0)


def test_it_holds_what_every_system_must(tmp_path):
    checks.check_all(SYSTEM, tmp_path)


def test_it_learns_a_planted_sign():
    assert checks.share_told(checks.learn(checks.small(SYSTEM), steps=60)) > 0.9
