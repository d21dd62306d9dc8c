"""MesoNet: four small convolutions over single frames.

Faithful: Meso-4, each frame judged by itself and frames' probabilities averaged; it is trained with this project's
optimiser instead of Adam, and a softmax of two logits stands for the published sigmoid.

Source: Afchar et al., "MesoNet: a Compact Facial Video Forgery Detection Network", WIFS 2018, section 3.1 and Fig. 4;
27,977 parameters published, with one output.
"""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from gsgmodel.model.config import FramePooling
from gsgmodel.model.network import HALF, OneStream
from gsgmodel.model.system import OneStreamConfig, System, only_alone, options_alone

NAME = "mesonet"
_DROPOUT, _LEAK, _HIDDEN = 0.5, 0.1, 16
_KERNELS, _POOLS = (3, 5, 5, 5), (2, 2, 2, 4)
_CHANNELS = (3, 8, 8, 16, 16)
_STRIDE = 32


@dataclass(frozen=True, kw_only=True)
class MesoNetConfig(OneStreamConfig):
    """Meso-4; the size of its first fully connected layer follows the crops."""

    system: ClassVar[str] = NAME
    crop_size_px: int = 256

    @property
    def backbone(self) -> str:
        """What the features come from, for people."""
        return "meso4"


class MesoNet(OneStream):
    """Meso-4 over each frame."""

    averages: ClassVar[FramePooling] = "probabilities"

    def __init__(self, config: MesoNetConfig) -> None:
        super().__init__(config, mean=HALF, std=HALF)
        self.backbone = nn.Sequential(
            *(
                # The activation comes before the batch statistics, as published.
                nn.Sequential(
                    nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2),
                    nn.ReLU(),
                    nn.BatchNorm2d(outputs),
                    nn.MaxPool2d(pool),
                )
                for inputs, outputs, kernel, pool in zip(_CHANNELS, _CHANNELS[1:], _KERNELS, _POOLS, strict=False)
            )
        )
        cells = config.crop_size_px // _STRIDE
        self.classify = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(_DROPOUT),
            nn.Linear(_CHANNELS[-1] * cells**2, _HIDDEN),
            nn.LeakyReLU(_LEAK),
            nn.Dropout(_DROPOUT),
            nn.Linear(_HIDDEN, 2),
        )

    def judge(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T 2"]:
        """Logits of each frame of normalised clips."""
        logits: Tensor = self.classify(self.backbone(clips.flatten(0, 1)))
        return logits.reshape(*clips.shape[:2], 2)


SYSTEM = System(
    name=NAME,
    title="MesoNet",
    architecture=MesoNetConfig.from_dict,
    configure=options_alone(MesoNetConfig),
    network=MesoNet,
    objective=only_alone,
    is_faithful=True,
    differs="Meso-4 with two logits in place of a sigmoid, trained by the optimiser that all systems share.",
    has_imagenet=False,
)
