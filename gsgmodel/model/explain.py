"""Why the network judges a clip as it does: Grad-CAM of both streams, frame by frame."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from gsgmodel.model.network import ClipNetwork
from gsgmodel.model.output import ClipOutput
from gsgmodel.model.scoring import ClipScores, on_host

CLIP_DIMS = 5
"""Of maps of clips; maps of frames have 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What the network says of clips, and which places of their frames spoke for fake."""

    scores: ClipScores
    global_maps: Float32[np.ndarray, "B T S S"]
    """Of the global stream, or of a network's only one: 0 to 1, where 1 is the strongest place of the clip; all 0 where
    nothing spoke for fake, and where there is no such stream."""
    local_maps: Float32[np.ndarray, "B T S S"]
    """Of the fusion stream, at the map that its patches are cut from."""


def explain_clips(network: ClipNetwork, crops: UInt8[np.ndarray, "B T S S 3"]) -> Explained:
    """Judge clips on the CPU, and trace each stream's margin (logit of fake less that of real) back to places.

    Each channel of a frame's feature map counts as much as the margin grows with its mean, channels are added, and what
    speaks for real is left out. Which maps those are, the network says (``mapped``).

    Args:
        network: In evaluation mode, on the CPU; its weights need no gradients.
        crops: RGB face crops of at least one clip.

    Source: Selvaraju et al., "Grad-CAM", ICCV 2017, Eq. 1 and 2, with the two-class logit margin for a class's logit.
    """
    parts = [_explain(network, torch.tensor(clip)[None]) for clip in crops]
    outputs = ClipOutput(*(torch.cat(each) for each in zip(*(output for output, _, _ in parts), strict=True)))
    return Explained(
        scores=on_host(outputs, score_fusion=network.config.score_fusion),
        global_maps=np.stack([part for _, part, _ in parts]),
        local_maps=np.stack([part for _, _, part in parts]),
    )


def _explain(
    network: ClipNetwork, pixels: UInt8[Tensor, "1 T S S 3"]
) -> tuple[ClipOutput, Float32[np.ndarray, "T S S"], Float32[np.ndarray, "T S S"]]:
    """One clip; its graph is gone before the next one's is made."""
    # Gradients need somewhere to start where the weights have none.
    output, *maps = network.mapped((pixels.permute(0, 1, 4, 2, 3).float() / 255).requires_grad_())
    num_frames, size = pixels.shape[1:3]
    first, second = (
        np.zeros((num_frames, size, size), np.float32)
        if each is None
        else cam(each, _margin(logits), num_frames=num_frames, size_px=size).numpy()
        for each, logits in zip(maps, (output.global_logits, output.fusion_logits), strict=True)
    )
    return ClipOutput(*(each.detach() for each in output)), first, second


def cam(
    features: Float[Tensor, "..."], margin: Float[Tensor, ""], *, num_frames: int, size_px: int
) -> Float[Tensor, "T S S"]:
    """Grad-CAM of a clip's frames, enlarged to the crops and divided by the strongest place of all frames.

    Args:
        features: Maps on the way to the margin, (T, C, h, w) or (1, C, t, h, w).
        margin: What is traced.
        num_frames: Of the clip; a network that has fewer maps than frames looked at several frames for each.
        size_px: Side of the crops.
    """
    (gradient,) = torch.autograd.grad(margin, features, retain_graph=True)
    weights = gradient.mean(dim=(-2, -1), keepdim=True)
    small = (weights * features.detach()).sum(dim=1, keepdim=True).relu()
    if small.dim() == CLIP_DIMS:
        small = small[0].transpose(0, 1)
    large = F.interpolate(small, size=(size_px, size_px), mode="bilinear", align_corners=False)[:, 0]
    if len(large) != num_frames:
        nearest = (torch.arange(num_frames) * len(large) / num_frames).long()
        large = large[nearest]
    return large / large.max().clamp(min=torch.finfo(large.dtype).tiny)


def _margin(logits: Float[Tensor, "1 2"]) -> Float[Tensor, ""]:
    return (logits[:, 1] - logits[:, 0]).sum()
