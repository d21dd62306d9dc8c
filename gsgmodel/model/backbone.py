"""From pictures to feature maps: torchvision's ResNets, a small network for demos, and pre-trained weights."""

import gsgmodel.quick_torchvision  # noqa: F401, before torchvision

# isort: split
from typing import NamedTuple

import torchvision
from jaxtyping import Float
from torch import Tensor, nn

from gsgmodel.model.config import Backbone, Layer
from gsgmodel.model.pretrained import load_pretrained

TINY_CHANNELS = (16, 32, 64, 96, 160, 512)
"""Channels of ``tiny`` at strides 2, 4, 8, 16 and 32, and of its output."""


class FeatureMaps(NamedTuple):
    """What a backbone makes of pictures."""

    top: Float[Tensor, "F C h w"]
    """Stride 32: 512x7x7 at 224 px, 2048x7x7 with ``resnet50``."""
    local: Float[Tensor, "F D k l"]
    """The map that patches are taken from; ``top`` itself where that is ``layer4``."""


class ResNet(nn.Module):
    """A torchvision ResNet without its classifier.

    Channels are left as the network makes them (512, or 2048 for ``resnet50``); what follows adapts to their number.
    """

    def __init__(self, name: Backbone, *, local_from: Layer = "layer4") -> None:
        super().__init__()
        net = torchvision.models.get_model(name, weights=None)
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        self.stages = nn.ModuleDict({layer: getattr(net, layer) for layer in ("layer1", "layer2", "layer3", "layer4")})
        self.local_from = local_from
        expansion = 4 if name == "resnet50" else 1
        widths = {"layer2": 128 * expansion, "layer3": 256 * expansion, "layer4": 512 * expansion}
        self.width, self.local_width = widths["layer4"], widths[local_from]

    def forward(self, pictures: Float[Tensor, "F 3 H W"]) -> FeatureMaps:
        """Feature maps of normalised pictures."""
        return _run_stages(self.stages, self.stem(pictures), self.local_from)


class TinyNet(nn.Module):
    """A small convolutional network of our own: 512x7x7 at 224 px from 56 million multiply-adds a picture."""

    def __init__(self, *, local_from: Layer = "layer4") -> None:
        super().__init__()
        first, second, third, fourth, fifth, out = TINY_CHANNELS
        self.stem = nn.Sequential(_conv(3, first), _conv(first, second))
        self.stages = nn.ModuleDict(
            {
                "layer2": _conv(second, third),
                "layer3": _conv(third, fourth),
                "layer4": nn.Sequential(_conv(fourth, fifth), _conv(fifth, out, size=1)),
            }
        )
        self.local_from = local_from
        self.width = out
        self.local_width = {"layer2": third, "layer3": fourth, "layer4": out}[local_from]

    def forward(self, pictures: Float[Tensor, "F 3 H W"]) -> FeatureMaps:
        """Feature maps of normalised pictures."""
        return _run_stages(self.stages, self.stem(pictures), self.local_from)


def make_backbone(name: Backbone, *, local_from: Layer = "layer4") -> ResNet | TinyNet:
    """The backbone of that name with initial weights."""
    return TinyNet(local_from=local_from) if name == "tiny" else ResNet(name, local_from=local_from)


def load_backbone_weights(backbone: ResNet | TinyNet, *, name: Backbone, source: str) -> None:
    """Put pre-trained weights into a backbone, in place, before training.

    Args:
        backbone: As made by ``make_backbone(name)``.
        name: Its name.
        source: ``none`` (leave it as it is), ``imagenet`` (torchvision's IMAGENET1K_V1, downloaded once into torch's
            cache), or the path of a ``.safetensors`` or torchvision ``.pth`` file with torchvision's tensor names or
            those of the backbone itself. What cannot be had or does not fit is a ``ConfigError``.
    """
    load_pretrained(
        backbone,
        source,
        name=f"backbone {name!r}" if name == "tiny" else name,
        published=None if name == "tiny" else name,
        rename=_our_name,
    )


def _run_stages(stages: nn.ModuleDict, features: Tensor, local_from: Layer) -> FeatureMaps:
    maps = {}
    for name, stage in stages.items():
        features = stage(features)
        maps[name] = features
    return FeatureMaps(top=features, local=maps[local_from])


def _conv(inputs: int, outputs: int, *, size: int = 3) -> nn.Sequential:
    stride = 2 if size > 1 else 1
    conv = nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _our_name(key: str) -> str | None:
    if key.startswith("fc."):
        return None
    if key.startswith("layer"):
        return f"stages.{key}"
    return key.replace("conv1.", "stem.0.").replace("bn1.", "stem.1.")
