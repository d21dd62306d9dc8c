"""LipForensics: the movements of a mouth, as a network that reads lips sees them.

Approximate: the network is that of the authors' code, but the mouth is cut at a fixed place of the face's crop, where
its corners lie on average, instead of by landmarks of each frame; and it starts from random weights unless
``--backbone-weights`` names those of a lip reader, without which the paper finds it to generalise far worse.

Source: Haliassos et al., "Lips Don't Lie: A Generalisable and Robust Approach to Face Forgery Detection", CVPR 2021,
section 3; 35,990,785 parameters, counted from the authors' code, with one logit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from gsgmodel.model.baselines.xception import check_width
from gsgmodel.model.network import Learned, OneStream, own_loss
from gsgmodel.model.objective import Objective
from gsgmodel.model.system import OneStreamConfig, System, only_alone, options_alone

NAME = "lipforensics"
MOUTH_PX = 88
_GREY = (0.299, 0.587, 0.114)
_MEAN, _STD = 0.421, 0.165
"""Of grey mouths, as the authors normalise them."""
_STAGES = (64, 128, 256, 512)
_KERNELS, _BRANCH, _LEVELS = (3, 5, 7), 256, 4
_DROPOUT = 0.2


@dataclass(frozen=True, kw_only=True)
class LipForensicsConfig(OneStreamConfig):
    """LipForensics; ``width`` is the share of its channels.

    Raises:
        ConfigError: The width is out of range.
    """

    system: ClassVar[str] = NAME
    frames_per_clip: int = 25
    width: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_width(self.width)

    @property
    def backbone(self) -> str:
        """What the features come from, for people."""
        return "resnet18 of mouths"


class LipForensics(OneStream):
    """ResNet-18 over mouths, behind a convolution over space and time, and convolutions over time at three scales."""

    grey: Tensor

    def __init__(self, config: LipForensicsConfig) -> None:
        super().__init__(config, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
        self.register_buffer("grey", torch.tensor(_GREY).view(3, 1, 1))
        self.backbone = MouthFeatures([round(each * config.width) for each in _STAGES])
        inputs, branch = self.backbone.width, round(_BRANCH * config.width)
        outputs = branch * len(_KERNELS)
        self.scales = nn.Sequential(
            *(Scales(inputs if not level else outputs, branch, dilation=2**level) for level in range(_LEVELS))
        )
        self.classify = nn.Linear(outputs, 2)

    def judge(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T 2"]:
        """Logits of clips, the same for each of their frames."""
        mouths = self.mouths(clips)
        maps = self.backbone(mouths[:, None])
        features = maps.float().mean(dim=(-2, -1))
        logits = self.classify(self.scales(features).mean(dim=-1))
        frames: Tensor = logits[:, None].expand(-1, clips.shape[1], -1)
        return frames

    def mouths(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T m m"]:
        """Normalised grey mouths of faces."""
        top, left, side = mouth_window(clips.shape[-1])
        cut = (clips[..., top : top + side, left : left + side] * self.grey).sum(dim=2)
        sized = F.interpolate(cut, size=(MOUTH_PX, MOUTH_PX), mode="bilinear", antialias=True)
        return (sized - _MEAN) / _STD

    def learn(self, clips: Float[Tensor, "B T 3 H W"], labels: Int64[Tensor, "B"], objective: Objective) -> Learned:
        """Cross-entropy of each clip."""
        del objective
        output = self(clips)
        return Learned(output, own_loss(F.cross_entropy(output.fusion_logits, labels), output, labels))

    def rename(self, key: str) -> str | None:
        """The backbone's name of a tensor of a lip reader; None of what comes after its backbone."""
        return None if key.startswith("tcn.") else key


class MouthFeatures(nn.Module):
    """A convolution over space and time, and ResNet-18's four stages over each frame."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        first = channels[0]
        self.frontend3D = nn.Sequential(
            nn.Conv3d(1, first, (5, 7, 7), (1, 2, 2), (2, 3, 3), bias=False),
            nn.BatchNorm3d(first),
            nn.PReLU(first),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        )
        self.trunk = nn.Sequential()
        inputs = first
        for number, outputs in enumerate(channels, 1):
            stage = nn.Sequential(
                Basic(inputs, outputs, stride=1 if number == 1 else 2), Basic(outputs, outputs, stride=1)
            )
            self.trunk.add_module(f"layer{number}", stage)
            inputs = outputs
        self.width = inputs

    def forward(self, mouths: Float[Tensor, "B 1 T m m"]) -> Float[Tensor, "B C T h w"]:
        """Feature maps of normalised mouths."""
        maps = self.frontend3D(mouths)
        frames: Tensor = self.trunk(maps.transpose(1, 2).flatten(0, 1))
        return frames.reshape(len(maps), -1, *frames.shape[1:]).transpose(1, 2)


class Basic(nn.Module):
    """Two convolutions with a way around them."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.PReLU(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, maps: Float[Tensor, "F C h w"]) -> Float[Tensor, "F D k l"]:
        """Maps, half as large where the block has a stride."""
        inner = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(maps)))))
        found: Tensor = self.relu2(inner + self.downsample(maps))
        return found


class Scales(nn.Module):
    """Convolutions over 3, 5 and 7 frames side by side, twice, with a way around them."""

    def __init__(self, inputs: int, branch: int, *, dilation: int) -> None:
        super().__init__()
        outputs = branch * len(_KERNELS)
        self.first = nn.ModuleList(_over_time(inputs, branch, kernel, dilation) for kernel in _KERNELS)
        self.second = nn.ModuleList(_over_time(outputs, branch, kernel, dilation) for kernel in _KERNELS)
        self.drop = nn.Dropout(_DROPOUT)
        self.around = nn.Conv1d(inputs, outputs, 1)
        self.activate = nn.PReLU(outputs)

    def forward(self, frames: Float[Tensor, "B C T"]) -> Float[Tensor, "B D T"]:
        """As many frames."""
        inner = self.drop(torch.cat([each(frames) for each in self.first], dim=1))
        inner = self.drop(torch.cat([each(inner) for each in self.second], dim=1))
        found: Tensor = self.activate(inner + self.around(frames))
        return found


def mouth_window(size_px: int) -> tuple[int, int, int]:
    """Where mouths lie in a square crop of a face: first row, first column, and side, in pixels.

    Source: MTCNN's points in 99 frames of 40 real videos; in crops of 1.3 times the face's box the middle of a mouth's
    corners lies at 0.711 of the height and 0.506 of the width (standard deviations 0.02 and 0.05), and the eyes are
    0.263 apart. The window is 1.5 of that.
    """
    side = max(2, round(0.4 * size_px))
    return round(0.711 * size_px - side / 2), round(0.506 * size_px - side / 2), side


def _over_time(inputs: int, outputs: int, kernel: int, dilation: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, kernel, padding=(kernel - 1) * dilation // 2, dilation=dilation),
        nn.BatchNorm1d(outputs),
        nn.PReLU(outputs),
    )


SYSTEM = System(
    name=NAME,
    title="LipForensics",
    architecture=LipForensicsConfig.from_dict,
    configure=options_alone(LipForensicsConfig),
    network=LipForensics,
    objective=only_alone,
    is_faithful=False,
    differs="mouths are cut at a fixed place of the crop, and without weights given nothing is known of lip reading.",
    has_imagenet=False,
    small={"width": 0.125},
)
