"""What the network is trained on: cross-entropy of both streams and the global-stream guide loss (Eq. 4 and 5)."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from gsgmodel.model.objective import CrossEntropy, check_loss

MARGIN = 0.1
"""Of Eq. 4, as the paper sets it."""


class LossParts(NamedTuple):
    """The loss and what it is made of, each the mean over the batch; only ``total`` is to be differentiated."""

    total: Float[Tensor, ""]
    cross_entropy: Float[Tensor, ""]
    """As it enters the total."""
    guide: Float[Tensor, ""]
    """L_GSG, before its weight."""
    global_true: Float[Tensor, ""]
    """Mean probability that the global stream gives to the true class, P_G."""
    fusion_true: Float[Tensor, ""]
    """The same of the fusion stream, P_F."""


def gsg_loss(
    global_logits: Float[Tensor, "B 2"],
    fusion_logits: Float[Tensor, "B 2"],
    labels: Int64[Tensor, "B"],
    *,
    cross_entropy: CrossEntropy = "sum",
    guide_weight: float = 1.0,
    detach_global: bool = True,
) -> LossParts:
    """The total loss of Eq. 5. Settings that ``check_loss`` refuses are a ``ConfigError``.

    Args:
        global_logits: Of each clip, (real, fake).
        fusion_logits: Of each clip, (real, fake).
        labels: 0 real, 1 fake.
        cross_entropy: ``sum`` of both streams'; their ``mean``; of the ``averaged`` probability; of ``fusion`` alone,
            which with ``guide_weight=0`` is also the loss of a network with one stream.
        guide_weight: Factor of L_GSG; 0 leaves it out (Table 3, w/o GSG loss).
        detach_global: Whether L_GSG leaves the global stream alone. Otherwise it pushes the stream that it takes as
            reference down, wherever it is active.
    """
    check_loss(cross_entropy=cross_entropy, guide_weight=guide_weight, detach_global=detach_global)
    logits = (global_logits.float(), fusion_logits.float())
    global_true, fusion_true = (_true_probability(each, labels) for each in logits)
    reference = global_true.detach() if detach_global else global_true
    guide = guide_loss(reference, fusion_true)
    entropy = _cross_entropy(*logits, labels, kind=cross_entropy)
    return LossParts(
        total=entropy + guide_weight * guide if guide_weight else entropy,
        cross_entropy=entropy.detach(),
        guide=guide.detach(),
        global_true=global_true.detach().mean(),
        fusion_true=fusion_true.detach().mean(),
    )


def guide_loss(
    global_true: Float[Tensor, "B"], fusion_true: Float[Tensor, "B"], *, margin: float = MARGIN
) -> Float[Tensor, ""]:
    """L_GSG = max(0, P_G - P_F + margin), mean over the batch (Eq. 4).

    The paper does not say of which class P is. Only the true class makes a smaller loss mean a better fusion stream.

    Args:
        global_true: P_G, the global stream's probability of the true class.
        fusion_true: P_F, the fusion stream's.
        margin: By how much the fusion stream is to be surer. P_F is at most 1, so the loss stays above 0 where P_G is
            above 1 - margin.
    """
    return torch.clamp(global_true - fusion_true + margin, min=0).mean()


def _true_probability(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.softmax(dim=-1).gather(1, labels[:, None]).squeeze(1)


def _cross_entropy(global_logits: Tensor, fusion_logits: Tensor, labels: Tensor, *, kind: CrossEntropy) -> Tensor:
    if kind == "averaged":
        both = torch.stack([global_logits.log_softmax(dim=-1), fusion_logits.log_softmax(dim=-1)])
        # The constant that makes the sum of both a mean moves no gradient, but the value should be the true one.
        return F.nll_loss(both.logsumexp(dim=0) - torch.log(both.new_tensor(2.0)), labels)
    fusion = F.cross_entropy(fusion_logits, labels)
    if kind == "fusion":
        return fusion
    total = F.cross_entropy(global_logits, labels) + fusion
    return total / 2 if kind == "mean" else total
