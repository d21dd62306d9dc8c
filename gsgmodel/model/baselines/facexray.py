"""Face X-ray: where a face was blended into a picture, learned from real pictures alone that are blended on the way.

Approximate, as no code was published: HRNet-W48 predicts the X-ray, and its mean the class. Blended pictures are made
from real clips of the batch: the face of one is laid over another's within an ellipse at the mean place of MTCNN's
points, bent at random, instead of the hull of dense landmarks of the nearest neighbour; X-rays are compared at a
quarter of the crop's side; and labelled fakes, whose X-ray nobody knows, are learned from by their label too.

Source: Li et al., "Face X-ray for More General Face Forgery Detection", CVPR 2020, sections 3 and 4; Wang et al., "Deep
High-Resolution Representation Learning for Visual Recognition", PAMI 2020, section 3.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from gsgmodel.errors import ConfigError
from gsgmodel.model.baselines.hrnet import HRNet
from gsgmodel.model.config import FramePooling
from gsgmodel.model.network import Learned, OneStream, own_loss
from gsgmodel.model.objective import Objective
from gsgmodel.model.output import one_stream
from gsgmodel.model.system import OneStreamConfig, System, only_alone, options_alone
from gsgmodel.model.temporal import pool_frames

NAME = "facexray"
_XRAY_WEIGHT = 100.0
"""Of the X-ray's loss next to the class's."""
_CENTRE = (0.506, 0.56)
"""Of faces in crops, across and down: between MTCNN's eyes, nose and mouth (``lipforensics.mouth_window``)."""
_RADII = (0.22, 0.27)
_BENT, _EDGE = 0.15, (0.05, 0.35)
_SMALL = 1e-5


@dataclass(frozen=True, kw_only=True)
class FaceXrayConfig(OneStreamConfig):
    """Face X-ray on an HRNet of that ``width``.

    Raises:
        ConfigError: The width is out of range.
    """

    system: ClassVar[str] = NAME
    crop_size_px: int = 256
    width: int = 48

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 4 <= self.width <= 64:  # noqa: PLR2004
            raise ConfigError(f"width is {self.width}; accepted is 4 to 64")

    @property
    def backbone(self) -> str:
        """What the features come from, for people."""
        return f"hrnet-w{self.width}"


