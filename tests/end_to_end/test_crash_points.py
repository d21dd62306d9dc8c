"""The driver dies at one point after the other; the next run finds a sound table and ends with every video once."""

import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gsgmodel.upkeep.checkup import check_table
from gsgmodel.upkeep.maintenance import find_unneeded
from gsgmodel.upkeep.snapshot import Snapshot
from tests.end_to_end.scans import ROOT, assert_same_rows, rows_of, summary_of

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]
NUM_VIDEOS = 6
DRIVER = """
import os, signal, sys
import deltalake, ray
from gsgmodel.results.runs import RunFolder
from gsgmodel.scan import planner
from gsgmodel.scan.commit import Committer
from gsgmodel.scan.planner import Planner

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def after(function, *, calls=1):
    left = [calls]
    def dying(*args, **how):
        answer = function(*args, **how)
        left[0] -= 1
        if not left[0]:
            die()
        return answer
    return dying

{patch}
from jobs.score import app
from jobs.terminal import run_app
sys.exit(run_app(app, sys.argv[1:]))
"""
IN_PARTS = "planner.FIRST_PART_S = planner.PART_S = planner.BATCH_S = 0.0\nplanner.BATCH_ROWS = planner._AT_ONCE = 1\n"
POINTS = {
    "before the plan is complete": f"{IN_PARTS}planner.write_part = after(planner.write_part, calls=3)",
    "before anything is planned": "planner.write_part = die",
    "mid-prepare": "Committer.take = die",
    "after score, before it is committed": "Committer.take = after(Committer.take, calls=3)",
    "in an append, its file written": "deltalake.DeltaTable.create_write_transaction = die",
    "in an append, its commit made": (
        "deltalake.DeltaTable.create_write_transaction = after(deltalake.DeltaTable.create_write_transaction)"
    ),
    "after the last append, before the summary": "RunFolder.write_unfinished = die",
    "after what is unfinished, before the summary": "RunFolder.write_summary = die",
    "while small files are merged": "deltalake.table.TableOptimizer.compact = die",
}
IN_EVERY_RUN = {"in an append, its file written"}


@pytest.fixture(scope="session")
def few(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of the archive's videos."""
    folder = tmp_path_factory.mktemp("few")
    for path in sorted(archive.glob("*.mp4"))[:NUM_VIDEOS]:
        shutil.copy2(path, folder)
    return folder


@pytest.mark.parametrize(
    "point", [pytest.param(name, marks=[] if name in IN_EVERY_RUN else [pytest.mark.slow]) for name in POINTS]
)
def test_whatever_the_driver_dies_of_the_next_run_has_every_video_once(
    point: str, few: Path, model: Path, undisturbed: dict[str, Any], tmp_path: Path, start_scan: Any
) -> None:
    args = (few, "--model", model, "--output", tmp_path, "--commit-s", "0.2")
    died = subprocess.run(
        [sys.executable, "-c", DRIVER.format(patch=POINTS[point]), *map(str, args)],
        cwd=ROOT,
        env={**os.environ, "GSG_TRACKING_URI": "none", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        start_new_session=True,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    before = len(rows_of(tmp_path))
    wrong = [check for check in check_table(Snapshot.open(str(tmp_path))) if check.verdict == "wrong"]
    assert wrong == []
    orphans = find_unneeded(Snapshot.open(str(tmp_path)), older_than=timedelta()).orphans
    assert bool(orphans) is (point == "in an append, its file written")
    code, _, err = start_scan(*args).finish()
    assert code == 0, err
    names = {path.name for path in few.glob("*.mp4")}
    assert_same_rows(rows_of(tmp_path), {name: row for name, row in undisturbed.items() if name in names})
    summary = summary_of(tmp_path)
    assert (summary["planned"], summary["lost"]) == (NUM_VIDEOS - before, 0)
