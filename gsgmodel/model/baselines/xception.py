"""Xception over single frames, as FaceForensics++ trains it.

Faithful: 36 convolutions, frames' probabilities averaged; all layers are trained from the start and by this project's
optimiser, where FaceForensics++ trains the last one alone first, with Adam. Tensors have the names of the published
ports to PyTorch, so that their files load; torchvision has no weights for it.

Source: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017, Fig. 5; Roessler et al.,
"FaceForensics++: Learning to Detect Manipulated Facial Images", ICCV 2019, section 4.1.1 and appendix.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from gsgmodel.errors import ConfigError
from gsgmodel.model.config import FramePooling
from gsgmodel.model.network import HALF, OneStream
from gsgmodel.model.system import OneStreamConfig, System, only_alone, options_alone

NAME = "xception"
BLOCKS = 12
_STEM = (32, 64)
_BLOCK_CHANNELS = (64, 128, 256, *(728,) * 9, 1024)
_TAIL = (1536, 2048)
_STRIDED = (1, 2, 3, 12)
_LEAST = 4
_KERNEL = 3
_PREFIXES = ("backbone.", "model.", "module.")
_HEADS = ("fc.", "last_linear.")


@dataclass(frozen=True, kw_only=True)
class XceptionConfig(OneStreamConfig):
    """Xception; ``width`` is the share of its channels.

    Raises:
        ConfigError: The width is out of range.
    """

    system: ClassVar[str] = NAME
    crop_size_px: int = 299
    width: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_width(self.width)


def check_width(width: float) -> None:
    """Refuse a share of channels that leaves none, or more than there are.

    Raises:
        ConfigError: It is out of range.
    """
    if not 1 / 16 <= width <= 1:
        raise ConfigError(f"width is {width}; accepted is 0.0625 to 1")


def narrowed(channels: int, width: float) -> int:
    """So many channels of a layer, at least a few."""
    return max(_LEAST, round(channels * width))


class SeparableConv(nn.Module):
    """A convolution of each channel, and one of all channels at each place."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inputs, _KERNEL, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, maps: Float[Tensor, "F C h w"]) -> Float[Tensor, "F D h w"]:
        """Maps of the same size."""
        found: Tensor = self.pointwise(self.conv1(maps))
        return found


class Block(nn.Module):
    """Two or three separable convolutions with a way around them."""

    def __init__(self, channels: Sequence[int], *, stride: int, is_first: bool) -> None:
        super().__init__()
        inputs, outputs = channels[0], channels[-1]
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [nn.ReLU(), SeparableConv(before, after), nn.BatchNorm2d(after)]
        if is_first:
            layers = layers[1:]
        if stride > 1:
            layers.append(nn.MaxPool2d(_KERNEL, stride, 1))
        self.rep = nn.Sequential(*layers)
        self.skip: nn.Module = nn.Identity()
        self.skipbn: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.skip = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.skipbn = nn.BatchNorm2d(outputs)

    def forward(self, maps: Float[Tensor, "F C h w"]) -> Float[Tensor, "F D k l"]:
        """Maps, half as large where the block has a stride."""
        found: Tensor = self.rep(maps) + self.skipbn(self.skip(maps))
        return found


class XceptionFeatures(nn.Module):
    """Xception's layers up to one of its blocks, or all of them."""

    def __init__(self, *, width: float = 1.0, blocks: int = BLOCKS) -> None:
        super().__init__()
        first, second = (narrowed(each, width) for each in _STEM)
        self.conv1 = nn.Conv2d(3, first, _KERNEL, stride=2, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.conv2 = nn.Conv2d(first, second, _KERNEL, bias=False)
        self.bn2 = nn.BatchNorm2d(second)
        self.relu = nn.ReLU(inplace=True)
        channels = [narrowed(each, width) for each in _BLOCK_CHANNELS]
        self.num_blocks = blocks
        for number in range(1, blocks + 1):
            setattr(self, f"block{number}", _block(number, channels[number - 1], channels[number]))
        self.width = channels[blocks]
        self.tail = blocks == BLOCKS
        if self.tail:
            third, fourth = (narrowed(each, width) for each in _TAIL)
            self.conv3, self.bn3 = SeparableConv(self.width, third), nn.BatchNorm2d(third)
            self.conv4, self.bn4 = SeparableConv(third, fourth), nn.BatchNorm2d(fourth)
            self.width = fourth

    def forward(self, pictures: Float[Tensor, "F 3 H W"]) -> Float[Tensor, "F C h w"]:
        """Feature maps of normalised pictures."""
        maps = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(pictures))))))
        for number in range(1, self.num_blocks + 1):
            maps = getattr(self, f"block{number}")(maps)
        if self.tail:
            maps = self.relu(self.bn4(self.conv4(self.relu(self.bn3(self.conv3(maps))))))
        found: Tensor = maps
        return found


def our_name(key: str) -> str | None:
    """A published tensor's name among the features; None of a classifier's."""
    for prefix in _PREFIXES:
        key = key.removeprefix(prefix)
    return None if key.startswith(_HEADS) else key


class Xception(OneStream):
    """Xception over each frame."""

    averages: ClassVar[FramePooling] = "probabilities"

    def __init__(self, config: XceptionConfig) -> None:
        super().__init__(config, mean=HALF, std=HALF)
        self.backbone = XceptionFeatures(width=config.width)
        self.classify = nn.Linear(self.backbone.width, 2)

    def judge(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T 2"]:
        """Logits of each frame of normalised clips."""
        features = self.backbone(clips.flatten(0, 1)).mean(dim=(-2, -1))
        logits: Tensor = self.classify(features)
        return logits.reshape(*clips.shape[:2], 2)

    def rename(self, key: str) -> str | None:
        """The backbone's name of a published tensor."""
        return our_name(key)


def _block(number: int, inputs: int, outputs: int) -> Block:
    inner = inputs if number == BLOCKS else outputs
    repeated = [outputs] if number in _STRIDED else [outputs, outputs]
    return Block([inputs, inner, *repeated], stride=2 if number in _STRIDED else 1, is_first=number == 1)


SYSTEM = System(
    name=NAME,
    title="Xception",
    architecture=XceptionConfig.from_dict,
    configure=options_alone(XceptionConfig),
    network=Xception,
    objective=only_alone,
    is_faithful=True,
    differs="all layers are trained from the start, by the optimiser that all systems share.",
    has_imagenet=False,
    small={"width": 0.125},
)
