"""Patch: a network cut short, so that each place of its map sees only a part of the face and is judged by itself.

Faithful: Xception up to block 2 with a classifier at each place, every place learning its frame's label, and places'
probabilities averaged; faces are cropped as for all systems, not aligned.

Source: Chai et al., "What makes fake images detectable? Understanding properties that generalize", ECCV 2020,
section 3.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from gsgmodel.errors import ConfigError
from gsgmodel.model.baselines.xception import BLOCKS, XceptionFeatures, check_width, our_name
from gsgmodel.model.config import FramePooling
from gsgmodel.model.network import HALF, Learned, OneStream, own_loss
from gsgmodel.model.objective import Objective
from gsgmodel.model.output import ClipOutput, one_stream
from gsgmodel.model.system import OneStreamConfig, System, only_alone, options_alone
from gsgmodel.model.temporal import pool_frames

NAME = "patch"


@dataclass(frozen=True, kw_only=True)
class PatchConfig(OneStreamConfig):
    """Xception up to ``block``; ``width`` is the share of its channels.

    Raises:
        ConfigError: The block or the width is out of range.
    """

    system: ClassVar[str] = NAME
    crop_size_px: int = 299
    block: int = 2
    width: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_width(self.width)
        if not 1 <= self.block < BLOCKS:
            raise ConfigError(f"block is {self.block}; accepted is 1 to {BLOCKS - 1}")

    @property
    def backbone(self) -> str:
        """What the features come from, for people."""
        return f"xception up to block {self.block}"


class PatchNet(OneStream):
    """A truncated Xception and a classifier at each place of its map."""

    averages: ClassVar[FramePooling] = "probabilities"

    def __init__(self, config: PatchConfig) -> None:
        super().__init__(config, mean=HALF, std=HALF)
        self.backbone = XceptionFeatures(width=config.width, blocks=config.block)
        self.classify = nn.Conv2d(self.backbone.width, 2, 1)

    def judge(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T 2"]:
        """Logits of each frame of normalised clips: of the mean probability of its places."""
        return _of_frames(self._of_places(clips))

    def learn(self, clips: Float[Tensor, "B T 3 H W"], labels: Int64[Tensor, "B"], objective: Objective) -> Learned:
        """Cross-entropy of each place of each frame with its clip's label."""
        del objective
        places = self._of_places((clips - self.mean) / self.std)
        output = self._output(places)
        flat = places.flatten(0, 2)
        total = F.cross_entropy(flat, labels.repeat_interleave(len(flat) // len(labels)))
        return Learned(output, own_loss(total, output, labels))

    def rename(self, key: str) -> str | None:
        """The backbone's name of a tensor of the whole Xception; None of what lies beyond the cut."""
        name = our_name(key)
        return name if name in self.backbone.state_dict() else None

    def _of_places(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T P 2"]:
        logits = self.classify(self.backbone(clips.flatten(0, 1))).flatten(2).transpose(1, 2)
        found: Tensor = logits.reshape(*clips.shape[:2], -1, 2).float()
        return found

    def _output(self, places: Float[Tensor, "B T P 2"]) -> ClipOutput:
        frames = _of_frames(places)
        return one_stream(pool_frames(frames, by=self.averages), frames)


def _of_frames(places: Float[Tensor, "B T P 2"]) -> Float[Tensor, "B T 2"]:
    """Logits of the mean probability of places."""
    return pool_frames(places.flatten(0, 1), by="probabilities").reshape(*places.shape[:2], 2)


SYSTEM = System(
    name=NAME,
    title="Patch",
    architecture=PatchConfig.from_dict,
    configure=options_alone(PatchConfig),
    network=PatchNet,
    objective=only_alone,
    is_faithful=True,
    differs="Xception up to block 2; faces are not aligned, and the optimiser is the one that all systems share.",
    has_imagenet=False,
    small={"width": 0.25},
)
