"""The whole network: shapes, Eq. 1 to 3, the paper's ablations, export and learning."""

import dataclasses

import pytest
import torch
from torch import nn

from gsgmodel.model.backbone import FeatureMaps
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import IMAGENET_MEAN, IMAGENET_STD, GSGModel
from gsgmodel.model.loss import gsg_loss

SIZE = 128


def make(config, **changes):
    torch.manual_seed(0)
    return GSGModel(dataclasses.replace(config, **changes)).eval()


@pytest.mark.parametrize(
    ("changes", "patches", "selected"),
    [
        ({}, 4, 2),
        ({"streams": "global"}, 0, 0),
        ({"streams": "local"}, 4, 2),
        ({"feature_fusion": False}, 4, 2),
        ({"temporal": "none"}, 4, 2),
        ({"temporal": "gru", "bidirectional": True}, 4, 2),
        ({"temporal_sharing": "shared", "layer_norm": True}, 4, 2),
        ({"local_from": "layer3", "num_selected": 7}, 16, 7),
        ({"local_from": "layer2", "num_selected": 7}, 64, 7),
        ({"local_source": "rgb", "rgb_patch_px": 64}, 4, 2),
        ({"local_source": "rgb", "rgb_patch_px": 64, "grid": "pad1"}, 9, 2),
        ({"local_source": "rgb", "rgb_patch_px": 64, "local_from": "layer3"}, 16, 2),
        ({"grid": "stride1", "local_pooling": "max"}, 9, 2),
        ({"aggregation": "soft_all", "frame_pooling": "probabilities"}, 4, 2),
    ],
)
def test_every_option_gives_the_promised_shapes_and_finite_numbers(small, changes, patches, selected):
    network = make(small, **changes)
    with torch.no_grad():
        output = network(torch.rand(2, 3, 3, SIZE, SIZE))
    assert output.global_logits.shape == output.fusion_logits.shape == (2, 2)
    assert output.global_frame_logits.shape == output.fusion_frame_logits.shape == (2, 3, 2)
    assert output.attention.shape == (2, 3, patches)
    assert output.patches.shape == (2, 3, selected)
    assert all(value.isfinite().all() for value in output)


def test_the_paper_sized_network_has_the_parameters_of_the_notes():
    with torch.device("meta"):
        network = GSGModel(GSGConfig())
        output = network(torch.zeros(2, 12, 3, 224, 224))
    assert output.attention.shape == (2, 12, 16)
    assert output.patches.shape == (2, 12, 5)
    counts = {name: sum(p.numel() for p in module.parameters()) for name, module in network.named_children()}
    assert counts["attention"] == 262_401
    assert counts["temporal"] == 2_365_440 + 3_676_160 + 2 * (512 * 2 + 2)
    assert counts["backbone"] == 21_284_672


class Fixed(nn.Module):
    """A backbone that sees the map that it is given."""

    def __init__(self, features):
        super().__init__()
        self.features = features

    def forward(self, pictures):
        del pictures
        return FeatureMaps(top=self.features, local=self.features)


def test_global_local_and_fused_features_are_those_of_equations_one_to_three(small):
    network = make(small, temporal="none", num_selected=1)
    # One channel of note: 4x4 cells counting 0 to 15; patches (spread) are the four quarters.
    features = torch.zeros(1, 512, 4, 4)
    features[0, 7] = torch.arange(16.0).reshape(4, 4)
    network.backbone = Fixed(features)
    with torch.no_grad():
        network.attention.hidden.weight.zero_()
        network.attention.hidden.weight[0, 7 * 4] = 1
        network.attention.output.weight.fill_(1)
        for module in network.temporal.values():
            module.classify.weight.zero_()
            module.classify.bias.zero_()
        network.temporal["global_stream"].classify.weight[1, 7] = 1
        network.temporal["fusion_stream"].classify.weight[0, 7] = 1
        network.temporal["fusion_stream"].classify.weight[1, 512 + 7] = 1
        output = network(torch.zeros(1, 1, 3, SIZE, SIZE))
    # Eq. 1: mean of 0..15. Eq. 2: mean of the lower right quarter, (10 + 11 + 14 + 15) / 4. Eq. 3: side by side.
    assert output.patches.tolist() == [[[3]]]
    assert output.global_logits[0, 1].item() == pytest.approx(7.5)
    assert output.fusion_logits[0].tolist() == pytest.approx([7.5, 12.5])


def test_frames_are_averaged_and_masked_frames_do_not_count(small):
    network = make(small)
    clips = torch.rand(1, 4, 3, SIZE, SIZE)
    valid = torch.tensor([[True, True, False, True]])
    with torch.no_grad():
        whole, masked, short = network(clips), network(clips, valid), network(clips[:, valid[0]])
    assert torch.allclose(whole.fusion_logits, whole.fusion_frame_logits.mean(1), atol=1e-6)
    assert torch.allclose(masked.fusion_logits, short.fusion_logits, atol=1e-5)
    assert torch.allclose(masked.global_logits, short.global_logits, atol=1e-5)


