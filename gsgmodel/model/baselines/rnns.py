"""RNNs: a recurrent network over features of aligned faces.

Approximate, as no code was published: DenseNet-121 and a bidirectional GRU as in the paper's best row; faces are
cropped without alignment by landmarks, the GRU's width is ours, and logits are averaged over its steps.

Source: Sabir et al., "Recurrent Convolutional Strategies for Face Manipulation Detection in Videos", CVPR Workshops
2019, section 3 and Table 2.
"""

import gsgmodel.quick_torchvision  # noqa: F401, before torchvision

# isort: split
import re
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch.nn.functional as F
import torchvision
from jaxtyping import Float, Int64
from torch import Tensor, nn

from gsgmodel.errors import ConfigError
from gsgmodel.model.backbone import FeatureMaps, ResNet, TinyNet, load_backbone_weights, make_backbone
from gsgmodel.model.network import Learned, OneStream, own_loss
from gsgmodel.model.objective import Objective
from gsgmodel.model.pretrained import load_pretrained
from gsgmodel.model.system import OneStreamConfig, System, only_alone, options_alone

NAME = "rnns"
_OLD_NAME = re.compile(r"^(.*denselayer\d+\.(?:norm|conv))\.([12]\.)")


@dataclass(frozen=True, kw_only=True)
class RNNsConfig(OneStreamConfig):
    """Features of frames, and a bidirectional GRU of ``hidden`` units a direction.

    Raises:
        ConfigError: The GRU's width is out of range.
    """

    system: ClassVar[str] = NAME
    frames_per_clip: int = 5
    backbone: Literal["densenet121", "resnet50", "tiny"] = "densenet121"
    hidden: int = 512

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.hidden <= 4096:  # noqa: PLR2004
            raise ConfigError(f"hidden is {self.hidden}; accepted is 1 to 4096")


class RNNs(OneStream):
    """Features of each frame, and a bidirectional GRU over them."""

    def __init__(self, config: RNNsConfig) -> None:
        super().__init__(config)
        self.backbone: DenseFeatures | ResNet | TinyNet
        if config.backbone == "densenet121":
            self.backbone = DenseFeatures()
        else:
            self.backbone = make_backbone(config.backbone)
        self.unit = nn.GRU(self.backbone.width, config.hidden, batch_first=True, bidirectional=True)
        self.classify = nn.Linear(2 * config.hidden, 2)

    def judge(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B T 2"]:
        """Logits after each frame of normalised clips."""
        maps = self.top_of(self.backbone(clips.flatten(0, 1)))
        features = maps.float().mean(dim=(-2, -1)).reshape(*clips.shape[:2], -1)
        logits: Tensor = self.classify(self.unit(features)[0])
        return logits

    def learn(self, clips: Float[Tensor, "B T 3 H W"], labels: Int64[Tensor, "B"], objective: Objective) -> Learned:
        """Cross-entropy of each clip."""
        del objective
        output = self(clips)
        return Learned(output, own_loss(F.cross_entropy(output.fusion_logits, labels), output, labels))

    def top_of(self, maps: Tensor | FeatureMaps) -> Tensor:
        """The last map."""
        return maps.top if isinstance(maps, FeatureMaps) else maps

    def load_backbone(self, source: str) -> None:
        """Put weights into the backbone, as ``ClipNetwork`` has it."""
        if isinstance(self.backbone, DenseFeatures):
            name = "densenet121"
            load_pretrained(self.backbone, source, name=name, published=name, rename=dense_name)
        else:
            load_backbone_weights(self.backbone, name=self.config.backbone, source=source)  # type: ignore[arg-type]


class DenseFeatures(nn.Module):
    """DenseNet-121 without its classifier."""

    def __init__(self) -> None:
        super().__init__()
        net = torchvision.models.densenet121(weights=None)
        self.features = net.features
        self.width: int = net.classifier.in_features

    def forward(self, pictures: Float[Tensor, "F 3 H W"]) -> Float[Tensor, "F C h w"]:
        """Feature maps of normalised pictures."""
        return F.relu(self.features(pictures))


def dense_name(key: str) -> str | None:
    """The name of a tensor that torchvision publishes under a name from before; None of the classifier's."""
    return None if key.startswith("classifier.") else _OLD_NAME.sub(r"\1\2", key)


SYSTEM = System(
    name=NAME,
    title="RNNs",
    architecture=RNNsConfig.from_dict,
    configure=options_alone(RNNsConfig),
    network=RNNs,
    objective=only_alone,
    is_faithful=False,
    differs="no code was published; faces are cropped without alignment, and the width of the GRU is ours.",
    has_imagenet=True,
    small={"backbone": "tiny", "hidden": 64},
)
