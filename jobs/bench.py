"""Measure what scans cost against peers, side by side, and keep the figures."""

import importlib
import importlib.util
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import joblib
from cyclopts import App, Parameter

from gsgmodel.datasets.made import make_once
from gsgmodel.errors import ConfigError
from gsgmodel.tracking.address import NO_TRACKING, tracking_address
from gsgmodel.tracking.runs import TrackedRun
from jobs.terminal import OK, run_app, say

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("decode", "faces", "forward", "temporal", "train", "pipeline", "remote", "scaling")
EXPERIMENT = "gsg-bench"
MADE = 6
ADVICE = "pip install -e '.[bench]' brings it"
app = App(name="gsg bench", version_flags=[])


@app.default
def main(
    *names: str,
    videos: Path | None = None,
    rounds: int = 5,
    output: Path = Path("out/bench"),
    tracking_uri: str | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Measure, print a table of ratios with their spread, and keep it as JSON, as markdown and in MLflow.

    All ways of a benchmark take turns in one run, and what counts is their ratio: absolute times are this machine's.

    Examples:
        gsg bench decode faces --videos my_videos/ --rounds 3

    Args:
        names: decode, faces, forward, temporal, train, pipeline, remote, scaling; all of them by default.
        videos: A folder of videos; a few are made where none is named.
        rounds: How often each way is measured.
        output: Folder for NAME.json, NAME.md and plots.
        tracking_uri: MLflow's address, MLFLOW_TRACKING_URI or a database here by default; `none` keeps nothing there.
        json_: Print the results as one JSON object.
    """
    check(names, videos, rounds)
    sys.path.insert(0, str(ROOT))
    address = tracking_address(tracking_uri, folder=Path.cwd())
    folder = videos or made_videos(output / "videos")
    results = {}
    for name in names or usual_names():
        comparison = importlib.import_module(f"tests.bench.{name}").measure(folder, rounds=rounds)
        results[name], files = comparison.to_dict(), comparison.files(name)
        output.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (output / file).write_bytes(content)
        if not json_:
            print(comparison.markdown(), end="\n\n", flush=True)
        if address != NO_TRACKING:
            keep(name, files, comparison.metrics(), rounds=rounds, address=address)
    if json_:
        print(json.dumps(results, default=str))
    return OK


def check(names: Sequence[str], videos: Path | None, rounds: int) -> None:
    """Refuse what cannot be measured.

    Raises:
        ConfigError: There is no such benchmark or folder, a peer is missing, or there are to be no rounds.
    """
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        raise ConfigError(f"there is no benchmark {unknown[0]!r}; accepted: {', '.join(NAMES)}")
    if "pipeline" in names and not has_opencv():
        raise ConfigError(f"the benchmark 'pipeline' needs OpenCV for its peer; {ADVICE}")
    if rounds < 1:
        raise ConfigError(f"--rounds is {rounds}; accepted: at least 1")
    if videos is not None and not videos.is_dir():
        raise ConfigError(f"--videos is {str(videos)!r}, which is no folder")


def usual_names() -> list[str]:
    """All benchmarks whose peers are there; says which is left out."""
    if not has_opencv():
        say([f"'pipeline' is left out: its peer needs OpenCV; {ADVICE}"])
    return [name for name in NAMES if name != "pipeline" or has_opencv()]


def has_opencv() -> bool:
    """Whether the plain script can run."""
    return importlib.util.find_spec("cv2") is not None


def made_videos(folder: Path) -> Path:
    """A folder of a few made videos of public-domain faces; made once."""
    if make_once(folder, num_videos=MADE, seed=0):
        say([f"made {MADE} videos in {folder}; --videos names others"])
    return folder


def keep(name: str, files: Mapping[str, bytes], metrics: Mapping[str, float], *, rounds: int, address: str) -> None:
    """Put one benchmark's figures into MLflow, and say so if that failed."""
    identity = {"run_id": name, "machine": platform.processor() or platform.machine(), "cores": joblib.cpu_count()}
    run = TrackedRun.start(
        {"benchmark": name, "rounds": rounds, "identity": identity}, tracking_uri=address, experiment=EXPERIMENT
    )
    failure = run.finish({**metrics, "exit_code": OK}, files)
    say([failure] if failure else [])


if __name__ == "__main__":
    sys.exit(run_app(app))
