"""How well a scan uses its cores, and whether its memory stays flat.

Usage: python tests/bench/scan.py FOLDER [--copies N] [--model REF] [--seconds-between-samples S]

Links every video of FOLDER N times into a scratch archive, scans it, and prints one line of JSON: thread CPU time in
decode, detect and forward over cores x wall time between 20 % and 80 % of the videos; the memory of its own of each
stage's processes in each tenth of the run; and what Ray spilled.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pyarrow.compute as pc

from gsgmodel.archive.listing import VIDEO_SUFFIXES
from gsgmodel.scan.commit import Committer
from gsgmodel.scan.preflight import this_machine
from gsgmodel.scan.settings import ScanSettings
from jobs.score import score_archive

STAGES = {"PrepareActor": "prepare", "ScoreActor": "score", "JointActor": "joint", "raylet": "raylet"}


class Watch:
    """Notes when CPU time arrived, and the memory of every process, while a scan runs."""

    def __init__(self, every_s: float) -> None:
        self.arrivals: list[tuple[float, int, float]] = []
        self.samples: list[tuple[float, str, int]] = []
        self._every_s = every_s
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Watch":
        take = Committer.take

        def noted(committer: Committer, block: Any) -> list[bytes]:
            cpu_s = sum(pc.sum(block[name]).as_py() or 0.0 for name in ("prepare_cpu_s", "score_cpu_s"))
            self.arrivals.append((time.monotonic(), block.num_rows, cpu_s))
            return take(committer, block)

        Committer.take = noted  # type: ignore[method-assign]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _sample(self) -> None:
        driver = psutil.Process()
        while not self._is_over.wait(self._every_s):
            now_s = time.monotonic()
            self.samples.append((now_s, "driver", own_bytes(driver)))
            found = processes_below(driver, STAGES)
            self.samples += [(now_s, f"{stage} {pid}", size_bytes) for stage, pid, size_bytes in found]


def processes_below(driver: psutil.Process, kinds: Mapping[str, str]) -> Iterator[tuple[str, int, int]]:
    """Kind, number and bytes of its own of each process whose command line holds a kind's mark."""
    for process in driver.children(recursive=True):
        try:
            title, size_bytes = " ".join(process.cmdline()), own_bytes(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        yield from ((kind, process.pid, size_bytes) for mark, kind in kinds.items() if mark in title)


def own_bytes(process: psutil.Process) -> int:
    """Resident memory without what is shared with others, such as the object store."""
    memory = process.memory_info()
    return int(memory.rss - memory.shared)


def busy_share(arrivals: list[tuple[float, int, float]], *, cores: int) -> float:
    """Thread CPU time of the stages over cores x wall, between 20 % and 80 % of the videos."""
    total = sum(count for _, count, _ in arrivals)
    seen, window = 0, []
    for moment_s, count, cpu_s in arrivals:
        seen += count
        if 0.2 * total <= seen <= 0.8 * total:
            window.append((moment_s, cpu_s))
    wall_s = window[-1][0] - window[0][0]
    # The first arrival of the window was worked on before it began.
    return sum(cpu_s for _, cpu_s in window[1:]) / (cores * wall_s)


def memory(samples: list[tuple[float, str, int]], *, first_s: float, last_s: float) -> dict[str, list[int]]:
    """Peak MB of its own of each process in each tenth of the time that videos arrived."""
    tenth_s = (last_s - first_s) / 10
    peaks: dict[str, list[int]] = {}
    for moment_s, name, size_bytes in samples:
        tenth = int((moment_s - first_s) // tenth_s)
        if 0 <= tenth < 10:
            process = peaks.setdefault(name, [0] * 10)
            process[tenth] = max(process[tenth], size_bytes >> 20)
    return peaks


def spilled_bytes() -> int:
    """Bytes of the files that Ray spilled in its newest session on this machine."""
    session = Path("/tmp/ray/session_latest")
    return sum(
        file.stat().st_size for folder in session.glob("*spill*") for file in folder.rglob("*") if file.is_file()
    )


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--model", default="untrained")
    parser.add_argument("--seconds-between-samples", type=float, default=1.0)
    parser.add_argument("--prepare-actors", type=int)
    parser.add_argument("--score-actors", type=int)
    given = parser.parse_args()
    videos = [path for path in sorted(given.folder.iterdir()) if path.suffix.lower() in VIDEO_SUFFIXES]
    with tempfile.TemporaryDirectory(prefix="gsg-bench-") as scratch:
        archive = Path(scratch) / "archive"
        archive.mkdir()
        for copy in range(given.copies):
            for video in videos:
                Path(archive / f"{copy:04}_{video.name}").symlink_to(video.resolve())
        with Watch(given.seconds_between_samples) as watch:
            summary = score_archive(
                (str(archive),),
                ScanSettings(
                    output=f"{scratch}/out",
                    model=given.model,
                    commit_s=5.0,
                    prepare_actors=given.prepare_actors,
                    score_actors=given.score_actors,
                ),
            )
    assert summary is not None
    first_s, last_s = watch.arrivals[0][0], watch.arrivals[-1][0]
    result = {
        "videos": summary.planned,
        "by_status": dict(summary.by_status),
        "videos_per_s": round(summary.planned / (last_s - first_s), 3),
        "busy_share": round(busy_share(watch.arrivals, cores=this_machine().cores), 3),
        "prepare_cpu_s": summary.prepare_cpu_s,
        "score_cpu_s": summary.score_cpu_s,
        "spilled_bytes": spilled_bytes(),
        "memory_mb": memory(watch.samples, first_s=first_s, last_s=last_s),
    }
    print(json.dumps(result))
    return summary.exit_code


if __name__ == "__main__":
    sys.exit(main())
