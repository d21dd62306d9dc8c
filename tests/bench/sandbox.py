"""What decoding in a confined process costs over decoding in the caller's own, on the same files.

    python tests/bench/sandbox.py FILE... [--rounds N]

Both ways take turns on every file; printed are the ratios of wall and CPU time over all files, a round each.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from gsgmodel.errors import VideoError
from gsgmodel.video.reader import Opener, open_video
from gsgmodel.video.sandbox import Sandbox

HOW = {"frames_per_clip": 12, "window_s": 60.0, "max_clips": 32}


def read(opener: Opener, path: Path) -> int:
    """Decode what a scan decodes of a file; how many frames that is."""
    with path.open("rb") as file, opener(file, **HOW) as video:
        return sum(len(window.frames) for window in video.read())


def spent(opener: Opener, path: Path, cpu_s: Callable[[], float]) -> tuple[float, float]:
    """Wall and CPU seconds of one file."""
    wall_s, before_s = time.perf_counter(), cpu_s()
    read(opener, path)
    return time.perf_counter() - wall_s, cpu_s() - before_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    sandbox = Sandbox()
    print(f"sandbox: {'+'.join(sandbox.measures)}")

    def cpu_s() -> float:
        return time.process_time() + sandbox.cpu_s

    files = [path for path in asked.files if is_video(path)]
    for opener in (open_video, sandbox.open):
        read(opener, files[0])
    ratios: list[tuple[float, float]] = []
    for number in range(asked.rounds):
        sums = {"here": [0.0, 0.0], "there": [0.0, 0.0]}
        for place, path in enumerate(files):
            ways: list[tuple[str, Opener]] = [("here", open_video), ("there", sandbox.open)]
            for name, opener in ways if (place + number) % 2 else ways[::-1]:
                for index, value in enumerate(spent(opener, path, cpu_s)):
                    sums[name][index] += value
        ratios.append((sums["there"][0] / sums["here"][0], sums["there"][1] / sums["here"][1]))
        walls = f"{sums['here'][0]:.2f} s here, {sums['there'][0]:.2f} s there"
        print(f"round {number + 1}: {walls}, CPU ratio {ratios[-1][1]:.3f}")
    for name, values in zip(("wall", "CPU"), zip(*ratios, strict=True), strict=True):
        print(f"{name}: median ratio {statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})")
    sandbox.close()


def is_video(path: Path) -> bool:
    """Whether a file decodes at all: after one that does not a new process is started, which is another cost."""
    try:
        return read(open_video, path) > 0
    except VideoError:
        return False


if __name__ == "__main__":
    main()
