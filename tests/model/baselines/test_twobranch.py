"""Two branches, memory, and a centre."""

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
import torchvision

from gsgmodel.errors import ConfigError
from gsgmodel.model.baselines.twobranch import SYSTEM, BandPass, TwoBranch, TwoBranchConfig
from gsgmodel.model.system import ALONE
from tests.model.baselines import checks

DENSENET, ITS_CLASSIFIER = 7_978_856, 1_025_000


def test_beside_densenet_there_is_a_second_first_block_a_bottleneck_and_a_fusion():
    with torch.device("meta"):
        network = TwoBranch(TwoBranchConfig())
        block = checks.count(network.backbone.features.denseblock1)
    squeeze, fuse = 64 * 64 + 2 * 64, 512 * 256 + 2 * 256
    assert checks.count(network.backbone) == DENSENET - ITS_CLASSIFIER + block + squeeze + fuse
    with torch.device("meta"):
        assert network.backbone(torch.zeros(1, 3, 224, 224)).shape == (1, 1024, 7, 7)


def test_the_band_leaves_out_what_is_smooth():
    band = BandPass(4).eval()
    band.squeeze = torch.nn.Identity()
    smooth = torch.linspace(0, 1, 32).view(1, 1, 1, -1).expand(1, 4, 32, 32)
    checks_ = (torch.arange(32) % 2).float().view(1, 1, 1, -1).expand(1, 4, 32, 32)
    inner = (..., slice(6, -6), slice(6, -6))
    assert band(smooth)[inner].abs().max() < 0.05
    assert band(checks_)[inner].abs().mean() > 0.4
    assert torch.equal(band.gaussian.sum(dim=(-2, -1)), torch.ones(4, 1))


def test_real_clips_are_kept_near_the_centre_and_fakes_away(monkeypatch):
    network = checks.small(SYSTEM)
    clips, labels = torch.rand(4, 3, 3, 96, 96), torch.tensor([0, 0, 1, 1])
    distance = torch.tensor([0.2, 0.9, 1.2, 3.0])
    monkeypatch.setattr(network, "_distance", lambda _: distance)
    output, loss = network.learn(clips, labels, ALONE)
    margins = output.fusion_logits[:, 1] - output.fusion_logits[:, 0]
    torch.testing.assert_close(margins, distance - 1.0)
    isolating = (0.0 + 0.4 + 0.3 + 0.0) / 4
    torch.testing.assert_close(loss.total, isolating + F.cross_entropy(output.fusion_logits, labels))


def test_both_branches_start_from_what_is_published(tmp_path):
    reference = torchvision.models.densenet121(weights=None)
    path = tmp_path / "densenet.safetensors"
    safetensors.torch.save_file(reference.state_dict(), path)
    network = TwoBranch(TwoBranchConfig())
    fuse = network.backbone.fuse[0].weight.clone()
    network.load_backbone(str(path))
    state, wanted = (
        network.backbone.state_dict(),
        reference.state_dict()["features.denseblock1.denselayer1.conv1.weight"],
    )
    assert torch.equal(state["features.denseblock1.denselayer1.conv1.weight"], wanted)
    assert torch.equal(state["band.1.denselayer1.conv1.weight"], wanted)
    assert torch.equal(state["fuse.0.weight"], fuse)


def test_a_file_of_its_own_has_both_branches(tmp_path):
    network, other = checks.small(SYSTEM), checks.small(SYSTEM, seed=1)
    path = tmp_path / "own.safetensors"
    safetensors.torch.save_file(other.backbone.state_dict(), path)
    network.load_backbone(str(path))
    assert torch.equal(
        network.backbone.state_dict()["band.1.denselayer1.conv1.weight"],
        other.backbone.state_dict()["band.1.denselayer1.conv1.weight"],
    )
    with pytest.raises(ConfigError, match="nobody has trained a small densenet on it"):
        network.load_backbone("imagenet")
    safetensors.torch.save_file({"other": torch.zeros(1)}, path)
    with pytest.raises(ConfigError, match="do not fit a small densenet"):
        network.load_backbone(str(path))


@pytest.mark.parametrize("name", ["hidden", "embedding"])
def test_no_width_is_refused(name):
    with pytest.raises(ConfigError, match=f"{name} is 0; accepted is 1 to 4096"):
        TwoBranchConfig(**{name: 0})


def test_it_holds_what_every_system_must(tmp_path):
    checks.check_all(SYSTEM, tmp_path)


def test_it_learns_a_planted_sign():
    assert checks.share_told(checks.learn(checks.small(SYSTEM), steps=60)) > 0.9
