"""Why one or several models judge a video as they do: its most telling clips, with patches and heat maps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from gsgmodel.faces.boxes import iou
from gsgmodel.model.explain import explain_clips
from gsgmodel.model.reference import build_network
from gsgmodel.model.weights import ModelFiles
from gsgmodel.records import FaceClip, VideoRef
from gsgmodel.scoring.network import combine_with, scored_clips
from gsgmodel.scoring.prepare import PreparedVideo
from gsgmodel.scoring.verdict import Scores, track_scores
from gsgmodel.scoring.video import VideoScorer


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedClip:
    """One clip as one model sees it."""

    track_id: int
    start_s: float
    end_s: float
    time_s: Float64[np.ndarray, "T"]
    scores: Scores
    frame_scores: Float64[np.ndarray, "T"]
    """Of each frame alone, 0 real to 1 fake; not calibrated."""
    crops: UInt8[np.ndarray, "T S S 3"]
    patches: Int64[np.ndarray, "T N 4"]
    """Windows of the crop that the local stream chose, best first: ``x0 y0 x1 y1``, half-open."""
    global_maps: Float32[np.ndarray, "T S S"]
    """What spoke for fake in the global stream, 0 to 1."""
    local_maps: Float32[np.ndarray, "T S S"]
    """Likewise in the fusion stream, at the map that patches are cut from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedVideo:
    """What a model says of a video."""

    model: str
    """As it was named."""
    row: Mapping[str, Any]
    """As of the table."""
    clips: Sequence[ExplainedClip]
    """The most telling first; none of a video without a score."""


class VideoExplainer:
    """Explains videos one after the other on the CPU, by one model or by several, each with crops as it takes them."""

    def __init__(self, models: Mapping[str, ModelFiles], *, most_clips: int = 1, **choices: Any) -> None:
        """Load the networks.

        Args:
            models: By the name that people are shown, the first one first.
            most_clips: That are explained of each video.
            choices: Of ``VideoScorer``: which faces, windows and how many clips are looked at.
        """
        self._scorers = {name: VideoScorer(files, **choices) for name, files in models.items()}
        self._networks = {name: build_network(files) for name, files in models.items()}
        self._models = models
        self._most_clips = most_clips

    def explain(self, ref: VideoRef, *, s3_endpoint: str | None = None) -> Iterator[ExplainedVideo]:
        """Explain a listed video, by every model; all explain what the first one finds most telling.

        Models that take other crops than the first explain their own of the same faces at the same times.

        Args:
            ref: The video.
            s3_endpoint: Of its store, or None for the environment's.

        Yields:
            What each model says of it.
        """
        videos: dict[str, PreparedVideo] = {}
        chosen: list[FaceClip] | None = None
        for name, scorer in self._scorers.items():
            digest = self._models[name].settings.preparation.digest
            if digest not in videos:
                videos[digest] = scorer.prepare(ref, s3_endpoint=s3_endpoint)
            row = scorer.judge(ref.uri, videos[digest])
            if chosen is None:
                chosen = most_telling(videos[digest], row, most=self._most_clips)
            own = [same_face(videos[digest].clips, clip) for clip in chosen] if row["score"] is not None else []
            yield ExplainedVideo(model=name, row=row, clips=self._explained(name, own) if own else [])

    def _explained(self, name: str, clips: Sequence[FaceClip]) -> list[ExplainedClip]:
        files = self._models[name]
        explained = explain_clips(self._networks[name], np.stack([clip.crops for clip in clips]))
        boxes = files.settings.architecture.patch_boxes(size_px=clips[0].crops.shape[1])
        combine = combine_with(files)
        return [
            ExplainedClip(
                track_id=clip.track_id,
                start_s=clip.start_s,
                end_s=clip.end_s,
                time_s=clip.time_s,
                scores=track_scores([scored], combine=combine),
                frame_scores=scored.frame_scores,
                crops=clip.crops,
                patches=boxes[scored.patches],
                global_maps=explained.global_maps[index],
                local_maps=explained.local_maps[index],
            )
            for index, (clip, scored) in enumerate(zip(clips, scored_clips(explained.scores), strict=True))
        ]


def same_face(clips: Sequence[FaceClip], wanted: FaceClip) -> FaceClip:
    """Return the clip that shows the face of another one at the same time, or else the nearest.

    Args:
        clips: Of the same video, at least one; ``wanted`` itself may be among them.
        wanted: Perhaps of other frames and crops.
    """
    nearest_s = min(abs(clip.start_s - wanted.start_s) for clip in clips)
    near = [clip for clip in clips if abs(clip.start_s - wanted.start_s) == nearest_s]
    overlaps = iou(np.stack([clip.boxes_px.mean(axis=0) for clip in near]), wanted.boxes_px.mean(axis=0)[None])
    return near[int(np.argmax(overlaps[:, 0]))]


def most_telling(video: PreparedVideo, row: Mapping[str, Any], *, most: int) -> list[FaceClip]:
    """Return the clips with the highest scores of a video, of equals the earlier ones.

    Args:
        video: Prepared.
        row: What a model says of it; of a video without a score there are none.
        most: How many.
    """
    found = {
        (face["track_id"], clip["start_s"]): clip["score"] for face in row["faces"] or () for clip in face["clips"]
    }
    ranked = sorted(video.clips, key=lambda clip: (-found.get((clip.track_id, clip.start_s), 0.0), clip.start_s))
    return ranked[:most] if row["score"] is not None else []
