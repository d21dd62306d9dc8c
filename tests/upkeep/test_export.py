"""A table becomes one file, whole or not at all."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.results.table import VideoTable
from gsgmodel.upkeep import export as module
from gsgmodel.upkeep.export import FORMATS, export_rows
from gsgmodel.upkeep.snapshot import Snapshot
from tests.results.conftest import make_rows

PEAK = """
import resource, sys
from gsgmodel.upkeep.export import export_rows
from gsgmodel.upkeep.snapshot import Snapshot
snapshot = Snapshot.open(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(export_rows(snapshot, sys.argv[2]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.fixture
def snapshot(output):
    table = VideoTable.open_or_create(output.uri, s3_endpoint=output.s3_endpoint)
    table.append(make_rows([1, 2]), key="s")
    table.append(make_rows([2, 3], scoring_id="t"), key="t")
    return Snapshot.open(output.uri, s3_endpoint=output.s3_endpoint)


@pytest.fixture
def local(tmp_path):
    VideoTable.open_or_create(str(tmp_path / "out")).append(make_rows(range(20)), key="s")
    return Snapshot.open(str(tmp_path / "out"))


def names(path: Path) -> list[str]:
    if path.suffix == ".csv":
        rows = list(csv.DictReader(path.open(newline="")))
    elif path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        rows = pq.read_table(path).to_pylist()
    return sorted(row["uri"].rpartition("/")[2] for row in rows)


@pytest.mark.parametrize("suffix", list(FORMATS))
def test_all_rows_become_a_file_of_the_format_that_its_suffix_says(snapshot, tmp_path, suffix):
    path = tmp_path / f"rows.{suffix.upper() if suffix == 'csv' else suffix}"
    assert export_rows(snapshot, str(path)) == 4
    if suffix != "csv":
        assert names(path) == ["1.mp4", "2.mp4", "2.mp4", "3.mp4"]
    assert [each.name for each in tmp_path.glob("*rows*")] == [path.name]


@pytest.mark.parametrize("suffix", list(FORMATS))
def test_the_newest_row_of_each_name_or_of_one_scoring(snapshot, tmp_path, suffix):
    path = tmp_path / f"rows.{suffix}"
    assert export_rows(snapshot, str(path), is_latest=True) == 3
    assert names(path) == ["1.mp4", "2.mp4", "3.mp4"]
    assert export_rows(snapshot, str(path), scoring_id="t") == 2
    assert names(path) == ["2.mp4", "3.mp4"]
    assert export_rows(snapshot, str(path), scoring_id="s", is_latest=True) == 2
    assert names(path) == ["1.mp4", "2.mp4"]


def test_a_format_that_is_said_wins_over_the_suffix(local, tmp_path):
    assert export_rows(local, str(tmp_path / "rows.txt"), format_="jsonl") == 20
    assert len((tmp_path / "rows.txt").read_text().splitlines()) == 20


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("rows.txt", "whose suffix says no format; accepted: .csv, .jsonl, .parquet, or any with --format"),
        ("rows", "whose suffix says no format"),
        ("s3://bucket/rows.csv", "accepted: the path of a file in a folder that is there"),
        ("nowhere/rows.csv", "there is no folder"),
        ("folder.csv", "which is a folder or a device"),
        ("pipe.csv", "which is a folder or a device"),
        ("ro\0ws.csv", "which cannot be looked at"),
    ],
)
def test_a_path_that_cannot_be_one_is_refused(local, tmp_path, monkeypatch, file, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError) as caught:
        export_rows(local, file)
    assert said in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_scoring_that_is_not_there_writes_nothing(local, tmp_path):
    with pytest.raises(ConfigError, match="--scoring is 'x'"):
        export_rows(local, str(tmp_path / "rows.csv"), scoring_id="x")
    assert not list(tmp_path.glob("*rows*"))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_file_that_is_there_stays_until_the_new_one_is_whole(local, tmp_path, monkeypatch, error):
    path = tmp_path / "rows.csv"
    path.write_text("before")

    class Breaking(module.CsvFile):
        def write(self, batch):
            super().write(batch)
            raise error

    monkeypatch.setattr(module, "FORMATS", {"csv": Breaking})
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else OutputError):
        export_rows(local, str(path))
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["rows.csv"]
    monkeypatch.undo()
    assert export_rows(local, str(path)) == 20
    assert len(names(path)) == 20


def test_a_link_stays_a_link(local, tmp_path):
    (tmp_path / "real.csv").write_text("before")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    export_rows(local, str(tmp_path / "link.csv"))
    assert (tmp_path / "link.csv").is_symlink()
    assert len(names(tmp_path / "real.csv")) == 20


def test_a_folder_that_may_not_be_written_is_one_sentence(public_folder, run_unprivileged):
    VideoTable.open_or_create(str(public_folder / "out")).append(make_rows([1]), key="s")
    code = (
        "try:\n    export_rows(Snapshot.open(sys.argv[1]), sys.argv[2])\nexcept ConfigError as error:\n    print(error)"
    )
    imports = (
        "from gsgmodel.errors import ConfigError\nfrom gsgmodel.upkeep.export import export_rows\n"
        "from gsgmodel.upkeep.snapshot import Snapshot"
    )
    said = run_unprivileged(imports, code, str(public_folder / "out"), str(public_folder / "rows.csv"))
    assert said.startswith(f"FILE is '{public_folder}/rows.csv', which cannot be written: ")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_table(tmp_path):
    table = VideoTable.open_or_create(str(tmp_path / "out"))
    for start in range(0, 200_000, 20_000):
        table.append(make_rows(range(start, start + 20_000)), key="s")
    table.compact()
    for suffix in FORMATS:
        command = [sys.executable, "-c", PEAK, str(tmp_path / "out"), str(tmp_path / f"rows.{suffix}")]
        num_rows, grown_kib = map(int, subprocess.check_output(command, text=True).split())
        assert num_rows == 200_000
        assert grown_kib < 400 << 10
