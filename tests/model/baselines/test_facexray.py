"""Where a face was blended in."""

import pytest
import torch

from gsgmodel.errors import ConfigError
from gsgmodel.model.baselines.facexray import (
    SYSTEM,
    FaceXrayConfig,
    blend,
    face_masks,
    recoloured,
    true_xrays,
)
from gsgmodel.model.system import ALONE
from tests.model.baselines import checks

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def same_draws():
    torch.manual_seed(0)


def test_masks_lie_on_faces_leave_edges_of_crops_alone_and_differ():
    masks = face_masks(16, 64, device=CPU)
    assert masks.shape == (16, 1, 64, 64)
    assert 0 <= masks.min() <= masks.max() <= 1
    assert masks[:, :, 30:40, 28:36].min() > 0.9
    assert masks[:, :, :3].max() == 0
    assert masks[:, :, :, :3].max() == 0
    assert masks.std(dim=0).max() > 0.2


def test_within_a_mask_lies_the_neighbours_face_and_beyond_it_nothing_changed():
    clips = torch.rand(3, 2, 3, 64, 64)
    made, masks = blend(clips)
    weights = masks[:, None].expand(-1, 2, 3, -1, -1)
    assert torch.equal(made[weights == 0], clips[weights == 0])
    assert (made - clips).abs()[weights == 1].mean() > 0.1
    neighbours = recoloured(clips.roll(1, dims=0), clips, masks[:, None].expand(-1, 2, -1, -1, -1))
    torch.testing.assert_close(made[weights == 1], neighbours[weights == 1])


def test_a_clip_that_is_alone_gets_its_own_face_in_a_mirror():
    made, masks = blend(torch.rand(1, 2, 3, 64, 64))
    assert made.shape == (1, 2, 3, 64, 64)
    assert masks.max() == 1


def test_a_face_takes_the_colours_of_the_one_that_it_is_laid_over():
    faces, like = torch.rand(1, 1, 3, 32, 32) * 0.2, torch.rand(1, 1, 3, 32, 32) * 0.4 + 0.3
    weights = torch.ones(1, 1, 1, 32, 32)
    found = recoloured(faces, like, weights)
    torch.testing.assert_close(found.mean(dim=(-2, -1)), like.mean(dim=(-2, -1)), atol=1e-3, rtol=0)
    torch.testing.assert_close(found.std(dim=(-2, -1)), like.std(dim=(-2, -1)), atol=1e-3, rtol=0)


def test_an_xray_is_bright_at_the_edge_of_a_mask_and_dark_elsewhere():
    masks = torch.tensor([0.0, 0.5, 1.0, 0.25]).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    found = true_xrays(masks, torch.ones(3, 2, 4, 4))
    assert not found[:2].any()
    assert found[2, 1, 0].tolist() == [0.0, 1.0, 0.0, 0.75]
    assert not true_xrays(masks[:0], torch.ones(3, 2, 4, 4)).any()


def test_real_clips_alone_teach_it_and_every_parameter():
    network = checks.small(SYSTEM).train()
    output, loss = network.learn(torch.rand(2, 3, 3, 96, 96), torch.tensor([0, 0]), ALONE)
    assert output.fusion_logits.shape == (2, 2)
    loss.total.backward()
    assert [name for name, value in network.named_parameters() if value.grad is None] == []


def test_of_fakes_alone_only_the_class_is_learned():
    network = checks.small(SYSTEM).train()
    output, loss = network.learn(torch.rand(2, 1, 3, 96, 96), torch.tensor([1, 1]), ALONE)
    frames = output.fusion_frame_logits.flatten(0, 1)
    torch.testing.assert_close(loss.total, torch.nn.functional.cross_entropy(frames, torch.ones(2).long()))


@pytest.mark.parametrize("width", [0, 100])
def test_a_width_that_cannot_be_is_refused(width):
    with pytest.raises(ConfigError, match="accepted is 4 to 64"):
        FaceXrayConfig(width=width)


def test_it_holds_what_every_system_must(tmp_path):
    checks.check_all(SYSTEM, tmp_path)


@pytest.mark.slow
def test_it_learns_a_planted_sign():
    assert checks.share_told(checks.learn(checks.small(SYSTEM, frames=1), steps=60)) > 0.9
