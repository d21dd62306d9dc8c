"""The videos of a report with the highest scores, read and judged again for their pictures."""

from collections.abc import Callable, Mapping
from typing import Any

from gsgmodel.errors import VideoError
from gsgmodel.model.weights import ModelFiles
from gsgmodel.report.collect import Findings
from gsgmodel.report.explanation import clip_parts
from gsgmodel.scoring.explain import VideoExplainer
from gsgmodel.scoring.video import find_video


def take_pictures(
    findings: Findings,
    files: ModelFiles,
    *,
    top: int,
    show_faces: bool,
    s3_endpoint: str | None,
    note: Callable[[str, str], None],
) -> dict[bytes, list[dict[str, Any]]]:
    """Explain videos as the scan looked at them: the same faces, windows and number of clips.

    Args:
        findings: Of the run, those with the highest scores first.
        files: The model that scored.
        top: How many videos.
        show_faces: Whether faces can be told.
        s3_endpoint: Of the store, or None for the environment's.
        note: Told the uri of a video that cannot be shown any more, and why.

    Returns:
        By video, its explained clips as parts of a page.
    """
    rows = findings.rows.slice(0, top).select(["video_id", "uri", "score"]).to_pylist()
    scored = [row for row in rows if row["score"] is not None]
    if not scored:
        return {}
    explainer = VideoExplainer({"model": files}, **choices_of(findings.settings))
    found = {}
    for row in scored:
        try:
            ref = find_video(row["uri"], s3_endpoint=s3_endpoint)
        except VideoError as error:
            note(row["uri"], str(error))
            continue
        if ref.video_id != row["video_id"]:
            note(row["uri"], "it was replaced since")
            continue
        (explained,) = explainer.explain(ref, s3_endpoint=s3_endpoint)
        found[row["video_id"]] = clip_parts(explained, show_faces=show_faces)
    return found


def choices_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a scan's settings say of which faces, windows and how many clips were looked at, where they say it."""
    return {name: settings[name] for name in ("faces", "window_s", "max_clips") if name in settings}
