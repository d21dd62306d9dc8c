"""Two-branch: colours and a band of frequencies side by side, memory in both directions, and reals kept together.

Approximate, after the text alone, as no code was ever published: the first dense block of DenseNet-121 on colours, a
second one behind a Laplacian of Gaussian, both fused before the other blocks, a bidirectional LSTM, and a loss that
keeps real clips near a centre and fakes away from it. Radii and widths are ours, and a cross-entropy that teaches the
scale of the distance stands beside that loss.

Source: Masi et al., "Two-branch Recurrent Network for Isolating Deepfakes in Videos", ECCV 2020, sections 3.1 to 3.3.
"""

import gsgmodel.quick_torchvision  # noqa: F401, before torchvision

# isort: split
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
import torchvision
from jaxtyping import Float, Int64
from torch import Tensor, nn

from gsgmodel.errors import ConfigError
from gsgmodel.model.baselines.rnns import dense_name
from gsgmodel.model.network import Learned, OneStream, own_loss
from gsgmodel.model.objective import Objective
from gsgmodel.model.output import one_stream
from gsgmodel.model.pretrained import load_pretrained
from gsgmodel.model.system import OneStreamConfig, System, only_alone, options_alone

NAME = "twobranch"
DENSENET = "densenet121"
_FULL = (32, (6, 12, 24, 16), 64)
"""Growth, layers of each block and first channels of DenseNet-121."""
_SMALL = (8, (2, 2, 2, 2), 16)
_GAUSSIAN = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
_NEAR, _FAR = 0.5, 1.5
"""Distances from the centre, within which real clips are left in peace, and beyond which fakes are."""
_MIDDLE = (_NEAR + _FAR) / 2


@dataclass(frozen=True, kw_only=True)
class TwoBranchConfig(OneStreamConfig):
    """Two branches and an LSTM of ``hidden`` units a direction; a ``small`` DenseNet is for made data.

    Raises:
        ConfigError: A width is out of range.
    """

    system: ClassVar[str] = NAME
    frames_per_clip: int = 5
    hidden: int = 128
    embedding: int = 64
    small: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("hidden", "embedding"):
            if not 1 <= getattr(self, name) <= 4096:  # noqa: PLR2004
                raise ConfigError(f"{name} is {getattr(self, name)}; accepted is 1 to 4096")

    @property
    def backbone(self) -> str:
        """What the features come from, for people."""
        return "a small densenet" if self.small else DENSENET


class TwoBranch(OneStream):
    """The farther a clip lies from the centre of real ones, the more it speaks for fake."""

    def __init__(self, config: TwoBranchConfig) -> None:
        super().__init__(config)
        self.backbone = BranchFeatures(*(_SMALL if config.small else _FULL))
        self.unit = nn.LSTM(self.backbone.width, config.hidden, batch_first=True, bidirectional=True)
        self.embed = nn.Linear(2 * config.hidden, config.embedding)
        self.scale = nn.Parameter(torch.zeros(()))

    def judge(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T 2"]:
        """Logits of normalised clips, the same for each of their frames."""
        return self._logits(self._distance(clips))[:, None].expand(-1, clips.shape[1], -1)

    def learn(self, clips: Float[Tensor, "B T 3 H W"], labels: Int64[Tensor, "B"], objective: Objective) -> Learned:
        """Real clips within one distance of the centre, fakes beyond another, and the cross-entropy of the distance."""
        del objective
        distance = self._distance((clips - self.mean) / self.std)
        logits = self._logits(distance)
        output = one_stream(logits, logits[:, None].expand(-1, clips.shape[1], -1))
        isolating = torch.where(labels == 0, F.relu(distance - _NEAR), F.relu(_FAR - distance)).mean()
        return Learned(output, own_loss(isolating + F.cross_entropy(logits, labels), output, labels))

    def load_backbone(self, source: str) -> None:
        """Put weights into the backbone, as ``ClipNetwork`` has it; the second branch starts from the first one's."""
        published = None if self.config.backbone != DENSENET else DENSENET
        name = self.config.backbone
        load_pretrained(
            self.backbone, source, name=name, published=published, rename=dense_name, complete=self._with_branch
        )

    def _with_branch(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """What is published knows nothing of a second branch: its block is the first one's, the rest stays."""
        first, second = "features.denseblock1.", "band.1."
        copies = {key.replace(first, second): value for key, value in tensors.items() if key.startswith(first)}
        return {**self.backbone.state_dict(), **copies, **tensors} if first in "".join(tensors) else tensors

    def _distance(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B"]:
        features = self.backbone(clips.flatten(0, 1)).float().mean(dim=(-2, -1)).reshape(*clips.shape[:2], -1)
        distance: Tensor = self.embed(self.unit(features)[0].mean(dim=1)).norm(dim=-1)
        return distance

    def _logits(self, distance: Float[Tensor, "B"]) -> Float[Tensor, "B 2"]:
        margin = self.scale.exp() * (distance - _MIDDLE)
        return torch.stack([torch.zeros_like(margin), margin], dim=-1)


class BranchFeatures(nn.Module):
    """A DenseNet whose first block is there twice: for colours, and for a band of frequencies."""

    def __init__(self, growth: int, layers: tuple[int, int, int, int], first: int) -> None:
        super().__init__()
        net = torchvision.models.DenseNet(growth, layers, first, num_classes=1)
        self.features = net.features
        branch = torchvision.models.DenseNet(growth, layers, first, num_classes=1).features
        channels = first + layers[0] * growth
        self.band = nn.Sequential(BandPass(first), branch.denseblock1)
        self.fuse = nn.Sequential(nn.Conv2d(2 * channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())
        self.width: int = net.classifier.in_features

    def forward(self, pictures: Float[Tensor, "F 3 H W"]) -> Float[Tensor, "F C h w"]:
        """Feature maps of normalised pictures."""
        layers = dict(self.features.named_children())
        names = list(layers)
        fork = names.index("denseblock1")
        maps = pictures
        for name in names[:fork]:
            maps = layers[name](maps)
        maps = self.fuse(torch.cat([layers["denseblock1"](maps), self.band(maps)], dim=1))
        for name in names[fork + 1 :]:
            maps = layers[name](maps)
        return F.relu(maps)


class BandPass(nn.Module):
    """A bottleneck, and what remains of its maps without their coarse part: a Laplacian of Gaussian."""

    gaussian: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())
        line = torch.tensor(_GAUSSIAN)
        self.register_buffer("gaussian", torch.outer(line, line)[None, None].repeat(channels, 1, 1, 1))

    def forward(self, maps: Float[Tensor, "F C h w"]) -> Float[Tensor, "F C h w"]:
        """Maps of the same size."""
        maps = self.squeeze(maps)
        padded = F.pad(maps, (2, 2, 2, 2), mode="replicate")
        coarse = F.conv2d(padded, self.gaussian.to(maps.dtype), stride=2, groups=maps.shape[1])
        return maps - F.interpolate(coarse, size=maps.shape[-2:], mode="bilinear")


SYSTEM = System(
    name=NAME,
    title="Two-branch",
    architecture=TwoBranchConfig.from_dict,
    configure=options_alone(TwoBranchConfig),
    network=TwoBranch,
    objective=only_alone,
    is_faithful=False,
    differs="no code was published; fusion, widths and radii are ours, and a cross-entropy stands beside the loss.",
    has_imagenet=True,
    small={"small": True, "hidden": 64},
)
