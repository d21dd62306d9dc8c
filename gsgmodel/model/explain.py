"""Why the network judges a clip as it does: Grad-CAM of both streams, frame by frame."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from gsgmodel.model.backbone import FeatureMaps
from gsgmodel.model.gsg import GSGModel, GSGOutput
from gsgmodel.model.scoring import ClipScores, on_host


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What the network says of clips, and which places of their frames spoke for fake."""

    scores: ClipScores
    global_maps: Float32[np.ndarray, "B T S S"]
    """Of the global stream: 0 to 1, where 1 is the strongest place of the clip; all 0 where nothing spoke for fake, and
    where there is no such stream."""
    local_maps: Float32[np.ndarray, "B T S S"]
    """Of the fusion stream, at the map that its patches are cut from."""


def explain_clips(network: GSGModel, crops: UInt8[np.ndarray, "B T S S 3"]) -> Explained:
    """Judge clips on the CPU, and trace each stream's margin (logit of fake less that of real) back to places.

    Each channel of a frame's feature map counts as much as the margin grows with its mean, channels are added, and what
    speaks for real is left out. The global stream is traced to the map that it averages (``layer4``), the fusion
    stream, which holds the local one, to the map that patches are cut from.

    Args:
        network: In evaluation mode, on the CPU; its weights need no gradients.
        crops: RGB face crops of at least one clip.

    Source: Selvaraju et al., "Grad-CAM", ICCV 2017, Eq. 1 and 2, with the two-class logit margin for a class's logit.
    """
    parts = [_explain(network, torch.tensor(clip)[None]) for clip in crops]
    outputs = GSGOutput(*(torch.cat(each) for each in zip(*(output for output, _, _ in parts), strict=True)))
    return Explained(
        scores=on_host(outputs, score_fusion=network.config.score_fusion),
        global_maps=np.stack([part for _, part, _ in parts]),
        local_maps=np.stack([part for _, _, part in parts]),
    )


def _explain(
    network: GSGModel, pixels: UInt8[Tensor, "1 T S S 3"]
) -> tuple[GSGOutput, Float32[np.ndarray, "T S S"], Float32[np.ndarray, "T S S"]]:
    """One clip; its graph is gone before the next one's is made."""
    seen: list[FeatureMaps] = []
    # The first pictures are whole frames; the cut-out patches of a stream of pixels come after them.
    hook = network.backbone.register_forward_hook(lambda _module, _inputs, maps: seen.append(maps))
    try:
        # Gradients need somewhere to start where the weights have none.
        output = network((pixels.permute(0, 1, 4, 2, 3).float() / 255).requires_grad_())
    finally:
        hook.remove()
    size, streams = pixels.shape[2], network.config.streams
    maps = seen[0]
    in_global = cam(maps.top, _margin(output.global_logits), size_px=size) if streams != "local" else None
    in_fusion = cam(maps.local, _margin(output.fusion_logits), size_px=size) if streams != "global" else None
    nothing = np.zeros((pixels.shape[1], size, size), np.float32)
    plain = GSGOutput(*(each.detach() for each in output))
    first, second = (nothing if each is None else each.numpy() for each in (in_global, in_fusion))
    return plain, first, second


def cam(features: Float[Tensor, "T C h w"], margin: Float[Tensor, ""], *, size_px: int) -> Float[Tensor, "T S S"]:
    """Grad-CAM of a clip's frames, enlarged to the crops and divided by the strongest place of all frames.

    Args:
        features: A map on the way to the margin.
        margin: What is traced.
        size_px: Side of the crops.
    """
    (gradient,) = torch.autograd.grad(margin, features, retain_graph=True)
    weights = gradient.mean(dim=(-2, -1), keepdim=True)
    small = (weights * features.detach()).sum(dim=1, keepdim=True).relu()
    large = F.interpolate(small, size=(size_px, size_px), mode="bilinear", align_corners=False)[:, 0]
    return large / large.max().clamp(min=torch.finfo(large.dtype).tiny)


def _margin(logits: Float[Tensor, "1 2"]) -> Float[Tensor, ""]:
    return (logits[:, 1] - logits[:, 0]).sum()
