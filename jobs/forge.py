"""Make labelled videos of real footage: each piece as it was filmed, and with its face forged."""

import json
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from gsgmodel.datasets.footage import ForgeSettings
from gsgmodel.errors import ConfigError
from jobs.terminal import run_app, say, shown_path

WORTH = "such forgeries say nothing about those in the world: they are for trying things out where there is no data set"
DEFAULTS = ForgeSettings()
app = App(name="gsg forge", version_flags=[])


@app.default
def main(
    *inputs: str,
    output: Path,
    identities: Path | None = None,
    settings: Annotated[ForgeSettings, Parameter(name="*")] = DEFAULTS,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Cut real footage into pieces, forge the largest face of each, and write both with a manifest for gsg prepare.

    Real and forged pieces share frames, size and encoder; people stay in one split, and swaps within it.

    Examples:
        gsg forge footage/ --output forged/

        gsg prepare forged/manifest.csv --output clips/ --boxes-from original

    Args:
        inputs: Files, folders, s3://BUCKET/PREFIX, or manifests of real videos.
        output: Folder for the videos and `manifest.csv`.
        identities: A .csv with `path` and `identity`: who is in a video; by default each shows somebody else.
        settings: How forgeries are made.
        json_: Print one line of JSON.

    Raises:
        ConfigError: If nothing can be forged.
    """
    from gsgmodel.datasets.footage import list_footage, read_pieces
    from gsgmodel.datasets.forge import forge_pieces
    from gsgmodel.datasets.splits import draw_splits
    from gsgmodel.faces.detector import FaceDetector
    from gsgmodel.model.settings import PREPARATION

    footage = list_footage(inputs, identities)
    splits = draw_splits(
        [video for _, video in footage],
        val_share=settings.val_share,
        test_share=settings.test_share,
        seed=settings.seed,
    )
    detector = FaceDetector.of(replace(PREPARATION, detect_every=1))
    output.mkdir(parents=True, exist_ok=True)
    pieces = read_pieces(footage, splits, cut=settings.cut, detector=detector, note=left_out)
    counts: Counter[tuple[str, str]] = Counter()
    for video in forge_pieces(
        pieces, output, methods=settings.chosen, fakes_per_real=settings.fakes_per_real, seed=settings.seed
    ):
        counts[video.split, video.method] += 1
    if not counts:
        raise ConfigError("nothing could be forged: no video shows a face that is large enough")
    manifest = output / "manifest.csv"
    if json_:
        videos: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (split, method), count in sorted(counts.items()):
            videos[split][method] = count
        print(json.dumps({"manifest": str(manifest), "videos": videos}))
        return 0
    for (split, method), count in sorted(counts.items()):
        print(f"{split:<6} {method:<11} {count}")
    print(f"manifest {manifest}\n{WORTH}")
    return 0


def left_out(uri: str, reason: str) -> None:
    """Say that a video is not used, and why."""
    say([f"left out {shown_path(uri)}: {reason}"])


if __name__ == "__main__":
    sys.exit(run_app(app))