def test_callers_pass_plain_pixels_and_the_network_normalises_them(small):
    network = make(small, streams="global")
    seen = []
    network.backbone.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        network(torch.full((1, 1, 3, 64, 64), 0.5))
    expected = [(0.5 - mean) / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
    assert seen[0][0, :, 0, 0].tolist() == pytest.approx(expected)


def test_one_stream_alone_fills_both_fields(small):
    for streams in ("global", "local"):
        output = make(small, streams=streams)(torch.rand(1, 2, 3, SIZE, SIZE))
        assert torch.equal(output.global_frame_logits, output.fusion_frame_logits)


def test_without_feature_fusion_the_second_stream_sees_the_local_feature_alone(small):
    assert make(small).temporal["fusion_stream"].classify.in_features == small.hidden
    widths = {
        fusion: make(small, temporal="none", feature_fusion=fusion).temporal["fusion_stream"].classify.in_features
        for fusion in (True, False)
    }
    assert widths == {True: 1024, False: 512}


def test_a_shared_temporal_module_serves_both_streams(small):
    network = make(small, temporal_sharing="shared")
    assert list(network.temporal) == ["shared"]
    assert {name: module.in_features for name, module in network.project.items()} == {
        "global_stream": 512,
        "fusion_stream": 1024,
    }


def test_rgb_patches_are_cut_from_the_selected_windows(small):
    network = make(small, local_source="rgb", rgb_patch_px=64, num_selected=1)
    seen = []
    network.backbone.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    clips = torch.zeros(1, 1, 3, SIZE, SIZE)
    for index, (row, column) in enumerate([(0, 0), (0, 64), (64, 0), (64, 64)]):
        clips[..., row : row + 64, column : column + 64] = (index + 1) / 8
    with torch.no_grad():
        output = network(clips)
    value = (output.patches.item() + 1) / 8
    assert seen[1].shape == (1, 3, 64, 64)
    assert torch.allclose(seen[1] * network.std + network.mean, torch.full_like(seen[1], value), atol=1e-5)


@pytest.mark.parametrize("aggregation", ["st_gate", "literal"])
def test_only_a_gate_lets_the_loss_teach_the_attention_network(small, aggregation):
    network = make(small, aggregation=aggregation).train()
    output = network(torch.rand(2, 2, 3, SIZE, SIZE))
    gsg_loss(output.global_logits, output.fusion_logits, torch.tensor([0, 1])).total.backward()
    gradients = [parameter.grad for parameter in network.attention.parameters()]
    if aggregation == "literal":
        assert gradients == [None] * 4
    else:
        assert sum(gradient.abs().sum() for gradient in gradients) > 0
    assert network.backbone.stem[0][0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("crop", [(64, 64), (SIZE, 96)])
def test_crops_that_cannot_be_judged_are_refused(small, crop):
    with pytest.raises(ValueError, match=r"cannot select 2 of 1 patches|square feature map"):
        make(small)(torch.rand(1, 1, 3, *crop))


def test_wrong_shapes_are_caught(small):
    with pytest.raises(TypeError, match="clips"):
        make(small)(torch.rand(1, 3, SIZE, SIZE))


@pytest.mark.parametrize("changes", [{}, {"local_source": "rgb", "rgb_patch_px": 64, "grid": "pad_rb"}])
def test_export_with_any_batch_size_gives_what_the_network_gives(small, changes):
    network = make(small, **changes)
    batch = torch.export.Dim("batch", min=1, max=64)
    exported = torch.export.export(
        network, (torch.rand(2, 3, 3, SIZE, SIZE),), dynamic_shapes={"clips": {0: batch}}
    ).module()
    for size in (1, 2, 5):
        clips = torch.rand(size, 3, 3, SIZE, SIZE)
        with torch.no_grad():
            for ours, theirs in zip(network(clips), exported(clips), strict=True):
                assert torch.allclose(ours, theirs, atol=1e-6)


def test_training_on_a_toy_lowers_the_loss_until_both_classes_are_told_apart(small):
    torch.manual_seed(1)
    network = make(small, layers=1, layer_norm=True).train()
    clips = torch.rand(8, 2, 3, SIZE, SIZE) * 0.2 + 0.4
    labels = torch.arange(8) % 2
    # Fakes carry a checkerboard in the upper right quarter.
    board = (torch.arange(64)[:, None] // 4 + torch.arange(64) // 4) % 2
    clips[labels == 1, :, :, :64, 64:] = 0.3 + 0.4 * board.float()
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    losses = []
    for _ in range(25):
        output = network(clips)
        parts = gsg_loss(output.global_logits, output.fusion_logits, labels)
        optimizer.zero_grad()
        parts.total.backward()
        optimizer.step()
        losses.append(parts.total.item())
    assert losses[-1] < losses[0] / 3
    assert (output.fusion_logits.argmax(-1) == labels).all()
