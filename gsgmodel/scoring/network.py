"""The network over clips of several videos at once, and how a model joins its streams."""

import logging
from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from gsgmodel.model.config import Numerics
from gsgmodel.model.network import ClipNetwork
from gsgmodel.model.numerics import for_scoring
from gsgmodel.model.output import ClipOutput
from gsgmodel.model.scoring import ClipScores, calibrate, fuse, launch, on_host
from gsgmodel.model.weights import ModelFiles
from gsgmodel.scoring.verdict import Combine, ScoredClip

logger = logging.getLogger(__name__)
Clip = UInt8[np.ndarray, "T S S 3"]


class ClipScorer:
    """Runs the network over the clips of several videos; halves its batch when the GPU's memory runs out.

    A GPU gets the next batch while it computes one: the host packs it into pinned memory, and it travels on a stream
    of its own.
    """

    def __init__(
        self,
        network: ClipNetwork,
        *,
        batch_clips: int,
        device: str,
        numerics: Numerics = "float32",
        compile_for: tuple[int, int] | None = None,
    ) -> None:
        """Make the network fast.

        Args:
            network: In evaluation mode. Left as it is.
            batch_clips: Clips of a call, at most.
            device: Where it runs, as torch names it.
            numerics: Of the backbone.
            compile_for: Frames of a clip and side of a crop in pixels, for which the backbone is compiled now; where
                that cannot be done (no compiler) it runs as it is. None leaves it as it is.
        """
        self._network = for_scoring(network, numerics).to(device)
        self._score_fusion = network.config.score_fusion
        self.numerics: str = numerics
        """What the backbone computes in, and whether it is compiled."""
        self.batch_clips = batch_clips
        self._feed = Feed(device)
        if compile_for is not None and self._compile(*compile_for):
            self.numerics = f"{numerics}, compiled"

    def _compile(self, num_frames: int, size_px: int) -> bool:
        """Compile the backbone; whether that could be done.

        Raises:
            torch.OutOfMemoryError: If a clip does not fit.
        """
        plain = self._network.backbone
        self._network.backbone = torch.compile(plain, dynamic=True)  # type: ignore[assignment]
        try:
            self.score([np.zeros((1, num_frames, size_px, size_px, 3), np.uint8)])
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            # Of many kinds; all come from the compiler, because the network itself has judged clips before.
            logger.warning("the backbone cannot be compiled and runs as it is: %s", str(error).splitlines()[0])
            self._network.backbone = plain
            return False
        return True

    def score(self, crops: Sequence[UInt8[np.ndarray, "_ T S S 3"]]) -> list[list[ScoredClip]]:
        """Return what the network says of each clip of each video.

        A single clip that does not fit is a ``torch.OutOfMemoryError``, a logit that is not finite a
        ``FloatingPointError``.
        """
        flat = [clip for video in crops for clip in video]
        scored: list[ScoredClip] = []
        computing: deque[ClipOutput] = deque()
        launched = 0
        while launched < len(flat) or computing:
            if launched < len(flat) and len(computing) <= self._feed.num_ahead:
                batch = flat[launched : launched + self.batch_clips]
                output = self._launch(batch, is_alone=not computing)
                if output is not None:
                    computing.append(output)
                    launched += len(batch)
                    continue
            # What ran before may hold what the batch that did not fit needs.
            if computing:
                scored += scored_clips(on_host(computing.popleft(), score_fusion=self._score_fusion))
        remaining = iter(scored)
        return [[next(remaining) for _ in video] for video in crops]

    def _launch(self, batch: Sequence[Clip], *, is_alone: bool) -> ClipOutput | None:
        """Begin a batch; None if it did not fit, and the next is half as large.

        Raises:
            torch.OutOfMemoryError: If a single clip does not fit although nothing else is computed.
        """
        try:
            return launch(self._network, self._feed.put(batch))
        except torch.OutOfMemoryError:
            if self.batch_clips == 1 and is_alone:
                raise
            self.batch_clips = max(1, self.batch_clips // 2)
            torch.cuda.empty_cache()
            return None


class Feed:
    """Puts clips on a device; on a GPU while it computes on those before."""

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)
        self._stream = None
        if self._device.type == "cuda":
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self.num_ahead = 0 if self._stream is None else 1
        """How many batches may wait for the one that is computed."""

    def put(self, clips: Sequence[Clip]) -> UInt8[Tensor, "B T S S 3"]:
        """Return the clips as one batch on the device."""
        if self._stream is None:
            return torch.from_numpy(np.stack(clips))
        # torch keeps pinned memory for the next batch, and does not give it out while a copy still reads it.
        packed = torch.empty((len(clips), *clips[0].shape), dtype=torch.uint8, pin_memory=True)
        np.stack(clips, out=packed.numpy())
        with torch.cuda.stream(self._stream):
            pixels = packed.to(self._device, non_blocking=True)
        now = torch.cuda.current_stream(self._device)
        now.wait_stream(self._stream)
        pixels.record_stream(now)
        return pixels


def scored_clips(scores: ClipScores) -> list[ScoredClip]:
    """The same, a clip each."""
    return [
        ScoredClip(
            margin_global=float(scores.global_margins[index]),
            margin_fusion=float(scores.fusion_margins[index]),
            frame_scores=scores.frame_scores[index],
            patches=scores.patches[index],
        )
        for index in range(len(scores.global_margins))
    ]


def combine_with(files: ModelFiles) -> Combine:
    """Return how a model joins both streams' scores: fused as its architecture says, then calibrated."""
    score_fusion = files.settings.architecture.score_fusion
    calibration = files.settings.calibration
    return lambda in_global, in_fusion: calibrate(fuse(in_global, in_fusion, score_fusion=score_fusion), calibration)
