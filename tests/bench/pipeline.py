"""A scan against the plain script (``plain.py``) on the same videos, both as commands that a user starts.

Both score the largest face of a video, once. Steady state is between 20 % and 80 % of the videos; a video is done when
a command prints its line.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import joblib

from gsgmodel.archive.listing import VIDEO_SUFFIXES
from tests.bench.side_by_side import Comparison, turns

ROOT = Path(__file__).parents[2]
FROM, TO = 0.2, 0.8
VIDEOS = 48
SCAN, PEER, ONE_BY_ONE = "a scan", "plain script", "plain script, frame by frame"
FACTS = {"whole": "videos/s, start-up included", "first_s": "s to the first video"}


def arrivals_s(command: Sequence[str], *, mark: str) -> tuple[list[float], float]:
    """Run a command; when each line with ``mark`` came, and how long all took, from the start."""
    start_s = time.monotonic()
    came_s = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        came_s.extend(time.monotonic() - start_s for line in process.stdout or () if mark in line)
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode} of {' '.join(command)[:200]}")
    return came_s, time.monotonic() - start_s


def rates(came_s: list[float], whole_s: float) -> dict[str, float]:
    """Videos/s of all and in steady state, and when the first was done."""
    first, last = int(len(came_s) * FROM), int(len(came_s) * TO)
    return {
        "videos": len(came_s),
        "whole": len(came_s) / whole_s,
        "steady": (last - first) / (came_s[last] - came_s[first]),
        "first_s": came_s[0],
    }


def measure(folder: Path, *, rounds: int) -> Comparison:
    """Compare over 48 videos: those of a folder, as often as is needed."""
    videos = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in VIDEO_SUFFIXES]
    found: dict[str, list[dict[str, float]]] = {SCAN: [], PEER: [], ONE_BY_ONE: []}
    with tempfile.TemporaryDirectory(prefix="gsg-bench-") as scratch:
        archive = Path(scratch) / "archive"
        archive.mkdir()
        for number in range(VIDEOS):
            video = videos[number % len(videos)]
            (archive / f"{number:04}_{video.name}").symlink_to(video.resolve())
        files = [str(path) for path in sorted(archive.iterdir())]
        scan = [str(ROOT / "jobs/score.py"), str(archive), "--model", "untrained", "--faces", "largest"]
        plain = str(ROOT / "tests/bench/plain.py")
        ways = {
            SCAN: (scan, "archive/"),
            PEER: ([plain, *files], "score"),
            ONE_BY_ONE: ([plain, "--one-by-one", *files], "score"),
        }
        for name in turns(ways, rounds=rounds):
            command, mark = ways[name]
            found[name].append(rates(*arrivals_s([sys.executable, *command], mark=mark)))
    facts = {"videos": VIDEOS, "cores": joblib.cpu_count()}
    for key, says in FACTS.items():
        facts |= {f"{says}, {name}": ", ".join(f"{each[key]:.2f}" for each in found[name]) for name in ways}
    for peer in (PEER, ONE_BY_ONE):
        ratios = [ours["whole"] / theirs["whole"] for ours, theirs in zip(found[SCAN], found[peer], strict=True)]
        facts[f"a scan's videos/s over the {peer}'s, start-up included"] = (
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    return Comparison(
        title="Whole scan, in steady state",
        peer=PEER,
        took_s={name: [1 / each["steady"] for each in values] for name, values in found.items()},
        unit="wall s a video",
        facts=facts,
    )
