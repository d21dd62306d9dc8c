import math

import numpy as np
import pytest
import torch

from gsgmodel.model.gsg import GSGModel, two_stream_loss
from gsgmodel.model.network import Learned
from gsgmodel.model.objective import Objective
from gsgmodel.model.output import ClipOutput
from gsgmodel.training.network import Learner
from gsgmodel.training.step import SUMS, averages, clips_to, learn
from tests.small_training import ARCHITECTURE, FRAMES, SIZE_PX

CPU = torch.device("cpu")


class Saying(torch.nn.Module):
    """A network that says what it was told to."""

    def __init__(self, global_margins, fusion_margins, *, patches=((0, 1), (1, 3)), weights=(0.25,) * 4):
        super().__init__()
        self.margins = torch.nn.Parameter(torch.tensor([global_margins, fusion_margins], dtype=torch.float32))
        self.patches, self.weights = patches, weights

    def forward(self, clips, labels):
        output = self.said(clips)
        return Learned(output, two_stream_loss(output, labels, Objective()))

    def said(self, clips):
        logits = [torch.stack([torch.zeros_like(each), each], dim=-1) for each in self.margins]
        frames = [each[:, None].expand(-1, 2, -1) for each in logits]
        count = len(clips)
        attention = torch.tensor(self.weights).expand(count, 2, 4)
        return ClipOutput(*logits, *frames, attention, torch.tensor(self.patches).expand(count, 2, 2))


def crops_of(count):
    return np.zeros((count, 2, 8, 8, 3), np.uint8)


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def test_the_averages_are_those_worked_out_by_hand():
    network = Saying([2.0, -1.0], [1.0, 3.0])
    outcome = learn(network, crops_of(2), np.array([1, 0]), share=1.0, device=CPU)
    found = averages(outcome.sums.numpy())
    p_global = [sigmoid(2), sigmoid(1)]
    p_fusion = [sigmoid(1), sigmoid(-3)]
    guide = [max(0.0, a - b + 0.1) for a, b in zip(p_global, p_fusion, strict=True)]
    assert found["p_global"] == pytest.approx(sum(p_global) / 2)
    assert found["p_fusion"] == pytest.approx(sum(p_fusion) / 2)
    assert found["ce_global"] == pytest.approx(-sum(map(math.log, p_global)) / 2)
    assert found["ce_fusion"] == pytest.approx(-sum(map(math.log, p_fusion)) / 2)
    assert found["guide"] == pytest.approx(sum(guide) / 2)
    assert found["loss"] == pytest.approx(found["ce_global"] + found["ce_fusion"] + found["guide"])
    # The first clip is called fake and is; the second is real and called fake: (1 - p)/2 of both streams.
    assert found["accuracy"] == 0.5
    assert found["attention_entropy"] == pytest.approx(math.log(4))
    assert [found[f"patches/{place:02}"] for place in range(4)] == [0.25, 0.5, 0.0, 0.25]


def test_sums_of_parts_are_the_sums_of_the_whole():
    labels, margins = np.array([1, 0, 1]), ([2.0, -1.0, 0.5], [1.0, 3.0, -0.5])
    whole = learn(Saying(*margins), crops_of(3), labels, share=1.0, device=CPU)
    parts = [
        learn(
            Saying(margins[0][part], margins[1][part]),
            crops_of(len(labels[part])),
            labels[part],
            share=1.0,
            device=CPU,
        )
        for part in (slice(0, 1), slice(1, 3))
    ]
    assert sum(part.sums for part in parts).numpy() == pytest.approx(whole.sums.numpy())
    assert whole.sums[0] == 3
    assert len(whole.sums) == len(SUMS) + 4


def test_gradients_are_scaled_by_the_share_and_added():
    def gradient(*shares):
        network = Saying([2.0], [1.0])
        for share in shares:
            learn(network, crops_of(1), np.array([0]), share=share, device=CPU)
        return network.margins.grad.numpy()

    assert gradient(0.25, 0.5) == pytest.approx(gradient(0.75))
    assert np.abs(gradient(1.0)).min() > 0


def test_a_loss_that_is_no_number_is_said():
    outcome = learn(Saying([math.nan], [1.0]), crops_of(1), np.array([1]), share=1.0, device=CPU)
    assert not outcome.is_finite


def test_crops_become_what_the_network_takes():
    crops = np.random.default_rng(0).integers(0, 255, (1, FRAMES, SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    moved = clips_to(CPU, crops)
    assert moved.shape == (1, FRAMES, 3, SIZE_PX, SIZE_PX)
    assert moved[0, 1, 2, 3, 4].item() == pytest.approx(crops[0, 1, 3, 4, 2] / 255)


def test_the_network_itself_learns_from_a_step():
    torch.manual_seed(0)
    network = GSGModel(ARCHITECTURE)
    learner = Learner(network, Objective())
    crops = np.random.default_rng(0).integers(0, 255, (2, FRAMES, SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    learn(learner, crops, np.array([0, 1]), share=1.0, device=CPU)
    with_gradient = {name for name, value in network.named_parameters() if value.grad is not None and value.grad.any()}
    assert {"attention.output.weight", "backbone.stem.0.0.weight"} <= with_gradient
