"""The GSG network: global and local streams of a face, fused, over the frames of a clip."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from gsgmodel.model.backbone import FeatureMaps, ResNet, TinyNet, load_backbone_weights, make_backbone
from gsgmodel.model.config import STRIDE_PX, GSGConfig
from gsgmodel.model.grid import PATCH_CELLS, patch_starts
from gsgmodel.model.loss import LossParts, gsg_loss
from gsgmodel.model.network import IMAGENET_MEAN, IMAGENET_STD, ClipNetwork, Learned, Mapped, caught
from gsgmodel.model.objective import Objective
from gsgmodel.model.output import ClipOutput
from gsgmodel.model.patches import (
    PatchAttention,
    cut_windows,
    extract_patches,
    patch_coefficients,
    pool_patches,
    select_patches,
)
from gsgmodel.model.temporal import TemporalModule, pool_frames

# Which module fills each of the output's two streams. A module named "global" could not be exported: a Python keyword.
_STREAMS = {
    "both": ("global_stream", "fusion_stream"),
    "global": ("global_stream", "global_stream"),
    "local": ("fusion_stream", "fusion_stream"),
}


class LocalFeatures(NamedTuple):
    """The local stream of each frame."""

    values: Float[Tensor, "F C"]
    attention: Float[Tensor, "F P"]
    patches: Int64[Tensor, "F N"]


class GSGModel(ClipNetwork):
    """The network of the paper (Fig. 2), with the options of ``GSGConfig``.

    The score of a clip is the mean of both streams' softmax probability of fake. Normalisation by ImageNet's mean and
    deviation is part of the network.

    Source: Zhao et al., "Exploring Complementarity of Global and Local Spatiotemporal Information for Fake Face Video
    Detection", ICASSP 2022, section 2.
    """

    config: GSGConfig
    mean: Tensor
    std: Tensor

    def __init__(self, config: GSGConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1))
        self.backbone: ResNet | TinyNet = make_backbone(config.backbone, local_from=config.local_from)
        width, local_width = self.backbone.width, self.backbone.local_width
        self.attention: PatchAttention | None = None
        self.widen: nn.Module = nn.Identity()
        if config.streams != "global":
            self.attention = PatchAttention(
                local_width * PATCH_CELLS**2, config.attention_hidden, activation=config.attention_activation
            )
            if local_width != width and config.local_source == "features":
                self.widen = nn.Linear(local_width, width)
        fused = 2 * width if config.streams == "both" and config.feature_fusion else width
        names = list(dict.fromkeys(_STREAMS[config.streams]))
        widths = {"global_stream": width, "fusion_stream": fused}
        self.project = nn.ModuleDict()
        if config.temporal_sharing == "shared":
            self.project.update({name: nn.Linear(widths[name], config.hidden) for name in names})
            self.temporal = nn.ModuleDict({"shared": TemporalModule(config.hidden, config)})
        else:
            self.temporal = nn.ModuleDict({name: TemporalModule(widths[name], config) for name in names})

    def forward(self, clips: Float[Tensor, "B T 3 H W"], valid: Bool[Tensor, "B T"] | None = None) -> ClipOutput:
        """Judge clips.

        Args:
            clips: Face crops, RGB, 0 to 1.
            valid: Frames that exist; all of them where it is not given. At least one in each clip.

        Crops that are not square, or whose feature map holds fewer patches than are to be selected, are a ValueError.
        """
        shape = clips.shape[:2]
        pictures = (clips.flatten(0, 1) - self.mean) / self.std
        maps = self.backbone(pictures)
        global_feature = maps.top.mean(dim=(-2, -1))
        local = self._look_at_patches(pictures, maps)
        second = local.values
        if self.config.streams == "both" and self.config.feature_fusion:
            second = torch.cat([global_feature, local.values], dim=-1)
        features = {"global_stream": global_feature, "fusion_stream": second}
        logits = [self._judge(name, _by_clip(features[name], shape), valid) for name in _STREAMS[self.config.streams]]
        pooled = [pool_frames(each, valid, by=self.config.frame_pooling) for each in logits]
        return ClipOutput(
            global_logits=pooled[0],
            fusion_logits=pooled[1],
            global_frame_logits=logits[0],
            fusion_frame_logits=logits[1],
            attention=_by_clip(local.attention, shape),
            patches=_by_clip(local.patches, shape),
        )

    def learn(self, clips: Float[Tensor, "B T 3 H W"], labels: Int64[Tensor, "B"], objective: Objective) -> Learned:
        """Judge clips that are learned from, and return the loss of Eq. 5 beside it."""
        output: ClipOutput = self(clips)
        return Learned(output, two_stream_loss(output, labels, objective))

    def mapped(self, clips: Float[Tensor, "1 T 3 H W"]) -> Mapped:
        """Judge one clip; the global stream is traced to ``layer4``, the fusion stream to where patches are cut."""
        with caught(self.backbone) as seen:
            output = self(clips)
        # The first pictures are whole frames; the cut-out patches of a stream of pixels come after them.
        maps, streams = seen[0], self.config.streams
        return Mapped(output, maps.top if streams != "local" else None, maps.local if streams != "global" else None)

    def features(self, clips: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B D"]:
        """What the backbone makes of clips, averaged over places and frames."""
        maps = self.backbone((clips.flatten(0, 1) - self.mean) / self.std)
        mean: Tensor = _by_clip(maps.top.mean(dim=(-2, -1)), clips.shape[:2]).mean(dim=1)
        return mean

    def load_backbone(self, source: str) -> None:
        """Put weights into the backbone, as ``ClipNetwork`` has it."""
        load_backbone_weights(self.backbone, name=self.config.backbone, source=source)

    def _judge(self, stream: str, features: Tensor, valid: Tensor | None) -> Tensor:
        if stream in self.project:
            features = self.project[stream](features)
        module = self.temporal["shared" if self.project else stream]
        logits: Tensor = module(features, valid)
        return logits

    def _look_at_patches(self, pictures: Tensor, maps: FeatureMaps) -> LocalFeatures:
        config = self.config
        if self.attention is None:
            nothing = maps.top.new_zeros(len(pictures), 0)
            return LocalFeatures(values=nothing, attention=nothing, patches=nothing.long())
        patches = extract_patches(maps.local, config.grid)
        weights = self.attention(patches)
        selected = select_patches(weights, config.num_selected)
        coefficients = patch_coefficients(weights, selected, config.aggregation)
        if config.local_source == "rgb":
            values = self._look_at_windows(pictures, maps.local.shape[-1], selected, coefficients)
        else:
            values = self.widen(pool_patches(patches, coefficients, by=config.local_pooling))
        return LocalFeatures(values=values, attention=weights, patches=selected)

    def _look_at_windows(self, pictures: Tensor, cells: int, selected: Tensor, coefficients: Tensor) -> Tensor:
        stride = STRIDE_PX[self.config.local_from]
        starts = patch_starts(self.config.grid, cells)
        size = PATCH_CELLS * stride
        before = max(0, -starts[0]) * stride
        after = max(0, starts[-1] * stride + size - pictures.shape[-1])
        # Beyond the edge lies ImageNet's mean colour, which is 0 after normalisation.
        padded = F.pad(pictures, (before, after, before, after))
        windows = cut_windows(padded, [start * stride + before for start in starts], size)
        index = selected[:, :, None, None, None].expand(-1, -1, 3, size, size)
        chosen = windows.gather(1, index).flatten(0, 1)
        resized = F.interpolate(chosen, size=(self.config.rgb_patch_px,) * 2, mode="bilinear", antialias=True)
        features = self.backbone(resized).top.mean(dim=(-2, -1)).reshape(*selected.shape, -1)
        factors = coefficients.gather(1, selected).to(features.dtype)
        return torch.einsum("fn,fnc->fc", factors, features)


def two_stream_loss(output: ClipOutput, labels: Int64[Tensor, "B"], objective: Objective) -> LossParts:
    """The loss of what both streams say of clips."""
    return gsg_loss(
        output.global_logits,
        output.fusion_logits,
        labels,
        cross_entropy=objective.cross_entropy,
        guide_weight=objective.guide_weight,
        detach_global=objective.detach_global,
    )


def _by_clip(frames: Tensor, shape: torch.Size) -> Tensor:
    return frames.reshape(*shape, *frames.shape[1:])
