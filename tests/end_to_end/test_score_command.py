"""The scan as a user sees it: what it prints, keeps and returns."""

import contextlib
import csv
import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq
import pytest

from gsgmodel.results.table import VideoTable
from tests.end_to_end.conftest import NUM_VIDEOS
from tests.end_to_end.scans import RunningScan, assert_same_rows, rows_of, summary_of

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]
ONE_EACH = ("--prepare-actors", "1", "--score-actors", "1")
"""Starts sooner than pools that fill the machine."""


def test_what_is_done_stays_done_and_what_changed_or_is_retried_is_scored_again(
    archive: Path, model: Path, tmp_path: Path, start_scan: Any
) -> None:
    few, output = tmp_path / "few", tmp_path / "out"
    few.mkdir()
    first, second = sorted(archive.glob("*.mp4"))[:2]
    shutil.copy2(first, few / "a.mp4")
    shutil.copy2(second, few / "b.mp4")
    (few / "c.mp4").write_bytes(b"no video at all")
    (few / "notes.txt").write_text("not a candidate")

    def scan(*args: str) -> dict[str, Any]:
        given = (few, "--model", model, "--output", output, "--json", *ONE_EACH, *args)
        code, out, err = start_scan(*given).finish()
        summary: dict[str, Any] = json.loads(out.splitlines()[-1])
        assert code == summary["exit_code"] == summary_of(output)["exit_code"], err
        assert err.splitlines()[-1].startswith(f"exit code {code}")
        return summary

    summary = scan()
    assert summary["by_status"] == {"scored": 2, "unreadable": 1}
    assert (summary["exit_code"], summary["committed"], summary["left_out_suffixes"]) == (0, 3, {".txt": 1})
    before = rows_of(output, "uri, run_id, status")

    summary = scan()
    assert (summary["exit_code"], summary["planned"], summary["left_out"]["already scored"]) == (0, 0, 3)

    os.utime(few / "a.mp4", ns=(1, 1_700_000_000_000_000_000))
    summary = scan("--retry", "unreadable,no_face", "--max-failures", "0.2")
    assert (summary["exit_code"], summary["planned"], summary["committed"]) == (3, 2, 2)
    table = VideoTable.open(str(output))
    counted = table.query("SELECT uri, count(*) AS n, max(run_id) AS last FROM videos GROUP BY uri").to_pylist()
    by_name = {row["uri"].rsplit("/", 1)[-1]: row for row in counted}
    assert {name: row["n"] for name, row in by_name.items()} == {"a.mp4": 2, "b.mp4": 1, "c.mp4": 1}
    assert by_name["b.mp4"]["last"] == before["b.mp4"]["run_id"]
    assert by_name["c.mp4"]["last"] == summary["run_id"] != before["c.mp4"]["run_id"]
    settings = tomllib.loads((output / "runs" / summary["run_id"] / "settings.toml").read_text())
    assert (settings["model"], settings["max_failures"]) == (str(model), 0.2)
    plan = pq.ParquetFile(output / "runs" / summary["run_id"] / "plan" / "part-00000.parquet")
    assert plan.metadata.num_rows == 2


def test_without_output_it_prints_a_verdict_a_video_and_keeps_nothing(
    archive: Path, model: Path, tmp_path: Path, start_scan: Any
) -> None:
    broken = tmp_path / "broken\n.mp4"
    broken.write_bytes(b"no video at all")
    video = min(archive.glob("*.mp4"))
    code, out, err = start_scan("--model", model, "--fail-on-flagged", *ONE_EACH, video, broken).finish()
    assert code == 4, err
    lines = out.splitlines()
    assert len(lines) == 2
    assert any(line.endswith(str(video)) and "FAKE" in line for line in lines)
    assert any("unreadable" in line and "broken\\n.mp4" in line for line in lines)
    assert "exit code 4" in err.splitlines()[-1]


def test_untrained_says_so_in_every_row_and_prints_no_verdict(archive: Path, tmp_path: Path, start_scan: Any) -> None:
    video = min(archive.glob("*.mp4"))
    code, out, err = start_scan(video, "--model", "untrained", "--output", tmp_path, *ONE_EACH).finish()
    assert code == 0, err
    assert "FAKE" not in out + err
    assert "scores mean nothing" in err
    row = next(iter(rows_of(tmp_path, "uri, model_uri, model_version, model_digest, score").values()))
    assert (row["model_uri"], row["model_version"]) == ("untrained", "untrained")
    assert 0 < row["score"] < 1
    assert summary_of(tmp_path)["is_untrained"] is True
    assert summary_of(tmp_path)["threshold"] is None


@pytest.mark.slow
def test_two_scans_of_one_archive_at_once_leave_each_video_once(
    archive: Path, model: Path, undisturbed: dict[str, Any], tmp_path: Path, start_scan: Any
) -> None:
    args = (archive, "--model", model, "--output", tmp_path, "--commit-s", "0.2", *ONE_EACH)
    both = [start_scan(*args, "--if-running", "join") for _ in range(2)]
    for scan in both:
        code, _, err = scan.finish(timeout_s=400)
        assert code == 0, err
    assert_same_rows(rows_of(tmp_path), undisturbed)
    assert len(undisturbed) == NUM_VIDEOS


@pytest.mark.slow
@pytest.mark.shared
def test_every_shared_file_ends_as_its_manifest_says(
    shared_data: Path, model: Path, tmp_path: Path, start_scan: Any
) -> None:
    args = (shared_data / "A", shared_data / "C", "--filter", "*", "--model", model, "--output", tmp_path)
    code, _, err = start_scan(*args).finish(timeout_s=600)
    assert code == 0, err
    rows = VideoRows(tmp_path)
    wrong = []
    with (shared_data / "manifest.csv").open() as manifest:
        listed = [row for row in csv.DictReader(manifest) if row["kind"] in {"A", "C"}]
    for row in listed:
        found = rows.kind_of(row["file"])
        if found not in {row["expected"], *row["expected_alt"].split("|")}:
            wrong.append((row["file"], found, row["expected"]))
    assert not wrong
    assert len(listed) == len(rows.by_file) >= 80


class VideoRows:
    """The table of the shared media by the manifest's names."""

    def __init__(self, output: Path) -> None:
        rows = VideoTable.open(str(output)).query("SELECT uri, status FROM videos").to_pylist()
        self.by_file = {"/".join(unquote(row["uri"]).split("/")[-2:]): row["status"] for row in rows}
        assert len(self.by_file) == len(rows)

    def kind_of(self, file: str) -> str:
        """``scored``, ``no_face``, ``error``, or ``absent``."""
        status = self.by_file.get(file, "absent")
        return status if status in {"scored", "no_face", "absent"} else "error"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for little more than a plan."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a small disk: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_ends_the_run_with_one_sentence(
    archive: Path, model: Path, small_disk: Path, start_scan: Any
) -> None:
    scan = start_scan(archive, "--model", model, "--output", small_disk, "--commit-s", "0.2")
    wait_for_table(scan, small_disk)
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    code, _, err = scan.finish()
    assert code == 1, err
    assert "No space left on device" in err
    assert "Traceback" not in err
    filler.unlink()
    code, _, err = start_scan(archive, "--model", model, "--output", small_disk).finish()
    assert code == 0, err
    assert len(rows_of(small_disk)) == NUM_VIDEOS


def wait_for_table(scan: RunningScan, output: Path) -> None:
    """Wait until the run has made its folder and its table."""
    scan.wait_for(
        lambda: (output / "videos" / "_delta_log").is_dir() and any(output.glob("runs/*/plan/part-00000.parquet"))
    )
