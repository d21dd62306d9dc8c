"""Say whether codec, resolution, colour or what is around the face gives the labels of prepared videos away."""

import json
import sys
import tempfile
from contextlib import ExitStack, redirect_stdout
from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter

from jobs.terminal import run_app

app = App(name="gsg probe", version_flags=[])


@app.default
def main(
    store: str,
    /,
    *,
    s3_endpoint: str | None = None,
    seed: int = 0,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Train small classifiers on what should tell nothing of a label, and say how well they tell fakes.

    A network trained on videos that one of them tells apart may have learned that and no forgery.

    Examples:
        gsg prepare labels.csv --output clips/

        gsg probe clips/

        gsg probe labels.csv

    Args:
        store: A clip store that `gsg prepare` made, a folder or s3://BUCKET/PREFIX; or a manifest of labelled videos
            (.csv or .parquet), of each of which one clip is prepared first, and not kept.
        s3_endpoint: Of the object store, else as in the environment.
        seed: Of the folds and of the intervals.
        json_: Print one line of JSON.
    """
    from gsgmodel.clips.store import ClipStore
    from gsgmodel.training.shortcuts import groups_of, probe_store

    with ExitStack() as stack:
        if is_manifest(store):
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="gsg-probe-"))
            if code := prepare_briefly(store, scratch, s3_endpoint=s3_endpoint):
                return code
            store = scratch
        clips = ClipStore.open(store, s3_endpoint=s3_endpoint)
        probes = probe_store(clips, groups=groups_of(clips.videos), seed=seed)
    if json_:
        found = {
            name: {"auc": probe.auc, "interval": asdict(probe.interval) if probe.interval else None}
            for name, probe in probes.items()
        }
        print(json.dumps(found))
        return 0
    for name, probe in probes.items():
        if probe.auc is None or probe.interval is None:
            print(f"{name:<11} too few videos")
            continue
        warning = "  above chance: labels can be told by it" if probe.is_above_chance else ""
        print(f"{name:<11} AUC {probe.auc:.3f} ({probe.interval.low:.3f} to {probe.interval.high:.3f}){warning}")
    return 0


def is_manifest(name: str) -> bool:
    """Whether an input names a table of videos."""
    return name.lower().endswith((".csv", ".parquet"))


def prepare_briefly(manifest: str, store: str, *, s3_endpoint: str | None) -> int:
    """Prepare one clip of each video; the exit code."""
    from gsgmodel.scan.settings import PrepareSettings
    from jobs.prepare import prepare_archive

    # Standard output is for what is found.
    with redirect_stdout(sys.stderr):
        summary = prepare_archive((manifest,), PrepareSettings(output=store, max_clips=1, s3_endpoint=s3_endpoint))
    return summary.exit_code if summary else 0


if __name__ == "__main__":
    sys.exit(run_app(app))
