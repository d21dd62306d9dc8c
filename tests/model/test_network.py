"""What networks with one stream share."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

from gsgmodel.errors import ConfigError
from gsgmodel.model.network import IMAGENET_MEAN, IMAGENET_STD, OneStream, caught, own_loss
from gsgmodel.model.output import one_stream
from gsgmodel.model.system import ALONE, OneStreamConfig


@dataclass(frozen=True, kw_only=True)
class Config(OneStreamConfig):
    system: ClassVar[str] = "plain"


class Plain(OneStream):
    """The mean colour of each frame, weighed."""

    def __init__(self, kernel=1):
        super().__init__(Config())
        self.backbone = nn.Conv2d(3, 4, kernel)
        self.classify = nn.Linear(4, 2)

    def judge(self, clips):
        maps = self.backbone(clips.flatten(0, 1))
        return self.classify(maps.mean(dim=(-2, -1))).reshape(*clips.shape[:2], 2)


class OfClips(Plain):
    """Maps of clips instead of frames, half as many."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Conv3d(3, 4, 1, stride=(2, 1, 1))

    def judge(self, clips):
        maps = self.backbone(clips.transpose(1, 2))
        frames = self.classify(maps.mean(dim=(-2, -1)).transpose(1, 2))
        return frames.repeat_interleave(2, dim=1)


def test_crops_are_normalised_within():
    network = Plain()
    grey = torch.full((1, 2, 3, 8, 8), 0.5)
    with caught(network.backbone) as seen:
        network(grey)
    expected = [(0.5 - mean) / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
    said = network.backbone(torch.tensor(expected).view(1, 3, 1, 1).expand(2, -1, 8, 8))
    torch.testing.assert_close(seen[0], said)


def test_every_frame_learns_its_clips_label():
    network, clips = Plain(), torch.rand(2, 3, 3, 8, 8)
    labels = torch.tensor([1, 0])
    output, loss = network.learn(clips, labels, ALONE)
    by_hand = [
        F.cross_entropy(output.fusion_frame_logits[clip, frame][None], labels[clip][None])
        for clip in range(2)
        for frame in range(3)
    ]
    torch.testing.assert_close(loss.total, torch.stack(by_hand).mean())
    torch.testing.assert_close(loss.cross_entropy, F.cross_entropy(output.fusion_logits, labels))
    assert loss.guide == 0
    loss.total.backward()
    assert all(value.grad is not None for value in network.parameters())


def test_what_is_told_of_a_loss_is_of_the_true_class():
    output = one_stream(torch.tensor([[0.0, 2.0], [1.0, 0.0]]), torch.zeros(2, 1, 2))
    loss = own_loss(torch.tensor(3.0), output, torch.tensor([1, 0]))
    expected = (torch.sigmoid(torch.tensor(2.0)) + torch.sigmoid(torch.tensor(1.0))) / 2
    torch.testing.assert_close(loss.fusion_true, expected)
    assert loss.total == 3


@pytest.mark.parametrize(("kind", "maps"), [(Plain, 4), (OfClips, 2)])
def test_maps_come_a_frame_each_and_in_order(kind, maps):
    network, clips = kind(), torch.rand(1, 4, 3, 8, 8)
    found = network.mapped(clips)
    assert found.in_fusion is None
    normalised = (clips - network.mean) / network.std
    weight = network.backbone.weight.reshape(4, 3)
    by_hand = torch.einsum("cd,tdhw->tchw", weight, normalised[0, :: 4 // maps]) + network.backbone.bias[:, None, None]
    frames = found.in_global if kind is Plain else found.in_global[0].transpose(0, 1)
    assert frames.shape == (maps, 4, 8, 8)
    torch.testing.assert_close(frames, by_hand)


@pytest.mark.parametrize("kind", [Plain, OfClips])
def test_features_are_means_over_places_and_frames(kind):
    network, clips = kind(), torch.rand(2, 4, 3, 8, 8)
    found = network.features(clips)
    assert found.shape == (2, 4)
    alone = network.mapped(clips[1:]).in_global
    torch.testing.assert_close(found[1], alone.mean(dim=(0, 2, 3) if kind is Plain else (0, 2, 3, 4)).flatten())


def test_a_backbone_starts_from_a_file_and_nobody_has_trained_it_on_imagenet(tmp_path):
    network, other = Plain(), Plain()
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(other.backbone.state_dict(), path)
    network.load_backbone(str(path))
    assert torch.equal(network.backbone.weight, other.backbone.weight)
    with pytest.raises(ConfigError, match="nobody has trained plain on it"):
        network.load_backbone("imagenet")
    with pytest.raises(ConfigError, match="do not fit plain"):
        Plain(kernel=3).load_backbone(str(path))


def test_a_hook_is_gone_afterwards():
    network = Plain()
    with caught(network.backbone) as seen:
        network(torch.rand(1, 1, 3, 8, 8))
    network(torch.rand(1, 1, 3, 8, 8))
    assert len(seen) == 1
