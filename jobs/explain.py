"""Explain scores: which patches and places of which frames made a model call a face fake."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from gsgmodel.errors import ConfigError, VideoError
from gsgmodel.report.settings import ExplainSettings, make_folder
from jobs.terminal import FAILED, OK, run_app, say, shown_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gsgmodel.records import VideoRef
    from gsgmodel.scoring.explain import ExplainedVideo

DEFAULTS = ExplainSettings()
app = App(name="gsg explain", version_flags=[])


@app.default
def main(*videos: str, settings: Annotated[ExplainSettings, Parameter(name="*")] = DEFAULTS) -> int:
    """Explain videos: the patches that each model chose, heat maps of both streams (Grad-CAM), scores frame by frame.

    Writes a picture of each clip and a page, index.html, that opens from disk.

    Examples:
        gsg explain clip.mp4 --model MODEL

        gsg explain clip.mp4 --model MODEL --compare LOCAL-ONLY-MODEL --clips 3 --show-faces

    Args:
        videos: Files or s3://BUCKET/KEY.
        settings: Which models, how much, and where it goes.

    Raises:
        ConfigError: If no video is named.
    """
    if not videos:
        raise ConfigError("VIDEO is missing; accepted: files or s3://BUCKET/KEY")
    from gsgmodel.report.explanation import explanation_page
    from gsgmodel.report.models import find_models
    from gsgmodel.scoring.explain import VideoExplainer

    folder, models = (
        make_folder(settings.output),
        find_models([settings.model, *settings.compare], settings.tracking_uri),
    )
    explainer = VideoExplainer(
        models,
        most_clips=settings.clips,
        faces=settings.faces,
        window_s=settings.window_s,
        max_clips=settings.max_clips,
    )
    found = {}
    for number, name in enumerate(videos, 1):
        explained = explain(explainer.explain, name)
        if explained:
            found[shown_path(explained[0].row["uri"])] = explained
            write_pictures(explained, folder / f"{number:03d}", show_faces=settings.show_faces)
            for one in explained:
                tell(one, as_json=settings.json)
    thresholds = {name: files.settings.threshold for name, files in models.items()}
    page = folder / "index.html"
    page.write_text(explanation_page(found, thresholds=thresholds, show_faces=settings.show_faces))
    say([f"explained {len(found)} of {len(videos)} videos: {page}"])
    return OK if len(found) == len(videos) else FAILED


def explain(explain_ref: "Callable[[VideoRef], Iterator[ExplainedVideo]]", name: str) -> "list[ExplainedVideo]":
    """What every model says of a video; nothing of one that is not there, which is said."""
    from gsgmodel.scoring.video import find_video

    try:
        return list(explain_ref(find_video(name)))
    except VideoError as error:
        say([f"{shown_path(name)}: {error}"])
        return []


def write_pictures(explained: "list[ExplainedVideo]", stem: Path, *, show_faces: bool) -> None:
    """Write a picture of each clip, as every model sees it."""
    from gsgmodel.report.pictures import figure

    for place in range(len(explained[0].clips)):
        picture = figure(explained, place=place, show_faces=show_faces)
        picture.save(stem.with_name(f"{stem.name}-clip-{place + 1}.png"))


def tell(explained: "ExplainedVideo", *, as_json: bool) -> None:
    """Print what a model says of a video, in a line."""
    row = explained.row
    score = row["status"] if row["score"] is None else f"{row['score']:.4f}"
    text = f"{score}  {shown_path(row['uri'])}  ({explained.model})"
    if as_json:
        facts = {name: row[name] for name in ("uri", "status", "error_text", "score", "score_global", "score_fusion")}
        print(json.dumps({"model": explained.model, **facts}), flush=True)
    print(text, file=sys.stderr if as_json else sys.stdout, flush=True)


if __name__ == "__main__":
    sys.exit(run_app(app))
