"""The videos of a report with the highest scores, read and judged again for their pictures."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from gsgmodel.errors import VideoError
from gsgmodel.model.weights import ModelFiles
from gsgmodel.report.collect import Findings
from gsgmodel.report.explanation import clip_parts
from gsgmodel.report.kept import kept_part
from gsgmodel.report.models import find_scorer
from gsgmodel.report.pictures import figure
from gsgmodel.scoring.explain import ExplainedVideo, VideoExplainer
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
    explained = explain_top(findings, files, top=top, s3_endpoint=s3_endpoint, note=note)
    found = {video_id: clip_parts(each, show_faces=show_faces) for video_id, each in explained}
    return {**kept_pictures(findings, top=top, show_faces=show_faces, besides=found), **found}


def kept_pictures(
    findings: Findings, *, top: int, show_faces: bool, besides: Collection[bytes] = ()
) -> dict[bytes, list[dict[str, Any]]]:
    """The pictures that the scan kept of the first videos, as parts of a page.

    Args:
        findings: Of the run, those with the highest scores first.
        top: How many videos.
        show_faces: Whether faces can be told.
        besides: Videos that have others.
    """
    first = [each for each in findings.rows["video_id"].to_pylist()[:top] if each not in besides]
    parts = {
        each: kept_part(findings.output, each, findings.timelines[each], show_faces=show_faces)
        for each in first
        if any(face["clips"] for face in findings.timelines.get(each, ()))
    }
    return {each: [part] for each, part in parts.items() if part}


def save_pictures(
    findings: Findings,
    folder: Path,
    *,
    top: int,
    show_faces: bool,
    find: Mapping[str, str | None],
    s3_endpoint: str | None,
) -> tuple[dict[bytes, str], list[tuple[str, str]]]:
    """Write a picture of the most telling clip of each of the first videos.

    Args:
        findings: Of the run, those with the highest scores first.
        folder: Where they go.
        top: How many videos.
        show_faces: Whether faces can be told.
        find: ``model`` and ``tracking_uri``, as of ``find_scorer``.
        s3_endpoint: Of the store, or None for the environment's.

    Returns:
        The pictures' names by video, and of which videos there is none and why.
    """
    if not top:
        return {}, []
    files, missing = find_scorer(findings.model_uris, findings.model_digests, **find)
    if files is None:
        return {}, [("any video", missing)]
    lost: list[tuple[str, str]] = []
    found = {}
    for number, (video_id, explained) in enumerate(
        explain_top(findings, files, top=top, s3_endpoint=s3_endpoint, note=lambda *each: lost.append(each)), 1
    ):
        if explained.clips:
            found[video_id] = f"{number:04d}-{video_id.hex()[:8]}.png"
            figure([explained], show_faces=show_faces).save(folder / found[video_id])
    return found, lost


def explain_top(
    findings: Findings,
    files: ModelFiles,
    *,
    top: int,
    s3_endpoint: str | None,
    note: Callable[[str, str], None],
) -> Iterator[tuple[bytes, ExplainedVideo]]:
    """Explain the first videos one after the other; arguments as of ``take_pictures``."""
    rows = findings.rows.slice(0, top).select(["video_id", "uri", "score"]).to_pylist()
    scored = [row for row in rows if row["score"] is not None]
    if not scored:
        return
    explainer = VideoExplainer({"model": files}, **choices_of(findings.settings))
    for row in scored:
        try:
            ref = find_video(row["uri"], s3_endpoint=s3_endpoint)
        except VideoError as error:
            note(row["uri"], str(error))
            continue
        if ref.video_id != row["video_id"]:
            note(row["uri"], "it was replaced since")
            continue
        for explained in explainer.explain(ref, s3_endpoint=s3_endpoint):
            yield row["video_id"], explained


def choices_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a scan's settings say of which faces, windows and how many clips were looked at, where they say it."""
    return {name: settings[name] for name in ("faces", "window_s", "max_clips") if name in settings}
