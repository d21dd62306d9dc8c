"""From features of frames to logits of frames: the recurrent unit and the fully connected layer behind it."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from gsgmodel.model.config import FramePooling, GSGConfig
from gsgmodel.model.sru import SRU, SRUOptions

NUM_CLASSES = 2


class TemporalModule(nn.Module):
    """Recurrent layers and a fully connected layer to (real, fake), frame by frame.

    With unit ``none`` the fully connected layer alone (Table 3, w/o temporal module).
    """

    def __init__(self, inputs: int, config: GSGConfig) -> None:
        super().__init__()
        self.inputs = inputs
        self.norm = nn.LayerNorm(inputs) if config.layer_norm else nn.Identity()
        self.unit = _make_unit(inputs, config)
        width = inputs if config.temporal == "none" else config.hidden * (1 + config.bidirectional)
        self.classify = nn.Linear(width, NUM_CLASSES)

    def forward(
        self, features: Float[Tensor, "B T D"], valid: Bool[Tensor, "B T"] | None = None
    ) -> Float[Tensor, "B T 2"]:
        """Logits of each frame; those of frames that do not exist mean nothing."""
        features = self.norm(features)
        if isinstance(self.unit, SRU):
            features = self.unit(features, valid)
        elif self.unit is not None:
            features = _run_packed(self.unit, features, valid)
        logits: Tensor = self.classify(features)
        return logits.float()


def pool_frames(
    logits: Float[Tensor, "B T 2"], valid: Bool[Tensor, "B T"] | None = None, *, by: FramePooling = "logits"
) -> Float[Tensor, "B 2"]:
    """A clip's logits from those of its frames (section 2.3 of the paper).

    Args:
        logits: Of each frame.
        valid: Frames that exist; at least one in each clip.
        by: ``logits`` averages them; ``probabilities`` averages the frames' softmax and returns its logarithm.
    """
    if by == "probabilities":
        # By their logarithms: a probability of a network that is very sure is 0 in float32.
        kept = logits.log_softmax(dim=-1)
        if valid is None:
            return kept.logsumexp(dim=1) - math.log(kept.shape[1])
        kept = kept.masked_fill(~valid.unsqueeze(-1), -math.inf)
        return kept.logsumexp(dim=1) - valid.sum(dim=1, keepdim=True).clamp(min=1).to(kept.dtype).log()
    if valid is None:
        return logits.mean(dim=1)
    weight = valid.to(logits.dtype).unsqueeze(-1)
    return (logits * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)


def _make_unit(inputs: int, config: GSGConfig) -> SRU | nn.LSTM | nn.GRU | None:
    if config.temporal == "none":
        return None
    if config.temporal == "sru":
        return SRU(
            inputs,
            config.hidden,
            layers=config.layers,
            bidirectional=config.bidirectional,
            options=SRUOptions(config.sru_version, config.sru_rescale, config.sru_highway_bias),
        )
    kind = nn.LSTM if config.temporal == "lstm" else nn.GRU
    return kind(inputs, config.hidden, config.layers, batch_first=True, bidirectional=config.bidirectional)


def _run_packed(unit: nn.LSTM | nn.GRU, features: Tensor, valid: Tensor | None) -> Tensor:
    if valid is None:
        outputs: Tensor = unit(features)[0]
        return outputs
    # Frames that exist move to the front, so that the unit steps over the others wherever they are.
    order = torch.argsort((~valid).to(torch.uint8), dim=1, stable=True)
    lengths = valid.sum(dim=1).clamp(min=1).cpu()
    moved = features.gather(1, order.unsqueeze(-1).expand_as(features))
    packed = nn.utils.rnn.pack_padded_sequence(moved, lengths, batch_first=True, enforce_sorted=False)
    padded, _ = nn.utils.rnn.pad_packed_sequence(unit(packed)[0], batch_first=True, total_length=valid.shape[1])
    back = torch.argsort(order, dim=1).unsqueeze(-1).expand_as(padded)
    return padded.gather(1, back)
