"""MaDD: several attention maps, textures of an early layer, and bilinear pooling.

Approximate: EfficientNet-B4 with M = 4 maps of its layer b5 and textures of b1, the regional independence loss, and
attention-guided drop, as the authors' code sets them; textures are enhanced by one dense block that all maps share
instead of one a map, and the match loss between both passes is left out.

Source: Zhao et al., "Multi-attentional Deepfake Detection", CVPR 2021, section 3; settings of the authors' code.
"""

import gsgmodel.quick_torchvision  # noqa: F401, before torchvision

# isort: split
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
import torchvision
from jaxtyping import Float, Int64
from torch import Tensor, nn

from gsgmodel.errors import ConfigError
from gsgmodel.model.backbone import TinyNet
from gsgmodel.model.config import FramePooling
from gsgmodel.model.network import HALF, Learned, OneStream, own_loss
from gsgmodel.model.objective import Objective
from gsgmodel.model.output import one_stream
from gsgmodel.model.system import OneStreamConfig, System, only_alone, options_alone
from gsgmodel.model.temporal import pool_frames

NAME = "madd"
_WIDTH, _DROP_MAP, _DROP_FINAL = 256, 0.25, 0.5
_CENTRE_RATE, _MARGIN, _INNER = 0.05, 0.5, (0.1, -2.0)
_REGION_WEIGHT, _GUIDED_WEIGHT = 0.5, 1.0
_DROP_AT, _DROP_ZOOM, _NOISE, _BLUR = (0.4, 0.6), (3.0, 5.0), 0.1, 11
_GROWTHS = 4
"""Parts of the dense block that textures are enhanced by."""
_SMALL = 1e-8


@dataclass(frozen=True, kw_only=True)
class MaDDConfig(OneStreamConfig):
    """MaDD with so many attention ``maps``.

    Raises:
        ConfigError: The number of maps is out of range.
    """

    system: ClassVar[str] = NAME
    crop_size_px: int = 380
    backbone: Literal["efficientnet_b4", "tiny"] = "efficientnet_b4"
    maps: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.maps <= 16:  # noqa: PLR2004
            raise ConfigError(f"maps is {self.maps}; accepted is 1 to 16")


class Layers(NamedTuple):
    """What the backbone makes of pictures."""

    early: Float[Tensor, "F c h w"]
    """Textures are taken from it."""
    late: Float[Tensor, "F d k l"]
    """Attention maps are made of it."""
    top: Float[Tensor, "F C m n"]


class Seen(NamedTuple):
    """What the network makes of pictures."""

    logits: Float[Tensor, "F 2"]
    attention: Float[Tensor, "F M k l"]
    coarse: Float[Tensor, "F M c"]
    """What each map pools of the early layer's coarse part, for the regional loss."""


