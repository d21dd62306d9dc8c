"""What the network says of clips that it does not learn from, by all workers together, and what that is worth."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float64, Int64, UInt8

from gsgmodel.errors import TrainingError
from gsgmodel.metrics.scores import area_under_curve
from gsgmodel.model.loss import gsg_loss
from gsgmodel.model.network import ClipNetwork
from gsgmodel.model.objective import Objective
from gsgmodel.model.scoring import fuse, score_clips
from gsgmodel.scoring.verdict import ClipMargins, Combine, video_scores
from gsgmodel.training.feed import feed
from gsgmodel.training.order import part_of
from gsgmodel.training.worker import Worker, add_up

CLIPS_AT_ONCE = 8


def clip_margins(
    network: ClipNetwork,
    read: Callable[[int], UInt8[np.ndarray, "T S S 3"]],
    clips: Int64[np.ndarray, "N"],
    *,
    worker: Worker,
    autocast: bool,
) -> Float64[np.ndarray, "N 2"]:
    """Return both streams' margins of clips, global and fusion; each worker judges its share, all get all.

    Args:
        network: On the worker's device; is left in evaluation mode.
        read: Returns the crops of one clip.
        clips: What to read; the same for all workers.
        worker: This process.
        autocast: Whether matrix products run in bfloat16.

    Raises:
        TrainingError: If the network gives no numbers; of all workers at once.
    """
    network.eval()
    margins = np.zeros((len(clips), 2))
    share = part_of(len(clips), rank=worker.rank, world_size=worker.world_size)
    mine = clips[share].tolist()
    batches = [mine[start : start + CLIPS_AT_ONCE] for start in range(0, len(mine), CLIPS_AT_ONCE)]
    try:
        found = [
            score_clips(network, crops, device=worker.device, autocast=autocast)
            for crops in feed(batches, read, threads=worker.threads)
        ]
    except FloatingPointError:
        # The others wait for this worker's share.
        margins[share] = np.nan
    else:
        if found:
            margins[share, 0] = np.concatenate([scores.global_margins for scores in found])
            margins[share, 1] = np.concatenate([scores.fusion_margins for scores in found])
    together = add_up(torch.from_numpy(margins), worker).numpy()
    if not np.isfinite(together).all():
        raise TrainingError(
            "the network gives no numbers any more: lower --lr and --backbone-lr, or add --warmup-epochs"
        )
    return together


def losses_of(
    margins: Float64[np.ndarray, "N 2"], labels: Int64[np.ndarray, "N"], *, objective: Objective
) -> Mapping[str, float]:
    """Return what the objective is for clips, as means: of a margin the softmax is that of the logits (0, margin)."""
    columns = torch.from_numpy(margins).T
    logits = [torch.stack([torch.zeros_like(column), column], dim=1) for column in columns]
    target = torch.from_numpy(labels)
    parts = gsg_loss(
        logits[0],
        logits[1],
        target,
        cross_entropy=objective.cross_entropy,
        guide_weight=objective.guide_weight,
        detach_global=objective.detach_global,
    )
    each = [torch.nn.functional.cross_entropy(stream, target) for stream in logits]
    return {
        "loss": float(parts.total),
        "ce_global": float(each[0]),
        "ce_fusion": float(each[1]),
        "guide": float(parts.guide),
        "p_global": float(parts.global_true),
        "p_fusion": float(parts.fusion_true),
    }


def scores_of_videos(
    clips: pa.Table, margins: Float64[np.ndarray, "N 2"], *, combine: Combine
) -> tuple[Int64[np.ndarray, "V"], Float64[np.ndarray, "V"]]:
    """Return the videos that clips are of, rising, and the score of each, found as a scan finds it.

    Args:
        clips: With the columns ``video``, ``track_id`` and ``detected``.
        margins: Of each clip.
        combine: Maps the global and the fusion stream's score to the score.
    """
    by_video: dict[int, list[int]] = {}
    for place, video in enumerate(clips["video"].to_pylist()):
        by_video.setdefault(video, []).append(place)
    facts: Sequence[dict[str, Any]] = clips.select(["track_id", "detected"]).to_pylist()
    videos = sorted(by_video)
    scores = []
    for video in videos:
        places = by_video[video]
        said = [ClipMargins(margin_global=float(margins[i, 0]), margin_fusion=float(margins[i, 1])) for i in places]
        scores.append(video_scores([facts[i] for i in places], said, combine=combine).score)
    return np.array(videos, np.int64), np.array(scores, np.float64)


def judgement(
    clips: pa.Table, margins: Float64[np.ndarray, "N 2"], *, objective: Objective, score_fusion: bool
) -> Mapping[str, float]:
    """Return what an epoch is judged by: the clips' mean losses and the videos' area under the curve.

    Args:
        clips: With the columns ``video``, ``label``, ``track_id`` and ``detected``.
        margins: Of each.
        objective: What is minimised.
        score_fusion: Whether both streams make the score, or the fusion stream alone.
    """
    labels = clips["label"].to_numpy().astype(np.int64)
    losses = losses_of(margins, labels, objective=objective)
    videos, scores = scores_of_videos(clips, margins, combine=partial(fuse, score_fusion=score_fusion))
    label_of = dict(zip(clips["video"].to_pylist(), labels.tolist(), strict=True))
    area = area_under_curve(scores, np.array([label_of[video] for video in videos.tolist()], np.int64))
    return losses if area is None else {**losses, "auc": area}