class FaceXray(OneStream):
    """HRNet, the X-ray that it predicts of each frame, and the class of its mean."""

    averages: ClassVar[FramePooling] = "probabilities"

    def __init__(self, config: FaceXrayConfig) -> None:
        super().__init__(config)
        self.backbone = HRNet(config.width)
        self.xray = nn.Conv2d(self.backbone.width, 1, 1)
        self.classify = nn.Linear(1, 2)

    def judge(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T 2"]:
        """Logits of each frame of normalised clips."""
        return self._class_of(self._xrays(clips.flatten(0, 1))).reshape(*clips.shape[:2], 2)

    def learn(self, clips: Float[Tensor, "B T 3 H W"], labels: Int64[Tensor, "B"], objective: Objective) -> Learned:
        """Cross-entropy of frames, of blended ones too, and of the X-ray where it is known."""
        del objective
        real = clips[labels == 0]
        made, masks = blend(real) if self.training and len(real) else (real[:0], real[:0, 0, :1])
        both = torch.cat([clips, made])
        wanted = torch.cat([labels, labels.new_ones(len(made))])
        xrays = self._xrays(((both - self.mean) / self.std).flatten(0, 1))
        frames = self._class_of(xrays).reshape(*both.shape[:2], 2)
        output = one_stream(pool_frames(frames[: len(clips)], by=self.averages), frames[: len(clips)])
        total = F.cross_entropy(frames.flatten(0, 1), wanted.repeat_interleave(clips.shape[1]))
        if len(real):
            known = torch.cat([labels == 0, labels.new_ones(len(made)).bool()])
            said = xrays.reshape(*both.shape[:2], *xrays.shape[-2:])[known]
            total = total + _XRAY_WEIGHT * F.binary_cross_entropy_with_logits(said, true_xrays(masks, said))
        return Learned(output, own_loss(total, output, labels))

    def _xrays(self, pictures: Float[Tensor, "F 3 H W"]) -> Float[Tensor, "F h w"]:
        logits: Tensor = self.xray(self.backbone(pictures))[:, 0].float()
        return logits

    def _class_of(self, xrays: Float[Tensor, "F h w"]) -> Float[Tensor, "F 2"]:
        logits: Tensor = self.classify(xrays.sigmoid().mean(dim=(-2, -1))[:, None])
        return logits.float()


def blend(
    clips: Float[Tensor, "R T 3 H W"],
) -> tuple[Float[Tensor, "R T 3 H W"], Float[Tensor, "R 1 H W"]]:
    """Lay the face of each clip's neighbour over it, and return how much of it shows at each place.

    Args:
        clips: Real ones, 0 to 1; one that is alone gets its own face, mirrored.
    """
    others = clips.roll(1, dims=0) if len(clips) > 1 else clips.flip(-1)
    masks = face_masks(len(clips), clips.shape[-1], device=clips.device)
    weights = masks[:, None].expand(-1, clips.shape[1], -1, -1, -1)
    return torch.lerp(clips, recoloured(others, clips, weights), weights), masks


def true_xrays(masks: Float[Tensor, "M 1 H W"], like: Float[Tensor, "K T h w"]) -> Float[Tensor, "K T h w"]:
    """X-rays of clips, of which the last were blended with these masks and the others not at all (Eq. 2).

    Args:
        masks: Of as many clips as were blended.
        like: What was said of all of them.
    """
    truth = torch.zeros_like(like)
    if len(masks):
        small = F.interpolate(masks, size=like.shape[-2:], mode="area")
        truth[-len(masks) :] = 4 * small * (1 - small)
    return truth


def recoloured(
    faces: Float[Tensor, "R T 3 H W"], like: Float[Tensor, "R T 3 H W"], weights: Float[Tensor, "R T 1 H W"]
) -> Float[Tensor, "R T 3 H W"]:
    """Give faces the mean and the spread of colours that others have where the weights are."""
    total = weights.sum(dim=(-2, -1), keepdim=True) + _SMALL

    def moments(pictures: Tensor) -> tuple[Tensor, Tensor]:
        mean = (weights * pictures).sum(dim=(-2, -1), keepdim=True) / total
        return mean, ((weights * (pictures - mean) ** 2).sum(dim=(-2, -1), keepdim=True) / total + _SMALL).sqrt()

    (mean, spread), (wanted_mean, wanted_spread) = moments(faces), moments(like)
    return ((faces - mean) / spread * wanted_spread + wanted_mean).clamp(0, 1)


def face_masks(count: int, size: int, *, device: torch.device) -> Float[Tensor, "R 1 S S"]:
    """Ellipses about where faces are, bent at random, with edges from sharp to soft; 0 to 1."""
    line = torch.linspace(0, 1, size, device=device)
    across, down = (line[None, :] - _CENTRE[0]) / _RADII[0], (line[:, None] - _CENTRE[1]) / _RADII[1]
    angle, radius = torch.atan2(down, across), torch.hypot(down, across)
    waves = torch.arange(1, 4, device=device).view(1, 3, 1, 1)
    strength = (torch.rand(count, 3, 1, 1, device=device) * 2 - 1) * _BENT
    phase = torch.rand(count, 3, 1, 1, device=device) * 2 * torch.pi
    bent = 1 + (strength * torch.cos(waves * angle + phase)).sum(dim=1, keepdim=True)
    edge = torch.empty(count, 1, 1, 1, device=device).uniform_(*_EDGE)
    return ((bent - radius) / edge + 0.5).clamp(0, 1)


SYSTEM = System(
    name=NAME,
    title="Face X-ray",
    architecture=FaceXrayConfig.from_dict,
    configure=options_alone(FaceXrayConfig),
    network=FaceXray,
    objective=only_alone,
    is_faithful=False,
    differs="no code was published; masks are bent ellipses in place of landmarks' hulls, and labelled fakes are used.",
    has_imagenet=False,
    small={"width": 8},
)
