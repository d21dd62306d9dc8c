"""The network over clips of several videos at once, and how a model joins its streams."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8

from gsgmodel.model.config import Numerics
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.numerics import for_scoring
from gsgmodel.model.scoring import calibrate, fuse, score_clips
from gsgmodel.model.weights import ModelFiles
from gsgmodel.scoring.verdict import Combine, ScoredClip


class ClipScorer:
    """Runs the network over the clips of several videos; halves its batch when the GPU's memory runs out."""

    def __init__(self, network: GSGModel, *, batch_clips: int, device: str, numerics: Numerics = "float32") -> None:
        self._network = for_scoring(network, numerics).to(device)
        self.numerics = numerics
        self._device = device
        self.batch_clips = batch_clips

    def score(self, crops: Sequence[UInt8[np.ndarray, "_ T S S 3"]]) -> list[list[ScoredClip]]:
        """Return what the network says of each clip of each video.

        Raises:
            torch.OutOfMemoryError: If a single clip does not fit.
        """
        flat = [clip for video in crops for clip in video]
        scored: list[ScoredClip] = []
        while len(scored) < len(flat):
            batch = np.stack(flat[len(scored) : len(scored) + self.batch_clips])
            try:
                scores = score_clips(self._network, batch, device=self._device)
            except torch.OutOfMemoryError:
                if self.batch_clips == 1:
                    raise
                self.batch_clips = max(1, self.batch_clips // 2)
                torch.cuda.empty_cache()
                continue
            scored += [
                ScoredClip(
                    margin_global=float(scores.global_margins[index]),
                    margin_fusion=float(scores.fusion_margins[index]),
                    frame_scores=scores.frame_scores[index],
                    patches=scores.patches[index],
                )
                for index in range(len(batch))
            ]
        remaining = iter(scored)
        return [[next(remaining) for _ in video] for video in crops]


def combine_with(files: ModelFiles) -> Combine:
    """Return how a model joins both streams' scores: fused as its architecture says, then calibrated."""
    score_fusion = files.settings.architecture.score_fusion
    calibration = files.settings.calibration
    return lambda in_global, in_fusion: calibrate(fuse(in_global, in_fusion, score_fusion=score_fusion), calibration)
