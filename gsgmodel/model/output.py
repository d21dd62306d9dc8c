"""What every network says of clips, whatever it is made of."""

from typing import NamedTuple

from jaxtyping import Float, Int64
from torch import Tensor


class ClipOutput(NamedTuple):
    """What a network says of each clip. With one stream alone, both streams' fields hold that stream."""

    global_logits: Float[Tensor, "B 2"]
    """Of the clip, (real, fake); frames averaged."""
    fusion_logits: Float[Tensor, "B 2"]
    global_frame_logits: Float[Tensor, "B T 2"]
    fusion_frame_logits: Float[Tensor, "B T 2"]
    attention: Float[Tensor, "B T P"]
    """Weights of each frame's patches; P = 0 where there is no local stream."""
    patches: Int64[Tensor, "B T N"]
    """Indices of the selected patches, best first; N = 0 where there is no local stream."""


def one_stream(clip_logits: Float[Tensor, "B 2"], frame_logits: Float[Tensor, "B T 2"]) -> ClipOutput:
    """The output of a network that has one stream and selects no patches.

    Args:
        clip_logits: (real, fake) of each clip.
        frame_logits: Of each frame; of a network that judges a clip as a whole, the clip's.
    """
    nothing = frame_logits.new_zeros(*frame_logits.shape[:2], 0)
    return ClipOutput(
        global_logits=clip_logits,
        fusion_logits=clip_logits,
        global_frame_logits=frame_logits,
        fusion_frame_logits=frame_logits,
        attention=nothing,
        patches=nothing.long(),
    )
