"""FTCN: convolutions that see nothing but time, and a transformer over it.

Faithful: I3D-ResNet-50 up to its fourth stage with spatial kernels of 1, and the time transformer, as the authors' code
for testing builds them; it starts from random weights, and their code for training was not published.

Source: Zheng et al., "Exploring Temporal Coherence for More General Video Face Forgery Detection", ICCV 2021, section
3; 6.35 million parameters of convolutions and 8.43 million of the transformer, counted from the authors' code.
"""

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

NAME = "ftcn"
_STEM, _STEM_FRAMES = 64, 5
_STAGES = ((3, 256, (3, 3, 3)), (4, 512, (3, 1, 3, 1)), (6, 1024, (3, 1, 3, 1, 3, 1)))
"""Blocks, channels, and frames that each block's first convolution sees."""
_HEADS, _HEAD_WIDTH, _WIDEN = 16, 64, 2
_DROPOUT = 0.1


@dataclass(frozen=True, kw_only=True)
class FTCNConfig(OneStreamConfig):
    """FTCN; ``width`` is the share of its channels.

    Raises:
        ConfigError: The width is out of range.
    """

    system: ClassVar[str] = NAME
    frames_per_clip: int = 32
    width: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_width(self.width)


class FTCN(OneStream):
    """Features of the same place over time, averaged over places, and a transformer over frames."""

    def __init__(self, config: FTCNConfig) -> None:
        super().__init__(config)
        self.backbone = TimeFeatures(config.width)
        self.transformer = TimeTransformer(
            self.backbone.width, num_frames=config.frames_per_clip, heads=max(1, round(_HEADS * config.width))
        )

    def judge(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T 2"]:
        """Logits of normalised clips, the same for each of their frames."""
        maps = self.backbone(clips.transpose(1, 2))
        logits = self.transformer(maps.float().mean(dim=(-2, -1)).transpose(1, 2))
        frames: Tensor = logits[:, None].expand(-1, clips.shape[1], -1)
        return frames

    def learn(self, clips: Float[Tensor, "B T 3 H W"], labels: Int64[Tensor, "B"], objective: Objective) -> Learned:
        """Cross-entropy of each clip."""
        del objective
        output = self(clips)
        return Learned(output, own_loss(F.cross_entropy(output.fusion_logits, labels), output, labels))


class TimeFeatures(nn.Module):
    """I3D-ResNet-50 up to its fourth stage, each kernel 1 x 1 in space; time is never strided."""

    def __init__(self, width: float) -> None:
        super().__init__()
        inputs = round(_STEM * width)
        self.stem = nn.Sequential(
            nn.Conv3d(3, inputs, (_STEM_FRAMES, 1, 1), padding=(_STEM_FRAMES // 2, 0, 0), bias=False),
            nn.BatchNorm3d(inputs),
            _shrunk(2),
            nn.ReLU(inplace=True),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        )
        blocks: list[nn.Module] = []
        for stage, (number, channels, frames) in enumerate(_STAGES):
            outputs = round(channels * width)
            for block in range(number):
                stride = 2 if stage and not block else 1
                blocks.append(Bottleneck(inputs, outputs, frames=frames[block], stride=stride))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.width = inputs

    def forward(self, clips: Float[Tensor, "B 3 T H W"]) -> Float[Tensor, "B C T h w"]:
        """Feature maps of normalised clips."""
        found: Tensor = self.blocks(self.stem(clips))
        return found


class Bottleneck(nn.Module):
    """Three convolutions, the first over time, with a way around them; a stride is a maximum over places."""

    def __init__(self, inputs: int, outputs: int, *, frames: int, stride: int) -> None:
        super().__init__()
        inner = outputs // 4
        self.rep = nn.Sequential(
            nn.Conv3d(inputs, inner, (frames, 1, 1), padding=(frames // 2, 0, 0), bias=False),
            nn.BatchNorm3d(inner),
            nn.ReLU(inplace=True),
            nn.Conv3d(inner, inner, 1, bias=False),
            nn.BatchNorm3d(inner),
            _shrunk(stride),
            nn.ReLU(inplace=True),
            nn.Conv3d(inner, outputs, 1, bias=False),
            nn.BatchNorm3d(outputs),
        )
        self.skip: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.skip = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, bias=False), nn.BatchNorm3d(outputs), _shrunk(stride)
            )

    def forward(self, maps: Float[Tensor, "B C T h w"]) -> Float[Tensor, "B D T k l"]:
        """Maps, half as large where the block has a stride."""
        return F.relu(self.rep(maps) + self.skip(maps))


class TimeTransformer(nn.Module):
    """One layer of attention over frames and a token that stands for the clip."""

    def __init__(self, width: int, *, num_frames: int, heads: int) -> None:
        super().__init__()
        self.heads, inner = heads, heads * _HEAD_WIDTH
        self.token = nn.Parameter(torch.zeros(1, 1, width).normal_())
        self.places = nn.Parameter(torch.zeros(1, num_frames + 1, width).normal_())
        self.norm = nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * inner, bias=False)
        self.answer = nn.Linear(inner, width)
        self.think = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, _WIDEN * width),
            nn.GELU(),
            nn.Dropout(_DROPOUT),
            nn.Linear(_WIDEN * width, width),
            nn.Dropout(_DROPOUT),
        )
        self.drop = nn.Dropout(_DROPOUT)
        self.classify = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2))

    def forward(self, frames: Float[Tensor, "B t D"]) -> Float[Tensor, "B 2"]:
        """Logits of clips, of as many frames as there are places or fewer."""
        tokens = torch.cat([self.token.expand(len(frames), -1, -1), frames], dim=1)
        tokens = self.drop(tokens + self.places[:, : tokens.shape[1]])
        asked = self.ask(self.norm(tokens)).unflatten(-1, (3, self.heads, _HEAD_WIDTH)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(asked[0], asked[1], asked[2])
        tokens = tokens + self.drop(self.answer(seen.transpose(1, 2).flatten(2)))
        tokens = tokens + self.think(tokens)
        logits: Tensor = self.classify(tokens[:, 0])
        return logits


def _shrunk(stride: int) -> nn.Module:
    return nn.MaxPool3d((1, stride, stride)) if stride > 1 else nn.Identity()


SYSTEM = System(
    name=NAME,
    title="FTCN",
    architecture=FTCNConfig.from_dict,
    configure=options_alone(FTCNConfig),
    network=FTCN,
    objective=only_alone,
    is_faithful=True,
    differs="the network is that of the authors' code for testing; faces are not aligned, and the training is ours.",
    has_imagenet=False,
    small={"width": 0.125},
)
