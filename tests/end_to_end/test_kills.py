"""Kill -9 at random moments: each video stands in the table exactly once, with all its clips."""

import contextlib
import random
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.end_to_end.scans import assert_same_rows, rows_of, summary_of

pytestmark = [pytest.mark.ray, pytest.mark.timeout(1200)]
KILLS_A_SCAN = 2
ROUNDS = 5
"""Of two kills each: one round in every test run, all of them in a slow one."""
WORKERS_GONE_S = 20.0

rounds = pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.slow] if seed else [], id=f"round{seed}") for seed in range(ROUNDS)]
)


@rounds
@pytest.mark.parametrize("stage", ["joint", "prepare", "score", "decoder"])
def test_killed_actors_and_decoders_cost_a_retry_and_never_a_row(
    stage: str, seed: int, archive: Path, model: Path, undisturbed: dict[str, Any], tmp_path: Path, start_scan: Any
) -> None:
    moment = random.Random(f"{stage}{seed}")
    apart = ("--prepare-actors", "2", "--score-actors", "2") if stage in {"prepare", "score"} else ()
    scan = start_scan(archive, "--model", model, "--output", tmp_path, "--commit-s", "0.5", *apart)
    killed: set[int] = set()

    def victims() -> list[psutil.Process]:
        return [worker for worker in scan.workers(stage) if worker.pid not in killed]

    scan.wait_for(lambda: bool(victims()))
    for _ in range(KILLS_A_SCAN):
        # A video whose decoder dies twice is a row that says so: the second kill must meet another video.
        time.sleep(moment.uniform(1.0 if stage == "decoder" else 0.0, 2.5))
        # The scan may be through by now, which is a moment like any other.
        if found := victims():
            victim = moment.choice(found)
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGKILL)
            killed.add(victim.pid)
    assert killed
    code, _, err = scan.finish()
    assert code == 0, err
    assert_same_rows(rows_of(tmp_path), undisturbed)
    assert summary_of(tmp_path)["lost"] == 0


@rounds
def test_a_killed_driver_is_taken_up_where_it_committed_last(
    seed: int, archive: Path, model: Path, undisturbed: dict[str, Any], tmp_path: Path, start_scan: Any
) -> None:
    moment = random.Random(f"driver{seed}")
    args = (archive, "--model", model, "--output", tmp_path, "--commit-s", "0.5")
    for _ in range(KILLS_A_SCAN):
        scan = start_scan(*args)
        # A run that a lucky one before it has left nothing to do for ends without any worker.
        scan.wait_for(lambda scan=scan: bool(scan.workers("joint")) or scan.process.poll() == 0)
        time.sleep(moment.uniform(0.0, 8.0))
        workers = scan.workers("joint")
        scan.process.send_signal(signal.SIGKILL)
        scan.process.communicate()
        _, alive = psutil.wait_procs(workers, timeout=WORKERS_GONE_S)
        # A worker of Ray 2.60 can deadlock in its own destructors; that must not fail the run after it.
        for worker in alive:
            worker.kill()
    code, _, err = start_scan(*args).finish()
    assert code == 0, err
    assert_same_rows(rows_of(tmp_path), undisturbed)
