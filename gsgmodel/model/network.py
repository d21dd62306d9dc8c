"""What every network of a system is, and what those with one stream share."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from gsgmodel.model.config import FramePooling
from gsgmodel.model.loss import LossParts
from gsgmodel.model.objective import Objective
from gsgmodel.model.output import ClipOutput, one_stream
from gsgmodel.model.pretrained import load_pretrained
from gsgmodel.model.system import Architecture, OneStreamConfig
from gsgmodel.model.temporal import pool_frames

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)


class Learned(NamedTuple):
    """What a network says of clips that it learns from, and how far that is from what it should say."""

    output: ClipOutput
    loss: LossParts


class Mapped(NamedTuple):
    """What a network says of one clip, with the maps that each stream's margin can be traced to."""

    output: ClipOutput
    in_global: Tensor | None
    """(T, C, h, w), or (1, C, t, h, w) of a network that looks at several frames at once; None without the stream."""
    in_fusion: Tensor | None


class ClipNetwork(nn.Module, ABC):
    """A network of a system: clips of face crops in, logits out.

    Normalisation of colours is part of it. ``backbone`` starts from weights of others where there are any, learns at
    a rate of its own, and runs in bfloat16 where that is wished.
    """

    config: Architecture
    backbone: nn.Module

    @abstractmethod
    def forward(self, clips: Float[Tensor, "B T 3 H W"]) -> ClipOutput:
        """Judge clips of crops, RGB, 0 to 1."""

    @abstractmethod
    def learn(self, clips: Float[Tensor, "B T 3 H W"], labels: Int64[Tensor, "B"], objective: Objective) -> Learned:
        """Judge clips that are learned from; ``objective`` is what the system made of what the user set."""

    @abstractmethod
    def mapped(self, clips: Float[Tensor, "1 T 3 H W"]) -> Mapped:
        """Judge one clip, and return what Grad-CAM looks at."""

    @abstractmethod
    def features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B D"]:
        """What the backbone makes of clips, averaged over places and frames."""

    @abstractmethod
    def load_backbone(self, source: str) -> None:
        """Put weights into the backbone, in place: ``none`` leaves it as it is, else ``imagenet`` or a path.

        Weights that cannot be had or do not fit are a ``ConfigError``.
        """


class OneStream(ClipNetwork):
    """A network with one stream, whose backbone makes the maps that Grad-CAM looks at.

    By default it judges each frame by itself (``judge``), learns every frame with its clip's label, and averages.
    """

    config: OneStreamConfig
    mean: Tensor
    std: Tensor
    averages: ClassVar[FramePooling] = "logits"
    """What is averaged over frames."""

    def __init__(
        self,
        config: OneStreamConfig,
        *,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))

    @abstractmethod
    def judge(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T 2"]:
        """Logits of each frame of normalised clips."""

    def forward(self, clips: Float[Tensor, "B T 3 H W"]) -> ClipOutput:
        """Judge clips of crops, RGB, 0 to 1."""
        frames = self.judge((clips - self.mean) / self.std).float()
        return one_stream(pool_frames(frames, by=self.averages), frames)

    def learn(self, clips: Float[Tensor, "B T 3 H W"], labels: Int64[Tensor, "B"], objective: Objective) -> Learned:
        """Cross-entropy of each frame with its clip's label."""
        del objective
        output = self(clips)
        frames = output.fusion_frame_logits
        total = F.cross_entropy(frames.flatten(0, 1), labels.repeat_interleave(frames.shape[1]))
        return Learned(output, own_loss(total, output, labels))

    def mapped(self, clips: Float[Tensor, "1 T 3 H W"]) -> Mapped:
        """Judge one clip, and return the backbone's maps of its frames."""
        with caught(self.backbone) as seen:
            output = self(clips)
        return Mapped(output, self.top_of(seen[0]), None)

    def features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B D"]:
        """What the backbone makes of clips, averaged over places and frames."""
        with caught(self.backbone) as seen:
            self(clips)
        top = self.top_of(seen[0])
        mean = top.flatten(2).mean(dim=-1)
        return mean.reshape(len(clips), -1, mean.shape[-1]).mean(dim=1)

    def top_of(self, maps: Any) -> Tensor:
        """The map that Grad-CAM looks at, of what the backbone returns: (F, C, h, w), or (B, C, T, h, w)."""
        found: Tensor = maps
        return found

    @property
    def published(self) -> str | None:
        """Name at torchvision of the network whose ImageNet weights fit the backbone."""
        return None

    def rename(self, key: str) -> str | None:
        """The backbone's name of a published tensor; None for one that is left out."""
        return key

    def load_backbone(self, source: str) -> None:
        """Put weights into the backbone, as ``ClipNetwork`` has it."""
        load_pretrained(
            self.backbone,
            source,
            name=self.config.system,
            published=self.published,
            rename=self.rename,
        )


def own_loss(total: Float[Tensor, ""], output: ClipOutput, labels: Int64[Tensor, "B"]) -> LossParts:
    """A loss of one stream with what is told of every training beside it."""
    logits = output.fusion_logits.detach().float()
    true = logits.softmax(dim=-1).gather(1, labels[:, None]).mean()
    entropy = F.cross_entropy(logits, labels)
    return LossParts(
        total=total, cross_entropy=entropy, guide=torch.zeros_like(entropy), global_true=true, fusion_true=true
    )


@contextmanager
def caught(module: nn.Module) -> Iterator[list[Any]]:
    """Catch what a module returns, each time that it is called, as long as this lasts."""
    seen: list[Any] = []
    hook = module.register_forward_hook(lambda _module, _inputs, maps: seen.append(maps))
    try:
        yield seen
    finally:
        hook.remove()
