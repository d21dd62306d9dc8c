"""From the network's logits of clips to the scores of faces and of the video.

A track's score is the mean logit of its clips. The video's is the highest of the tracks seen in at least a third of the
frames of a clip; if none is, that of the longest track, and the row says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from gsgmodel.faces.clips import is_seen_enough
from gsgmodel.model.scoring import stream_score

LONGEST_TRACK_ONLY = "longest_track_only"
"""Note in the row: no face was seen in a third of the frames of any clip; the longest track's score stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipMargins:
    """What both streams say of one clip; a margin is the logit of fake less the logit of real."""

    margin_global: float
    margin_fusion: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredClip(ClipMargins):
    """What the network says of one clip, whole and frame by frame."""

    frame_scores: Float64[np.ndarray, "T"]
    """0 real to 1 fake, of each frame alone."""
    patches: Int64[np.ndarray, "T N"]
    """The patches that the local stream looked at, by position in the grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Of a clip, a track or a video, each 0 real to 1 fake."""

    score: float
    score_global: float
    score_fusion: float


Combine = Callable[[float, float], float]
"""Both streams' scores to the calibrated score."""


def track_scores(clips: Sequence[ClipMargins], *, combine: Combine) -> Scores:
    """Return the scores of the clips of one face: each stream's mean logit, then both streams together.

    Args:
        clips: At least one.
        combine: As in ``judge``.
    """
    score_global = stream_score(np.array([clip.margin_global for clip in clips]))
    score_fusion = stream_score(np.array([clip.margin_fusion for clip in clips]))
    return Scores(score=combine(score_global, score_fusion), score_global=score_global, score_fusion=score_fusion)


def judge(
    clips: Sequence[dict[str, Any]], scored: Sequence[ScoredClip], *, combine: Combine
) -> tuple[dict[str, Any], list[str]]:
    """Return the columns that a scored video's row gets, and notes on how its score came about.

    Args:
        clips: The ``clips`` of a prepared row, at least one, those of a track in the order of time.
        scored: What the network says of each.
        combine: Maps the global and the fusion stream's score to the score.
    """
    by_track, scores = _by_track(clips, scored, combine=combine)
    winner, is_seen = _winner(clips, by_track, scores)
    columns = {
        "score": scores[winner].score,
        "score_global": scores[winner].score_global,
        "score_fusion": scores[winner].score_fusion,
        "num_faces": len(by_track),
        "num_clips": len(clips),
        "faces": [
            _face(track, [clips[i] for i in indices], [scored[i] for i in indices], scores[track], combine)
            for track, indices in by_track.items()
        ],
    }
    return columns, ([] if is_seen else [LONGEST_TRACK_ONLY])


def video_scores(clips: Sequence[dict[str, Any]], margins: Sequence[ClipMargins], *, combine: Combine) -> Scores:
    """Return a video's scores as ``judge`` finds them; of each clip only ``track_id`` and ``detected`` are needed."""
    by_track, scores = _by_track(clips, margins, combine=combine)
    return scores[_winner(clips, by_track, scores)[0]]


def _by_track(
    clips: Sequence[dict[str, Any]], scored: Sequence[ClipMargins], *, combine: Combine
) -> tuple[dict[int, list[int]], dict[int, Scores]]:
    """The places of each track's clips, and its scores."""
    # In the order of tracks: of equals the first one stands, however the clips are ordered.
    by_track: dict[int, list[int]] = {track: [] for track in sorted({clip["track_id"] for clip in clips})}
    for index, clip in enumerate(clips):
        by_track[clip["track_id"]].append(index)
    scores = {
        track: track_scores([scored[index] for index in indices], combine=combine)
        for track, indices in by_track.items()
    }
    return by_track, scores


def _winner(
    clips: Sequence[dict[str, Any]], by_track: dict[int, list[int]], scores: dict[int, Scores]
) -> tuple[int, bool]:
    """The track whose score is the video's, and whether any track was seen enough."""
    seen = [
        track
        for track, indices in by_track.items()
        if any(is_seen_enough(np.array(clips[i]["detected"])) for i in indices)
    ]
    longest = max(by_track, key=lambda track: sum(sum(clips[index]["detected"]) for index in by_track[track]))
    return max(seen or [longest], key=lambda track: scores[track].score), bool(seen)


def _face(
    track_id: int,
    clips: Sequence[dict[str, Any]],
    scored: Sequence[ScoredClip],
    scores: Scores,
    combine: Combine,
) -> dict[str, Any]:
    return {
        "track_id": track_id,
        "score": scores.score,
        "start_s": clips[0]["start_s"],
        "end_s": clips[-1]["end_s"],
        "clips": [
            {
                "start_s": clip["start_s"],
                "end_s": clip["end_s"],
                "score": track_scores([one], combine=combine).score,
                "frames": _frames(clip, one),
            }
            for clip, one in zip(clips, scored, strict=True)
        ],
    }


def _frames(clip: dict[str, Any], scored: ScoredClip) -> list[dict[str, Any]]:
    boxes = np.array(clip["boxes_px"], dtype=np.float32).reshape(-1, 4)
    return [
        {
            "time_s": time_s,
            "score": float(scored.frame_scores[index]),
            "box": dict(zip(("x0", "y0", "x1", "y1"), boxes[index].tolist(), strict=True)),
            "patches": scored.patches[index].tolist(),
        }
        for index, time_s in enumerate(clip["time_s"])
    ]
