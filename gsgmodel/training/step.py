"""One forward and backward pass over a part of a batch, and the sums that epochs are judged by."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float64, Int64, UInt8
from torch import Tensor, nn

from gsgmodel.model.network import Learned
from gsgmodel.model.output import ClipOutput

SUMS = (
    *("clips", "loss", "ce_global", "ce_fusion", "guide", "p_global", "p_fusion"),
    *("attention_entropy", "correct"),
)
"""What is summed over clips, in this order; behind them stand the counts of selected patches by position."""


class StepOutcome(NamedTuple):
    """What one part of a batch came to."""

    sums: Float64[Tensor, "K"]
    """On the host: ``SUMS``, then how often each patch was selected."""
    is_finite: bool
    """Whether the loss is a number."""


def clips_to(device: torch.device, crops: UInt8[np.ndarray, "B T S S 3"]) -> Tensor:
    """Move crops to a device and make them what the network takes: (B, T, 3, S, S), 0 to 1."""
    # As bytes: a quarter of what floats would take on the way.
    moved = torch.from_numpy(crops).to(device, non_blocking=True)
    return moved.permute(0, 1, 4, 2, 3).float() / 255


def learn(
    network: nn.Module,
    crops: UInt8[np.ndarray, "B T S S 3"],
    labels: Int64[np.ndarray, "B"],
    *,
    share: float,
    device: torch.device,
) -> StepOutcome:
    """Add the gradient of one part of a batch to those of the parameters.

    Args:
        network: In training mode on ``device``; a ``Learner``, or one within ``DistributedDataParallel``.
        crops: Of at least one clip.
        labels: 0 real, 1 fake.
        share: What the part's mean loss counts for, so that the parts of all workers add up to the batch's mean.
        device: Where the network is. Autocast is the caller's.

    Returns:
        The sums; with a loss that is not finite no gradient was added.
    """
    target = torch.from_numpy(labels).to(device)
    learned: Learned = network(clips_to(device, crops), target)
    output, parts = learned
    is_finite = bool(torch.isfinite(parts.total))
    # Also a broken loss goes back: other workers wait for this one's gradients.
    (parts.total * share).backward()  # type: ignore[no-untyped-call]
    return StepOutcome(sums=_sums(output, target, loss=parts.total, guide=parts.guide), is_finite=is_finite)


def averages(sums: Float64[np.ndarray, "K"]) -> Mapping[str, float]:
    """Return the means over clips by name, and the share of each patch position among the selected ones.

    Args:
        sums: Of ``StepOutcome`` over at least one clip, added up.
    """
    count = sums[0]
    names = {name: float(value / count) for name, value in zip(SUMS[1:], sums[1 : len(SUMS)], strict=True)}
    patches = sums[len(SUMS) :]
    total = patches.sum()
    shares = {f"patches/{place:02}": float(value / total) for place, value in enumerate(patches) if total}
    return {"accuracy": names.pop("correct"), **names, **shares}


@torch.no_grad()
def _sums(output: ClipOutput, target: Tensor, *, loss: Tensor, guide: Tensor) -> Float64[Tensor, "K"]:
    count = len(target)
    logits = [output.global_logits.float(), output.fusion_logits.float()]
    true = [each.softmax(dim=-1).gather(1, target[:, None]) for each in logits]
    both = (logits[0].softmax(dim=-1) + logits[1].softmax(dim=-1)) / 2
    weights = output.attention.float()
    entropy = -torch.special.xlogy(weights, weights).sum(dim=-1).mean(dim=-1).sum()
    counts = torch.bincount(output.patches.flatten(), minlength=output.attention.shape[-1])
    values = [
        loss.detach() * count,
        *(F.cross_entropy(each, target, reduction="sum") for each in logits),
        guide * count,
        *(each.sum() for each in true),
        entropy,
        (both.argmax(dim=-1) == target).sum(),
    ]
    listed = torch.stack([value.double() for value in values])
    return torch.cat([listed.new_tensor([count]), listed, counts.double()]).cpu()
