"""The network as it is run for scoring: BatchNorm folded, channels last, and the backbone in bfloat16 where asked.

The backbone is 95 % of the work; what follows it stays in float32. Of ResNet-34 and a clip of 12 frames, on one
thread of a CPU with AVX512-BF16: 0.85 s as built, 0.81 folded and channels last, 0.43 in bfloat16
(tests/bench/forward.py).
"""

import copy
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gsgmodel.errors import ConfigError
from gsgmodel.model.config import Numerics, WantedNumerics
from gsgmodel.model.network import ClipNetwork

MOST_MOVED = 0.01
"""Most that bfloat16 may move a score. Of ``untrained`` and 32 clips of 25 real videos it moved one by 0.0017."""


class Bfloat16Backbone(nn.Module):
    """A backbone whose weights and maps are bfloat16, between float32 pictures and float32 maps."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone.to(torch.bfloat16)

    def forward(self, pictures: Float[Tensor, "..."]) -> Any:
        """Feature maps of normalised pictures or clips: one, or a named tuple of several."""
        maps = self.backbone(pictures.to(torch.bfloat16))
        if isinstance(maps, Tensor):
            return maps.float()
        return type(maps)(*(each.float() for each in maps))


def for_scoring(network: ClipNetwork, numerics: Numerics) -> ClipNetwork:
    """A copy of a network that scores faster; it cannot be trained.

    Args:
        network: In evaluation mode. Left as it is.
        numerics: Of the backbone. In float32 scores stay the same within rounding (1e-6).
    """
    fast = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
    fold_batch_norm(fast.backbone)
    for module in fast.backbone.modules():
        # Not all at once: kernels of three dimensions have no such format.
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)
    if numerics == "bfloat16":
        fast.backbone = Bfloat16Backbone(fast.backbone)
    return fast


def fold_batch_norm(module: nn.Module) -> None:
    """Fold every BatchNorm into the convolution that is registered right before it, in place.

    In torchvision's networks and in ``TinyNet`` that is the one that it follows. A network whose BatchNorm follows an
    activation must have the activation registered between them.
    """
    children = list(module.named_children())
    for (name, first), (next_name, second) in pairwise(children):
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            setattr(module, name, fuse_conv_bn_eval(first, second))
            setattr(module, next_name, nn.Identity())
    for _, child in children:
        fold_batch_norm(child)


def choose_numerics(wanted: WantedNumerics, *, is_fit: bool, device: str) -> Numerics:
    """What the backbone runs in.

    Args:
        wanted: By the user; ``auto`` takes bfloat16 where the model is fit for it and the device is made for it.
        is_fit: Whether the model's scores were found to agree (``ModelSettings.bfloat16``).
        device: For example ``cpu`` or ``cuda``.

    Raises:
        ConfigError: bfloat16 is wanted of a model whose scores it was not found to leave alone.
    """
    if wanted == "bfloat16" and not is_fit:
        raise ConfigError(
            "--numerics is bfloat16, but the model was not found to give the same scores in it; "
            "accepted: auto or float32"
        )
    if wanted == "auto":
        return "bfloat16" if is_fit and has_bfloat16(device) else "float32"
    return wanted


def has_bfloat16(device: str) -> bool:
    """Whether a device multiplies in bfloat16; elsewhere it is emulated and slower than float32."""
    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))
