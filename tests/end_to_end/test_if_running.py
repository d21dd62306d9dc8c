"""A scan that is submitted while one runs: it waits, leaves, or joins, and the table has each video once."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.scans import RunningScan, assert_same_rows, rows_of

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]
ONE_EACH = ("--prepare-actors", "1", "--score-actors", "1", "--commit-s", "0.5")


def test_a_scan_leaves_or_waits_for_one_that_runs(
    archive: Path, model: Path, undisturbed: dict[str, Any], tmp_path: Path, start_scan: Any
) -> None:
    args = (archive, "--model", model, "--output", tmp_path, *ONE_EACH)
    first: RunningScan = start_scan(*args)
    first.wait_for((tmp_path / "videos.lease.json").is_file)
    holder = json.loads((tmp_path / "videos.lease.json").read_text())
    waiting: RunningScan = start_scan(*args)
    code, _, err = start_scan(*args, "--if-running", "leave").finish()
    assert code == 0, err
    assert f"run {holder['run_id']} on " in err
    assert "leaving it to that" in err
    for scan in (first, waiting):
        code, _, err = scan.finish(timeout_s=400)
        assert code == 0, err
    assert "waiting for its end" in err
    assert "24 already scored" in err or "already scored 24" in err, err
    assert_same_rows(rows_of(tmp_path), undisturbed)
    assert len(list((tmp_path / "runs").iterdir())) == 2
    assert not (tmp_path / "videos.lease.json").exists()


@pytest.mark.slow
def test_a_killed_scan_does_not_keep_the_next_one_waiting(
    archive: Path, model: Path, undisturbed: dict[str, Any], tmp_path: Path, start_scan: Any
) -> None:
    args = (archive, "--model", model, "--output", tmp_path, *ONE_EACH)
    first: RunningScan = start_scan(*args)
    first.wait_for(lambda: bool(first.workers("score")))
    first.process.kill()
    first.process.communicate()
    assert (tmp_path / "videos.lease.json").is_file()
    code, _, err = start_scan(*args).finish()
    assert code == 0, err
    assert "is writing to this output" not in err
    assert_same_rows(rows_of(tmp_path), undisturbed)
