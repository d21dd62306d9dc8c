"""Write the manifest of a published data set: labels, people and splits, and what is odd about the copy."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from gsgmodel.datasets.known import DatasetSettings, read_dataset
from gsgmodel.datasets.protocol import draw_subset, leaks, split_videos
from gsgmodel.datasets.published import PublishedVideo, check_csv, write_manifest
from jobs.terminal import run_app, say

DEFAULTS = DatasetSettings()
SPLITS = ("train", "val", "test")
LEFT_OUT = "left out"
app = App(name="gsg dataset", version_flags=[])


@app.default
def main(
    name: str,
    root: Path,
    /,
    *,
    output: Path,
    settings: Annotated[DatasetSettings, Parameter(name="*")] = DEFAULTS,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """List a copy of FaceForensics++, DFD, DFDC or Celeb-DF as its authors lay it out, and write a manifest for it.

    What is listed and missing, what is there and not understood, and what splits share is said and counted.

    Examples:
        gsg dataset ff++ /data/faceforensics --compression c40 --output ffpp-lq.csv

        gsg dataset celeb-df-v2 /data/celeb-df --split id-disjoint --output celeb.csv

        gsg dataset dfdc-train /data/dfdc --split paper-7-3 --subset 1000 --output dfdc-2000.csv

    Args:
        name: ff++, dfd, dfdc-train, dfdc-test, dfdc-preview, celeb-df-v1 or celeb-df-v2.
        root: Where it lies.
        output: The manifest (.csv), for `gsg prepare`, `gsg score` and `gsg train`.
        settings: Which videos, and how they are split.
        json_: Print one line of JSON.
    """
    check_csv("--output", output)
    catalogue = read_dataset(name, root, compression=settings.compression, methods=settings.chosen)
    videos = list(catalogue.videos)
    if settings.subset is not None:
        videos = draw_subset(videos, num_per_class=settings.subset, seed=settings.seed)
    splits = split_videos(videos, settings.split, seed=settings.seed)
    write_manifest(output, videos, splits=splits)
    say([f"note: {line}" for line in catalogue.findings.lines()])
    if json_:
        counts = Counter((splits.get(video.path, LEFT_OUT), video.method) for video in videos)
        facts = {
            "manifest": str(output),
            "videos": [{"split": split, "method": method, "count": count} for (split, method), count in counts.items()],
            "shared": [asdict(leak) for leak in leaks(videos, splits)],
            "notes": catalogue.findings.lines(),
        }
        print(json.dumps(facts))
        return 0
    print("\n".join([*counts_text(videos, splits), *leaks_text(videos, splits), f"manifest {output}"]))
    return 0


def counts_text(videos: Sequence[PublishedVideo], splits: dict[str, str]) -> list[str]:
    """Videos of each method in each split, and what always saying the same would be right about."""
    counts = Counter((video.label, video.method, splits.get(video.path, LEFT_OUT)) for video in videos)
    columns = [*SPLITS, *([LEFT_OUT] if len(splits) < len(videos) else [])]
    lines = [f"{'':<22}" + "".join(f"{column:>10}" for column in columns)]
    for label, method in sorted({(video.label, video.method) for video in videos}):
        numbers = "".join(f"{counts[label, method, column]:>10}" for column in columns)
        lines.append(f"{('real', 'fake')[label]} {method:<17}{numbers}")
    rates = []
    for column in columns:
        fakes, both = (
            sum(count for (label, _, where), count in counts.items() if where == column and label >= least)
            for least in (1, 0)
        )
        rates.append(f"{max(fakes, both - fakes) / both:>10.1%}" if both else f"{'':>10}")
    return [*lines, f"{'majority rate':<22}" + "".join(rates)]


def leaks_text(videos: Sequence[PublishedVideo], splits: dict[str, str]) -> list[str]:
    """What each pair of splits shares."""
    return [
        f"{first} and {second} share {leak.num_people} people and {leak.num_clips} clips: {leak.num_touched} of "
        f"{leak.num_videos} {second} videos"
        for leak in leaks(videos, splits)
        for first, second in [leak.pair]
        if leak.num_videos
    ]


if __name__ == "__main__":
    sys.exit(run_app(app))
