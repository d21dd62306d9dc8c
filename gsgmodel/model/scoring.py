"""From crops to scores: what a score process asks of the network, and how clips add up to a track's score."""

from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64, UInt8
from torch import Tensor

from gsgmodel.model.network import ClipNetwork
from gsgmodel.model.output import ClipOutput
from gsgmodel.model.settings import Calibration

Score = TypeVar("Score", float, np.ndarray)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipScores:
    """What the network says of clips, on the host."""

    global_frame_logits: Float32[np.ndarray, "B T 2"]
    """(real, fake) of each frame."""
    fusion_frame_logits: Float32[np.ndarray, "B T 2"]
    frame_scores: Float64[np.ndarray, "B T"]
    """Of each frame alone, 0 real to 1 fake; not calibrated."""
    global_margins: Float64[np.ndarray, "B"]
    """Of each clip, logit of fake minus logit of real."""
    fusion_margins: Float64[np.ndarray, "B"]
    patches: Int64[np.ndarray, "B T N"]
    """Indices of the selected patches, best first; ``grid.patch_boxes_px`` says where they lie."""


def score_clips(
    network: ClipNetwork, crops: UInt8[np.ndarray, "B T S S 3"], *, device: str | torch.device, autocast: bool = False
) -> ClipScores:
    """Judge clips on one device.

    Args:
        network: In evaluation mode, on ``device``.
        crops: RGB face crops of at least one clip.
        device: For example ``cpu`` or ``cuda:0``.
        autocast: Whether matrix products run in bfloat16. Frames' scores moved by 0.002 at most (``untrained``, one
            clip), and on a CPU with AVX512-BF16 it took 1.6 times as long as float32; a scan that is to give the same
            scores everywhere leaves it off.

    A logit that is not finite is a ``FloatingPointError``.
    """
    output = launch(network, torch.tensor(crops, device=device), autocast=autocast)
    return on_host(output, score_fusion=network.config.score_fusion)


def launch(network: ClipNetwork, pixels: UInt8[Tensor, "B T S S 3"], *, autocast: bool = False) -> ClipOutput:
    """Begin to judge clips: on a GPU this returns before they are judged, and ``on_host`` waits for it.

    Args:
        network: In evaluation mode, on the device of the pixels.
        pixels: RGB face crops of at least one clip; a byte each until they are where they are needed.
        autocast: As of ``score_clips``.
    """
    with torch.inference_mode(), torch.autocast(pixels.device.type, dtype=torch.bfloat16, enabled=autocast):
        # On a CPU one clip a time is fastest, and no score depends on which clips came with it.
        parts = [
            network(part.permute(0, 1, 4, 2, 3).float() / 255)
            for part in (torch.split(pixels, 1) if pixels.device.type == "cpu" else [pixels])
        ]
        return ClipOutput(*(torch.cat(each) for each in zip(*parts, strict=True)))


def on_host(output: ClipOutput, *, score_fusion: bool) -> ClipScores:
    """Wait for what was launched, and return it.

    Raises:
        FloatingPointError: The network gave a logit that is not finite.
    """
    frames = [each.float().cpu().numpy() for each in (output.global_frame_logits, output.fusion_frame_logits)]
    pooled = [each.double().cpu().numpy() for each in (output.global_logits, output.fusion_logits)]
    if not all(np.isfinite(each).all() for each in (*frames, *pooled)):
        raise FloatingPointError("the network gave logits that are not finite; its weights are broken")
    margins = [each[:, 1] - each[:, 0] for each in pooled]
    streams = [sigmoid(each[..., 1].astype(np.float64) - each[..., 0]) for each in frames]
    return ClipScores(
        global_frame_logits=frames[0],
        fusion_frame_logits=frames[1],
        frame_scores=fuse(streams[0], streams[1], score_fusion=score_fusion),
        global_margins=margins[0],
        fusion_margins=margins[1],
        patches=output.patches.cpu().numpy(),
    )


def sigmoid(margins: Float64[np.ndarray, "*n"]) -> Float64[np.ndarray, "*n"]:
    """Probability of fake from logit margins: the softmax of two logits. Exact to the last bits at both ends."""
    return cast("np.ndarray", np.exp(-np.logaddexp(0.0, -margins)))


def stream_score(margins: Float64[np.ndarray, "C"]) -> float:
    """One stream's score of a track: the sigmoid of the mean margin of its clips.

    Raises:
        ValueError: There is no clip.
    """
    if not len(margins):
        raise ValueError("a track without clips has no score")
    return float(sigmoid(margins.mean(keepdims=True))[0])


def fuse(global_score: Score, fusion_score: Score, *, score_fusion: bool = True) -> Score:
    """The score from both streams': their mean; the fusion stream's alone where ``score_fusion`` is off."""
    return (global_score + fusion_score) / 2 if score_fusion else fusion_score


def calibrate(score: float, calibration: Calibration | None) -> float:
    """A video's score after calibration, 0 to 1; as it is where the model has none."""
    if calibration is None:
        return score
    with np.errstate(divide="ignore"):
        logit = np.log(np.float64(score)) - np.log1p(-np.float64(score))
    return float(sigmoid(np.asarray([calibration.slope * logit + calibration.intercept]))[0])
