"""The page of explanations: each video as every model sees it."""

from collections.abc import Mapping, Sequence
from typing import Any

from gsgmodel.report.page import picture_uri, render
from gsgmodel.report.pictures import clip_strips
from gsgmodel.report.strips import as_jpeg
from gsgmodel.scoring.explain import ExplainedClip, ExplainedVideo

SIDE_PX = 112
TEXTS = {
    "patches": "chosen patches",
    "global": "heat of the global stream",
    "local": "heat of the fusion stream",
    "crops": "crops",
    "heat": "heat",
}


def explanation_page(
    videos: Mapping[str, Sequence[ExplainedVideo]], *, thresholds: Mapping[str, float | None], show_faces: bool
) -> str:
    """Return the page.

    Args:
        videos: By name as people are shown it: what each model says.
        thresholds: Of each model, where it has one.
        show_faces: Whether faces can be told.
    """
    parts = [
        {
            "name": name,
            "models": [_model_part(each, thresholds[each.model], show_faces=show_faces) for each in explained],
        }
        for name, explained in videos.items()
    ]
    title = f"Why: {len(videos)} video{'s' * (len(videos) != 1)} explained"
    return render("explain.html", title=title, videos=parts, show_faces=show_faces)


def _model_part(video: ExplainedVideo, threshold: float | None, *, show_faces: bool) -> dict[str, Any]:
    row = video.row
    return {
        "model": video.model,
        "status": row["status"],
        "reason": row["error_text"] or "no score",
        "score": row["score"],
        "score_global": row["score_global"],
        "score_fusion": row["score_fusion"],
        "threshold": threshold,
        "clips": clip_parts(video, show_faces=show_faces),
    }


def clip_parts(video: ExplainedVideo, *, show_faces: bool) -> list[dict[str, Any]]:
    """The explained clips of a video as parts of a page."""
    return [
        {
            "track_id": clip.track_id,
            "start_s": clip.start_s,
            "end_s": clip.end_s,
            "score": clip.scores.score,
            "num_frames": len(clip.crops),
            "frames": " ".join(f"{score:.2f}" for score in clip.frame_scores),
            "strips": _strips(clip, show_faces=show_faces),
        }
        for clip in video.clips
    ]


def _strips(clip: ExplainedClip, *, show_faces: bool) -> list[dict[str, Any]]:
    return [
        {"text": TEXTS[name], "uri": picture_uri(as_jpeg(strip)), "width": strip.width, "height": strip.height}
        for name, strip in clip_strips(clip, side_px=SIDE_PX, show_faces=show_faces).items()
    ]
