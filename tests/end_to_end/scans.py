"""A scan as a process, and what it leaves behind."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from gsgmodel.results.table import VideoTable
from tests.ray_cluster import RayCluster

ROOT = Path(__file__).resolve().parents[2]
STAGES = {
    "prepare": "MapWorker(MapBatches(PrepareActor))",
    "score": "MapWorker(MapBatches(ScoreActor))",
    "joint": "MapWorker(MapBatches(JointActor))",
    "decoder": "gsgmodel.video.child",
}


@dataclass
class RunningScan:
    """``jobs/score.py`` in a process group of its own."""

    process: subprocess.Popen[str]

    def workers(self, stage: str) -> list[psutil.Process]:
        """The processes of a stage that are alive."""
        found = {each.pid: each for each in self._descendants() if STAGES[stage] in title(each)}
        # A process that a worker starts has the worker's title until it has one of its own.
        return [each for each in found.values() if _parent_pid(each) not in found]

    def wait_for(self, is_so: Callable[[], bool], *, timeout_s: float = 120.0) -> None:
        """Wait until something holds while the scan runs."""
        until = time.monotonic() + timeout_s
        while not is_so():
            assert self.process.poll() in {None, 0}, f"the scan ended early: {self.process.communicate()}"
            assert time.monotonic() < until, "it did not come about in time"
            time.sleep(0.05)

    def finish(self, *, timeout_s: float = 240.0) -> tuple[int, str, str]:
        """Wait for the end; returns the exit code, standard output and standard error."""
        out, err = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, out, err

    def family(self) -> list[psutil.Process]:
        """All processes that the scan started."""
        return self._descendants()

    def _descendants(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []


@dataclass
class Platform:
    """A store, an MLflow server and a cluster that knows both."""

    cluster: RayCluster
    mlflow_url: str
    s3_url: str
    nodes_folder: Path
    """Holds a folder for each node."""

    def run(self, *args: str | Path, **how: Any) -> tuple[int, str]:
        """Submit a scan, wait for it, and return the client's exit code and the job's log."""
        out, _ = self.cluster.submit(*args, **how).communicate(timeout=240)
        return self.cluster_code(out), out

    @staticmethod
    def cluster_code(log: str) -> int:
        """The exit code that the job's last line tells, because the client knows only 0 and 1."""
        return int(re.findall(r"^exit code (\d+)", log, flags=re.MULTILINE)[-1])


def title(process: psutil.Process) -> str:
    """What a process calls itself; empty where it is gone."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def _parent_pid(process: psutil.Process) -> int | None:
    try:
        return int(process.ppid())
    except psutil.NoSuchProcess:
        return None


def rows_of(
    output: Path | str, columns: str = "uri, status, score, num_clips, faces", *, s3_endpoint: str | None = None
) -> dict[str, dict[str, Any]]:
    """The table's rows by file name; fails where a video has more than one."""
    rows = VideoTable.open(str(output), s3_endpoint=s3_endpoint).query(f"SELECT {columns} FROM videos").to_pylist()
    by_name = {row["uri"].rsplit("/", 1)[-1]: row for row in rows}
    assert len(by_name) == len(rows), "a video stands in the table twice"
    return by_name


def summary_of(output: Path) -> dict[str, Any]:
    """The summary of the last run."""
    runs = sorted((output / "runs").iterdir())
    summary: dict[str, Any] = json.loads((runs[-1] / "summary.json").read_text())
    return summary


def assert_same_rows(found: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]]) -> None:
    """Every video once, with all its clips and the same scores."""
    assert sorted(found) == sorted(expected)
    for name, row in expected.items():
        assert found[name]["num_clips"] == row["num_clips"]
        assert found[name]["score"] == pytest.approx(row["score"], abs=1e-5)
        assert [clip["start_s"] for face in found[name]["faces"] for clip in face["clips"]] == [
            clip["start_s"] for face in row["faces"] for clip in face["clips"]
        ]
