"""The local stream: patches of a feature map, how much attention each gets, and the average of the best (Eq. 2)."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from gsgmodel.model.config import Aggregation
from gsgmodel.model.grid import PATCH_CELLS, Grid, patch_starts


class PatchAttention(nn.Module):
    """Two fully connected layers that say how important a patch is; the same for all positions and frames."""

    def __init__(self, inputs: int, hidden: int = 128, *, activation: Literal["relu", "tanh"] = "relu") -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, hidden)
        self.activation = nn.ReLU() if activation == "relu" else nn.Tanh()
        self.output = nn.Linear(hidden, 1)

    def forward(self, patches: Float[Tensor, "F P C 2 2"]) -> Float[Tensor, "F P"]:
        """Weights of one frame's patches: positive, summing to 1."""
        scalars: Tensor = self.output(self.activation(self.hidden(patches.flatten(2)))).squeeze(-1)
        return scalars.float().softmax(dim=-1)


def extract_patches(features: Float[Tensor, "F C h w"], grid: Grid) -> Float[Tensor, "F P C 2 2"]:
    """Cut a square feature map into patches of 2x2 cells, in rows from the top left.

    Cells beyond the map's edge take the mean of the patch's cells inside it, so that padding dilutes no patch.

    Raises:
        ValueError: The map is not square or smaller than a patch.
    """
    rows, columns = features.shape[-2:]
    if rows != columns:
        raise ValueError(f"patches need a square feature map, not {rows}x{columns}")
    starts = patch_starts(grid, rows)
    before, after = int(starts[0] < 0), int(starts[-1] + PATCH_CELLS > rows)
    if not before and not after:
        return cut_windows(features, starts, PATCH_CELLS)
    margins = (before, after, before, after)
    shifted = [start + before for start in starts]
    patches = cut_windows(F.pad(features, margins), shifted, PATCH_CELLS)
    inside = cut_windows(F.pad(torch.ones_like(features[:1, :1]), margins), shifted, PATCH_CELLS)
    mean = patches.sum(dim=(-2, -1), keepdim=True) / inside.sum(dim=(-2, -1), keepdim=True)
    return torch.where(inside > 0, patches, mean)


def cut_windows(maps: Float[Tensor, "F C h w"], starts: Sequence[int], size: int) -> Float[Tensor, "F P C s s"]:
    """Windows of ``size`` x ``size`` that start at each pair of ``starts``, in rows from the top left."""
    # Slices, not an index: their backward adds overlapping windows in a fixed order on every device.
    tall = torch.stack([maps[:, :, start : start + size] for start in starts], dim=1)
    both = torch.stack([tall[..., start : start + size] for start in starts], dim=2)
    return both.flatten(1, 2)


def select_patches(weights: Float[Tensor, "F P"], count: int) -> Int64[Tensor, "F N"]:
    """Indices of the patches with the highest weights, best first; among equal weights the lower index comes first.

    Raises:
        ValueError: ``count`` is not between 1 and the number of patches.
    """
    if not 1 <= count <= weights.shape[-1]:
        raise ValueError(f"cannot select {count} of {weights.shape[-1]} patches")
    # Not topk: which of several equal weights it takes differs between devices.
    return torch.sort(weights, dim=-1, descending=True, stable=True).indices[..., :count]


def patch_coefficients(
    weights: Float[Tensor, "F P"], selected: Int64[Tensor, "F N"], kind: Aggregation
) -> Float[Tensor, "F P"]:
    """The factor of each patch in the average, so that F^L = pool(sum_j coefficient_j p_j).

    With H = 1/N for a selected patch and 0 elsewhere, w the weights and sg() a value without gradient:

    - ``literal``: H. Eq. 2 as written; no gradient reaches the attention network, which stays at random.
    - ``st_gate``: H (1 + w - sg(w)). The same value, and a selected patch that helps gains weight.
    - ``st_softmax``: H + w - sg(w). The same value, with gradient to patches that were not selected too.
    - ``gate_renorm``: H w / sum(H w). The selected patches averaged by weight: another value than Eq. 2.
    - ``soft_all``: w. No selection at all.

    Where a whole network learned an artefact that only some patches show, the patch chosen first lay on it with
    ``st_softmax`` for four seeds of four and with ``st_gate`` for one, although all told fakes apart: what the global
    stream sees leaves a patch that was never chosen no reason to be. With the local stream alone ``st_gate`` found it
    too (tests/bench/attention.py). Who wants to look at the patches of a model trains it with ``st_softmax``.

    Source: Eq. 2 of the paper; the straight-through estimators are our reading, since Eq. 2 alone cannot train.
    """
    if kind == "soft_all":
        return weights
    hard = torch.zeros_like(weights).scatter(-1, selected, 1.0 / selected.shape[-1])
    if kind == "literal":
        return hard
    if kind == "gate_renorm":
        gated = hard * weights
        return gated / gated.sum(dim=-1, keepdim=True)
    # The difference comes first: 0 exactly, so that the value is Eq. 2 to the last bit.
    pull = weights - weights.detach()
    return hard * (1 + pull) if kind == "st_gate" else hard + pull


def pool_patches(
    patches: Float[Tensor, "F P C 2 2"], coefficients: Float[Tensor, "F P"], *, by: Literal["mean", "max"] = "mean"
) -> Float[Tensor, "F C"]:
    """The local feature of each frame: the patches' weighted sum, pooled over its cells (Eq. 2)."""
    mean = torch.einsum("fp,fpcij->fcij", coefficients.to(patches.dtype), patches)
    return mean.mean(dim=(-2, -1)) if by == "mean" else mean.amax(dim=(-2, -1))
