"""Features of frames and a bidirectional GRU."""

import pytest
import safetensors.torch
import torch
import torchvision

from gsgmodel.errors import ConfigError
from gsgmodel.model.baselines.rnns import SYSTEM, RNNs, RNNsConfig, dense_name
from tests.model.baselines import checks

DENSENET, ITS_CLASSIFIER = 7_978_856, 1_025_000


def test_the_features_are_densenets_and_the_rest_a_gru_and_a_classifier():
    with torch.device("meta"):
        network = RNNs(RNNsConfig())
    assert checks.count(network.backbone) == DENSENET - ITS_CLASSIFIER
    gru = 2 * 3 * (1024 * 512 + 512 * 512 + 2 * 512)
    assert checks.count(network) == DENSENET - ITS_CLASSIFIER + gru + 2 * 1024 + 2


def test_the_features_are_torchvisions(tmp_path):
    torch.manual_seed(0)
    reference = torchvision.models.densenet121(weights=None).eval()
    path = tmp_path / "densenet.safetensors"
    safetensors.torch.save_file(reference.state_dict(), path)
    network = RNNs(RNNsConfig(crop_size_px=64)).eval()
    network.load_backbone(str(path))
    reference.classifier = torch.nn.Identity()
    pictures = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        found = network.backbone(pictures).mean(dim=(-2, -1))
        torch.testing.assert_close(found, reference(pictures))


def test_names_from_before_are_understood():
    old = "features.denseblock1.denselayer2.norm.1.running_mean"
    assert dense_name(old) == "features.denseblock1.denselayer2.norm1.running_mean"
    assert dense_name("features.transition1.conv.weight") == "features.transition1.conv.weight"
    assert dense_name("classifier.weight") is None


@pytest.mark.parametrize("backbone", ["densenet121", "resnet50", "tiny"])
def test_every_backbone_gives_logits_after_each_frame(backbone):
    network = RNNs(RNNsConfig(backbone=backbone, hidden=8, frames_per_clip=2, crop_size_px=64)).eval()
    with torch.no_grad():
        output = network(torch.rand(2, 2, 3, 64, 64))
    assert output.fusion_frame_logits.shape == (2, 2, 2)
    torch.testing.assert_close(output.fusion_logits, output.fusion_frame_logits.mean(dim=1))


def test_nobody_has_trained_the_small_backbone_on_imagenet():
    with pytest.raises(ConfigError, match="nobody has trained backbone 'tiny' on it"):
        checks.small(SYSTEM).load_backbone("imagenet")


def test_a_frame_is_heard_in_both_directions():
    network = checks.small(SYSTEM)
    clips = torch.rand(1, 3, 3, 96, 96)
    moved = clips.clone()
    moved[:, 1] = 0
    before, after = (network(each).fusion_frame_logits[0] for each in (clips, moved))
    assert all((before[frame] != after[frame]).any() for frame in range(3))


def test_no_width_is_refused():
    with pytest.raises(ConfigError, match="hidden is 0; accepted is 1 to 4096"):
        RNNsConfig(hidden=0)


def test_it_holds_what_every_system_must(tmp_path):
    checks.check_all(SYSTEM, tmp_path)


def test_it_learns_a_planted_sign():
    assert checks.share_told(checks.learn(checks.small(SYSTEM), steps=60)) > 0.9
