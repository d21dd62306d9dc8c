"""Signals and deadlines: what is finished is committed, what is in work is drained, and the exit code says so."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.end_to_end.conftest import NUM_VIDEOS
from tests.end_to_end.scans import RunningScan, rows_of, summary_of

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]


def wait_until_rows(scan: RunningScan, output: Path, *, least: int) -> None:
    scan.wait_for(lambda: (output / "videos" / "_delta_log").is_dir() and len(rows_of(output)) >= least)


@pytest.mark.parametrize(
    ("signum", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
    ids=["interrupt", "terminate"],
)
def test_a_signal_drains_commits_and_leaves_with_its_code(
    signum: signal.Signals, code: int, archive: Path, model: Path, tmp_path: Path, start_scan: Any
) -> None:
    scan = start_scan(archive, "--model", model, "--output", tmp_path, "--commit-s", "0.2")
    wait_until_rows(scan, tmp_path, least=1)
    asked_at = time.monotonic()
    scan.process.send_signal(signum)
    found, _, err = scan.finish()
    assert found == code, err
    assert time.monotonic() - asked_at < 60
    assert "Traceback" not in err
    summary = summary_of(tmp_path)
    assert summary["exit_code"] == code
    assert summary["committed"] == len(rows_of(tmp_path))
    assert summary["committed"] + summary["left"] == NUM_VIDEOS
    assert summary["left"] > 0, "the signal came too late to prove anything"


@pytest.mark.slow
def test_a_signal_to_the_whole_group_keeps_what_is_committed(
    archive: Path, model: Path, tmp_path: Path, start_scan: Any
) -> None:
    scan = start_scan(archive, "--model", model, "--output", tmp_path, "--commit-s", "0.2")
    wait_until_rows(scan, tmp_path, least=1)
    os.killpg(scan.process.pid, signal.SIGTERM)
    code, _, err = scan.finish(timeout_s=90)
    assert code == 143, err
    summary = summary_of(tmp_path)
    assert summary["committed"] == len(rows_of(tmp_path)) >= 1
    assert summary["committed"] + summary["left"] == NUM_VIDEOS


def test_a_deadline_stops_starting_and_leaves_the_rest_to_the_next_run(
    archive: Path, model: Path, tmp_path: Path, start_scan: Any
) -> None:
    code, _, err = start_scan(archive, "--model", model, "--output", tmp_path, "--deadline", "1s").finish()
    assert code == 5, err
    summary = summary_of(tmp_path)
    assert summary["reason"].startswith("deadline reached")
    assert summary["left"] == NUM_VIDEOS - summary["committed"] > 0
    unfinished = pq.read_table(next(tmp_path.glob("runs/*/unfinished.parquet"))).to_pylist()
    assert {row["status"] for row in unfinished} == {"left"}
    assert len(unfinished) == summary["left"]