class MaDD(OneStream):
    """Attention maps pool textures, and their sum the last map; both are judged together."""

    averages: ClassVar[FramePooling] = "probabilities"
    centres: Tensor

    def __init__(self, config: MaDDConfig) -> None:
        super().__init__(config, mean=HALF, std=HALF)
        self.backbone = TinyLayers() if config.backbone == "tiny" else EfficientLayers()
        early, late, top = self.backbone.widths
        self.attend = nn.Sequential(
            nn.Conv2d(late, late, 3, padding=1),
            nn.BatchNorm2d(late),
            nn.ReLU(inplace=True),
            nn.Conv2d(late, config.maps, 1, bias=False),
            nn.BatchNorm2d(config.maps),
            nn.ELU(),
        )
        self.enhance = Textures(early)
        self.drop_map, self.drop_final = nn.Dropout2d(_DROP_MAP), nn.Dropout(_DROP_FINAL)
        self.of_textures = nn.Sequential(
            nn.Linear(config.maps * early, _WIDTH), nn.Hardswish(), nn.Linear(_WIDTH, _WIDTH), nn.Hardswish()
        )
        self.of_top = nn.Sequential(nn.Linear(top, _WIDTH), nn.Hardswish())
        self.classify = nn.Sequential(nn.Linear(2 * _WIDTH, _WIDTH), nn.Hardswish(), nn.Linear(_WIDTH, 2))
        self.register_buffer("centres", torch.zeros(config.maps, early))

    def judge(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T 2"]:
        """Logits of each frame of normalised clips."""
        return self._see(clips.flatten(0, 1)).logits.reshape(*clips.shape[:2], 2)

    def learn(self, clips: Float[Tensor, "B T 3 H W"], labels: Int64[Tensor, "B"], objective: Objective) -> Learned:
        """Cross-entropy of frames, and of frames with what one map looks at blurred; and the regional loss of both."""
        del objective
        pictures = ((clips - self.mean) / self.std).flatten(0, 1)
        wanted = labels.repeat_interleave(clips.shape[1])
        # Both at once: a network that is shared between processes may be run only once a step.
        with torch.no_grad():
            guide = self._see(pictures).attention if self.training else None
        both = pictures if guide is None else torch.cat([pictures, dropped(pictures, guide)])
        seen = self._see(both)
        parts = [slice(start, start + len(wanted)) for start in range(0, len(both), len(wanted))]
        losses = [
            F.cross_entropy(seen.logits[part].float(), wanted)
            + _REGION_WEIGHT * self._regional(seen.coarse[part], wanted)
            for part in parts
        ]
        total = losses[0] + _GUIDED_WEIGHT * sum(losses[1:], torch.zeros_like(losses[0]))
        frames = seen.logits[parts[0]].float().reshape(*clips.shape[:2], 2)
        output = one_stream(pool_frames(frames, by=self.averages), frames)
        return Learned(output, own_loss(total, output, labels))

    def top_of(self, maps: Any) -> Tensor:
        """The last map."""
        found: Tensor = maps.top
        return found

    @property
    def published(self) -> str | None:
        """Name at torchvision of the network whose ImageNet weights fit the backbone."""
        return None if isinstance(self.backbone, TinyLayers) else self.config.backbone

    def rename(self, key: str) -> str | None:
        """The backbone's name of a tensor of torchvision's network."""
        return None if key.startswith("classifier.") else key

    def _see(self, pictures: Float[Tensor, "F 3 H W"]) -> Seen:
        layers: Layers = self.backbone(pictures)
        attention = self.attend(layers.late) + 1
        coarse = F.adaptive_avg_pool2d(layers.early, attention.shape[-2:])
        textures = self.enhance(layers.early - F.interpolate(coarse, size=layers.early.shape[-2:]))
        kept = self.drop_map(attention.new_ones(*attention.shape[:2], 1, 1))
        pooled = F.normalize(pool_by(attention, textures), dim=-1) * kept[..., 0]
        weights = (attention * kept).sum(dim=1, keepdim=True) + _SMALL
        sized = F.interpolate(weights, size=layers.top.shape[-2:], mode="bilinear", align_corners=True)
        top = (sized * layers.top).sum(dim=(-2, -1)) / sized.sum(dim=(-2, -1))
        features = [self.of_textures(pooled.flatten(1)), self.of_top(self.drop_final(top))]
        standard = (coarse - coarse.mean(dim=(-2, -1), keepdim=True)) / (
            coarse.std(dim=(-2, -1), keepdim=True) + _SMALL
        )
        return Seen(
            logits=self.classify(torch.cat(features, dim=1)),
            attention=attention,
            coarse=F.normalize(pool_by(attention, standard), dim=-1),
        )

    def _regional(self, coarse: Float[Tensor, "F M c"], labels: Int64[Tensor, "F"]) -> Float[Tensor, ""]:
        """Real frames' features near the centre of each map, fakes' away from it, and centres apart (Eq. 3)."""
        is_real = (labels == 0).view(-1, 1, 1)
        centres = self.centres + _CENTRE_RATE * ((coarse - self.centres) * is_real).mean(dim=0)
        inner = coarse.new_tensor(_INNER)[labels]
        within = F.relu((coarse - centres).norm(dim=(1, 2)) * inner.sign() - inner).mean()
        first, second = torch.triu_indices(len(centres), len(centres), offset=1, device=coarse.device)
        apart = F.relu(_MARGIN - (centres[first] - centres[second] + _SMALL).norm(dim=-1)).sum()
        if self.training:
            self.centres.copy_(centres.detach())
        return within + apart / len(centres) / _CENTRE_RATE


class Textures(nn.Module):
    """A dense block that enhances the fine part of a map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList()
        for number in range(_GROWTHS):
            before = [nn.BatchNorm2d(number * channels), nn.ReLU()] if number else []
            kernel = 3 if number else 1
            conv = nn.Conv2d(max(1, number) * channels, channels, kernel, padding=kernel // 2)
            self.steps.append(nn.Sequential(*before, conv))
        self.join = nn.Sequential(
            nn.BatchNorm2d(_GROWTHS * channels),
            nn.ReLU(),
            nn.Conv2d(_GROWTHS * channels, channels, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )

    def forward(self, fine: Float[Tensor, "F c h w"]) -> Float[Tensor, "F c h w"]:
        """A map of the same shape."""
        grown = self.steps[0](fine)
        for step in list(self.steps)[1:]:
            grown = torch.cat([grown, step(grown)], dim=1)
        found: Tensor = self.join(grown)
        return found


class EfficientLayers(nn.Module):
    """EfficientNet-B4's layers b1 and b5, and its last one."""

    widths = (24, 160, 1792)

    def __init__(self) -> None:
        super().__init__()
        self.features = torchvision.models.efficientnet_b4(weights=None).features

    def forward(self, pictures: Float[Tensor, "F 3 H W"]) -> Layers:
        """Maps at strides 2, 16 and 32."""
        early = self.features[:2](pictures)
        late = self.features[2:6](early)
        return Layers(early=early, late=late, top=self.features[6:](late))


class TinyLayers(nn.Module):
    """Maps of our own small network, at strides 4, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.net = TinyNet(local_from="layer3")
        self.widths = (32, self.net.local_width, self.net.width)

    def forward(self, pictures: Float[Tensor, "F 3 H W"]) -> Layers:
        """Maps of normalised pictures."""
        early = self.net.stem(pictures)
        late = self.net.stages["layer3"](self.net.stages["layer2"](early))
        return Layers(early=early, late=late, top=self.net.stages["layer4"](late))


def pool_by(attention: Float[Tensor, "F M k l"], maps: Float[Tensor, "F c h w"]) -> Float[Tensor, "F M c"]:
    """What each attention map gathers of other maps, which may be larger."""
    sized = F.interpolate(attention, size=maps.shape[-2:], mode="bilinear", align_corners=True)
    return torch.einsum("fmhw,fchw->fmc", sized, maps)


def dropped(pictures: Float[Tensor, "F 3 H W"], attention: Float[Tensor, "F M k l"]) -> Float[Tensor, "F 3 H W"]:
    """Blur each picture where one of its attention maps, drawn by how much it holds, looks."""
    chances = (attention.sum(dim=(-2, -1)) + 1).sqrt()
    drawn = torch.multinomial(chances.float(), 1)[:, :, None, None]
    chosen = attention.gather(1, drawn.expand(-1, 1, *attention.shape[-2:]))
    sized = F.interpolate(chosen, size=pictures.shape[-2:], mode="bilinear", align_corners=True)
    sized = sized / (sized.amax(dim=(-2, -1), keepdim=True) + _SMALL)
    at = float(torch.empty(()).uniform_(*_DROP_AT))
    zoom = float(torch.empty(()).uniform_(*_DROP_ZOOM))
    bottom = torch.sigmoid(torch.tensor(-at * zoom, device=pictures.device))
    share = (torch.sigmoid((sized - at) * zoom) - bottom) / (1 - bottom)
    half = F.interpolate(pictures, scale_factor=0.5, mode="bilinear", align_corners=True)
    blurred = F.avg_pool2d(half, _BLUR, 1, _BLUR // 2, count_include_pad=False)
    rough = F.interpolate(blurred + torch.randn_like(blurred) * _NOISE, size=pictures.shape[-2:], mode="bilinear")
    return torch.lerp(pictures, rough, share)


SYSTEM = System(
    name=NAME,
    title="MaDD",
    architecture=MaDDConfig.from_dict,
    configure=options_alone(MaDDConfig),
    network=MaDD,
    objective=only_alone,
    is_faithful=False,
    differs="maps share one block that enhances textures, and the loss that matches both passes is left out.",
    has_imagenet=True,
    small={"backbone": "tiny"},
)
