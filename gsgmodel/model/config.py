"""The network's architecture as plain data: every choice the paper leaves open, and what its ablations need."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Int64

from gsgmodel.errors import ConfigError
from gsgmodel.model.grid import PATCH_CELLS, Grid, num_patches, patch_boxes_px
from gsgmodel.model.system import System, built

if TYPE_CHECKING:
    from gsgmodel.model.network import ClipNetwork

Numerics = Literal["float32", "bfloat16"]
"""What the backbone computes in when it scores."""
WantedNumerics = Literal["auto", "float32", "bfloat16"]
PAPER = "gsg"
"""Name of the paper's own system."""
UNTRAINED = "untrained"
"""Reference and version of a network that nobody trained: it has no thresholds, and its scores mean nothing."""
Backbone = Literal["resnet18", "resnet34", "resnet50", "tiny"]
Layer = Literal["layer4", "layer3", "layer2"]
Aggregation = Literal["st_gate", "st_softmax", "gate_renorm", "soft_all", "literal"]
TemporalUnit = Literal["sru", "lstm", "gru", "none"]
FramePooling = Literal["logits", "probabilities"]

STRIDE_PX = {"layer4": 32, "layer3": 16, "layer2": 8}
"""Pixels of the crop one cell of each layer's feature map stands for."""
NEEDS_EVERY_PATCH = ("st_softmax", "soft_all")
"""Aggregations that touch patches which were not selected."""
_USUAL_CROP_PX = 224
_LIMITS: dict[str, tuple[float, float]] = {
    "rgb_patch_px": (32, 512),
    "attention_hidden": (1, 4096),
    "num_selected": (1, 4096),
    "hidden": (1, 4096),
    "layers": (1, 8),
    "sru_highway_bias": (-10.0, 10.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GSGConfig:
    """Architecture of a ``GSGModel``. The defaults are the paper, read as the field documentation says.

    Raises:
        ConfigError: A value is out of range or does not go with another; the message names it.
    """

    backbone: Backbone = "resnet34"
    local_from: Layer = "layer4"
    """Layer whose feature map patches are taken from; earlier ones see less around a patch."""
    local_source: Literal["features", "rgb"] = "features"
    """``rgb``: the selected windows are cut from the frame and pass the same backbone (Table 3, RGB patches)."""
    rgb_patch_px: int = 112
    """Side to which such a window is resized before it passes the backbone."""
    streams: Literal["both", "global", "local"] = "both"
    """``global`` and ``local``: one stream alone (Table 3)."""
    feature_fusion: bool = True
    """Off: the second stream is the local feature alone (Table 3, w/o feature fusion)."""
    score_fusion: bool = True
    """Off: the score is the fusion stream's alone (Table 3, w/o score fusion)."""
    grid: Grid = "spread"
    attention_hidden: int = 128
    attention_activation: Literal["relu", "tanh"] = "relu"
    num_selected: int = 5
    """Patches selected in each frame, N of Eq. 2."""
    aggregation: Aggregation = "st_gate"
    """How selected patches are averaged; see ``gsgmodel.model.patches.patch_coefficients``."""
    local_pooling: Literal["mean", "max"] = "mean"
    """Pooling of the averaged 2x2 patch to the size of the global feature."""
    temporal: TemporalUnit = "sru"
    temporal_sharing: Literal["separate", "shared"] = "separate"
    """``shared``: both streams are projected to ``hidden`` and pass one temporal module."""
    hidden: int = 512
    layers: int = 3
    bidirectional: bool = False
    layer_norm: bool = False
    """Whether features are layer-normalised before the temporal module."""
    sru_version: Literal["v2", "v1"] = "v2"
    sru_rescale: bool = False
    """Whether SRU's highway is scaled by sqrt(1 + 2 exp(bias)); off as in the published package's ``SRU``."""
    sru_highway_bias: float = 0.0
    """Initial bias of SRU's reset gate."""
    frame_pooling: FramePooling = "logits"
    """Whether frames are averaged as logits or as probabilities."""

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} is {getattr(self, name)}; accepted is {low} to {high}")
        cells = _USUAL_CROP_PX // STRIDE_PX[self.local_from]
        count = num_patches(self.grid, cells)
        if self.num_selected > count:
            raise ConfigError(
                f"num_selected is {self.num_selected}, but grid {self.grid!r} on {self.local_from} has {count} patches"
            )
        if self.local_source == "rgb" and self.aggregation in NEEDS_EVERY_PATCH:
            raise ConfigError(
                f"aggregation {self.aggregation!r} needs every patch, but local_source 'rgb' computes the selected "
                "ones only; use st_gate, gate_renorm or literal"
            )

    def to_json(self) -> str:
        """One line of JSON with sorted keys; equal architectures give equal text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "GSGConfig":
        """Build from what ``to_json`` wrote; keys that are missing take their defaults, unknown ones are refused."""
        return built(cls, values)

    def to_dict(self) -> dict[str, Any]:
        """Every value, for JSON."""
        return asdict(self)

    @property
    def system(self) -> str:
        """Name of the system."""
        return PAPER

    @property
    def has_idle_parameters(self) -> bool:
        """Whether parameters get no gradient: taken literally, Eq. 2 gives the attention none."""
        return self.aggregation == "literal"

    def check_crops(self, *, num_frames: int, size_px: int) -> None:
        """Make sure that crops of a size give as many patches as are selected; that they do not is a ``ConfigError``.

        Args:
            num_frames: Of a clip; any number will do.
            size_px: Side of a crop.
        """
        del num_frames
        check_crop_size(self, size_px=size_px)

    def patch_boxes(self, *, size_px: int) -> Int64[np.ndarray, "P 4"]:
        """The windows of a crop under each patch: ``x0 y0 x1 y1``, half-open."""
        return patch_boxes_px(self.grid, size_px=size_px, stride_px=STRIDE_PX[self.local_from])


def check_crop_size(architecture: GSGConfig, *, size_px: int) -> None:
    """Make sure that crops of a size give as many patches as are selected.

    Raises:
        ConfigError: They do not.
    """
    if architecture.streams == "global":
        return
    cells = -(-size_px // STRIDE_PX[architecture.local_from])
    count = num_patches(architecture.grid, cells) if cells >= PATCH_CELLS else 0
    if architecture.num_selected > count:
        raise ConfigError(
            f"crops of {size_px} px have {count} patches on {architecture.local_from}, fewer than the "
            f"{architecture.num_selected} that are selected; accepted: larger crops (./gsg prepare --crop-size-px), "
            "an earlier --local-from, or fewer with --num-selected"
        )


def _network(architecture: GSGConfig) -> "ClipNetwork":
    from gsgmodel.model.gsg import GSGModel  # noqa: PLC0415 - torch takes seconds, and a command line needs none

    return GSGModel(architecture)


def _configure(paper: GSGConfig, options: Mapping[str, Any]) -> GSGConfig:
    if options:
        raise ConfigError(f"--option {next(iter(options))} is of another --model; gsg has flags of its own")
    return paper


SYSTEM = System(
    name=PAPER,
    title="GSG",
    architecture=GSGConfig.from_dict,
    configure=_configure,
    network=_network,
    objective=lambda given: given,
    is_faithful=True,
    differs="what the paper leaves open is a setting, and the selection by attention (Eq 2) is given a gradient.",
    has_imagenet=True,
    takes_paper_settings=True,
)
