"""Eq. 4 and 5 on cases worked out by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError
from gsgmodel.model.loss import gsg_loss, guide_loss

probability = st.floats(0.01, 0.99)


def logits(true_probability, label=1):
    """Logits of one clip whose true class has that probability."""
    odds = math.log(true_probability / (1 - true_probability))
    return torch.tensor([[0.0, odds]]) if label else torch.tensor([[odds, 0.0]])


@pytest.mark.parametrize(
    ("p_global", "p_fusion", "expected"),
    [(0.5, 0.5, 0.1), (0.5, 0.6, 0.0), (0.5, 0.7, 0.0), (0.9, 0.2, 0.8), (1.0, 1.0, 0.1), (0.0, 0.0, 0.1)],
)
def test_the_guide_loss_is_a_hinge_with_margin_a_tenth(p_global, p_fusion, expected):
    assert guide_loss(torch.tensor([p_global]), torch.tensor([p_fusion])).item() == pytest.approx(expected, abs=1e-6)


def test_losses_are_means_over_the_batch():
    assert guide_loss(torch.tensor([0.5, 0.9]), torch.tensor([0.5, 0.2])).item() == pytest.approx(0.45)


@pytest.mark.parametrize("label", [0, 1])
def test_the_total_is_both_cross_entropies_and_the_guide(label):
    parts = gsg_loss(logits(0.8, label), logits(0.6, label), torch.tensor([label]))
    assert parts.cross_entropy.item() == pytest.approx(-math.log(0.8) - math.log(0.6), rel=1e-5)
    assert parts.guide.item() == pytest.approx(0.3, rel=1e-5)
    assert parts.total.item() == pytest.approx(-math.log(0.8) - math.log(0.6) + 0.3, rel=1e-5)
    assert parts.global_true.item() == pytest.approx(0.8, rel=1e-5)
    assert parts.fusion_true.item() == pytest.approx(0.6, rel=1e-5)


@given(p_global=probability, p_fusion=probability, label=st.integers(0, 1))
def test_other_cross_entropies_are_what_their_names_say(p_global, p_fusion, label):
    def entropy(kind):
        target = torch.tensor([label])
        parts = gsg_loss(logits(p_global, label), logits(p_fusion, label), target, cross_entropy=kind, guide_weight=0.0)
        assert parts.total.item() == pytest.approx(parts.cross_entropy.item())
        return parts.total.item()

    assert entropy("mean") == pytest.approx(-(math.log(p_global) + math.log(p_fusion)) / 2, rel=1e-3, abs=1e-5)
    assert entropy("averaged") == pytest.approx(-math.log((p_global + p_fusion) / 2), rel=1e-3, abs=1e-5)
    assert entropy("fusion") == pytest.approx(-math.log(p_fusion), rel=1e-3, abs=1e-5)


def test_the_guide_leaves_the_global_stream_alone_unless_told_otherwise():
    gradients = {}
    for detach in (True, False):
        ours, theirs = logits(0.9).requires_grad_(), logits(0.6).requires_grad_()
        parts = gsg_loss(ours, theirs, torch.tensor([1]), guide_weight=1.0, detach_global=detach)
        plain = gsg_loss(ours, theirs, torch.tensor([1]), guide_weight=0.0)
        (gradients[detach],) = torch.autograd.grad(parts.total - plain.total, ours, allow_unused=True)
    assert gradients[True].eq(0).all()
    # d P_G / d logit = p (1 - p) pushes the true class down.
    assert gradients[False].tolist()[0] == pytest.approx([-0.09, 0.09], abs=1e-6)


def test_a_fusion_stream_that_is_sure_enough_gets_no_guidance():
    fusion = logits(0.9).requires_grad_()
    guide = guide_loss(torch.tensor([0.6]), fusion.softmax(-1)[:, 1])
    guide.backward()
    assert guide.item() == 0
    assert fusion.grad.eq(0).all()


def test_logits_in_half_precision_are_summed_in_float32():
    parts = gsg_loss(logits(0.8).bfloat16(), logits(0.6).bfloat16(), torch.tensor([1]))
    assert parts.total.dtype == torch.float32


def test_the_loss_itself_refuses_them_too():
    with pytest.raises(ConfigError, match="nothing but to be wrong"):
        gsg_loss(logits(0.5), logits(0.5), torch.tensor([1]), cross_entropy="fusion", detach_global=False)
