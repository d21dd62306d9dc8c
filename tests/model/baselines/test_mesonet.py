"""Meso-4."""

import torch

from gsgmodel.model.baselines.mesonet import SYSTEM, MesoNet, MesoNetConfig
from tests.model.baselines import checks

PUBLISHED = 27_977
SECOND_LOGIT = 17


def test_it_has_as_many_parameters_as_were_published_and_a_second_logit():
    assert checks.count(MesoNet(MesoNetConfig())) == PUBLISHED + SECOND_LOGIT


def test_its_maps_are_eight_by_eight_at_the_published_size():
    with torch.device("meta"):
        maps = MesoNet(MesoNetConfig()).backbone(torch.zeros(2, 3, 256, 256))
    assert maps.shape == (2, 16, 8, 8)


def test_it_holds_what_every_system_must(tmp_path):
    checks.check_all(SYSTEM, tmp_path)


def test_frames_are_judged_alone_and_their_probabilities_averaged():
    network = checks.small(SYSTEM)
    clips = torch.rand(1, 3, 3, 96, 96)
    output = network(clips)
    moved = network(clips[:, [2, 0, 1]])
    torch.testing.assert_close(moved.fusion_frame_logits, output.fusion_frame_logits[:, [2, 0, 1]])
    mean = output.fusion_frame_logits.softmax(dim=-1).mean(dim=1)
    torch.testing.assert_close(output.fusion_logits.softmax(dim=-1), mean)


def test_it_learns_a_planted_sign():
    network = checks.learn(checks.small(SYSTEM), steps=150, lr=5e-3)
    assert checks.share_told(network) > 0.9
