"""What a table does not need is deleted once it is old, and nothing else ever is."""

import json
import os
import threading
import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.results.table import VideoTable
from gsgmodel.upkeep.inventory import list_files
from gsgmodel.upkeep.maintenance import age_bound, find_unneeded, kept_by_log, vacuum
from gsgmodel.upkeep.snapshot import Snapshot
from tests.results.conftest import make_rows

ORPHAN = "part-00000000-0000-0000-0000-000000000000.parquet"
OLD_S = 8 * 86_400


@pytest.fixture
def table(output):
    table = VideoTable.open_or_create(output.uri, s3_endpoint=output.s3_endpoint)
    for number in range(3):
        table.append(make_rows([number]), key="s")
    return table


def opened(output):
    return Snapshot.open(output.uri, s3_endpoint=output.s3_endpoint)


def uris(table):
    return sorted(table.query("SELECT uri FROM videos")["uri"].to_pylist())


def age(folder, *, also_log=True):
    """Make everything in a table's folder some days old, and what was taken out of it in its log."""
    then = time.time() - OLD_S
    for path in folder.rglob("*"):
        if also_log and path.parent.name == "_delta_log" and path.suffix == ".json":
            entries = [json.loads(line) for line in path.read_text().splitlines()]
            for entry in entries:
                if "remove" in entry:
                    entry["remove"]["deletionTimestamp"] = int(then * 1000)
            path.write_text("\n".join(map(json.dumps, entries)))
        os.utime(path, (then, then))


def test_what_a_killed_process_left_and_what_was_merged_is_found(table, output):
    before = {file.name for file in opened(output).files}
    table.compact()
    opened(output).place.write(ORPHAN, b"never committed")
    opened(output).place.write("README.txt", b"somebody's")
    found = find_unneeded(opened(output), older_than=timedelta())
    assert found.superseded.keys() == before
    assert found.orphans == {ORPHAN: 15}
    assert found.foreign == {"README.txt": 10}
    assert (found.num_files, found.num_bytes) == (4, sum(found.superseded.values()) + 15)


def test_young_files_stay(table, output):
    table.compact()
    opened(output).place.write(ORPHAN, b"of a commit under way")
    before = list_files(opened(output).place).keys()
    found = vacuum(opened(output), older_than="1h", dry_run=False)
    assert found.num_files == 0
    assert list_files(opened(output).place).keys() == before


def test_old_ones_go_and_the_table_is_as_it_was(tmp_path, rows):
    table = VideoTable.open_or_create(str(tmp_path))
    for number in range(3):
        table.append(rows([number]), key="s")
    before = {path.name for path in table.file_paths()}
    table.compact()
    folder = tmp_path / "videos"
    (folder / ORPHAN).write_bytes(b"never committed")
    (folder / "README.txt").write_bytes(b"somebody's")
    (folder / ".partial-x").mkdir()
    (folder / ".partial-x" / "part-1.parquet").write_bytes(b"half")
    age(folder)
    (folder / "part-11111111-0000-0000-0000-000000000000.parquet").write_bytes(b"young")
    expected = before | {ORPHAN, ".partial-x/part-1.parquet"}
    everything = set(list_files(opened_local(tmp_path).place))
    dry = vacuum(opened_local(tmp_path), older_than="7d", dry_run=True)
    assert {*dry.superseded, *dry.orphans} == expected
    assert set(list_files(opened_local(tmp_path).place)) == everything
    assert vacuum(opened_local(tmp_path), older_than="7d", dry_run=False) == dry
    assert set(list_files(opened_local(tmp_path).place)) == everything - expected
    assert not (folder / ".partial-x").exists()
    assert len(uris(VideoTable.open(str(tmp_path)))) == 3
    assert vacuum(opened_local(tmp_path), older_than="7d", dry_run=False).num_files == 0
    table.append(rows([7]), key="s")
    assert len(uris(table)) == 4


def opened_local(folder):
    return Snapshot.open(str(folder))


def test_what_was_taken_out_a_moment_ago_stays_however_old_its_file_is(tmp_path, rows):
    table = VideoTable.open_or_create(str(tmp_path))
    for number in range(3):
        table.append(rows([number]), key="s")
    age(tmp_path / "videos", also_log=False)
    reader = opened_local(tmp_path)
    table.compact()
    vacuum(opened_local(tmp_path), older_than="1h", dry_run=False)
    assert sum(batch.num_rows for batch in reader.batches()) == 3


def test_appends_and_compactions_may_go_on_meanwhile(table, output, rows):
    is_over = threading.Event()
    failed = []

    def tidy():
        while not is_over.is_set():
            try:
                vacuum(opened(output), older_than="1h", dry_run=False)
                VideoTable.open(output.uri, s3_endpoint=output.s3_endpoint).compact()
            except (ConfigError, OutputError) as error:
                failed.append(error)

    tidying = threading.Thread(target=tidy)
    tidying.start()
    for number in range(10, 30):
        table.append(rows([number]), key="s")
    is_over.set()
    tidying.join(60)
    assert failed == []
    assert len(set(uris(table))) == len(uris(table)) == 23


def test_two_at_once_are_no_trouble(tmp_path, rows):
    table = VideoTable.open_or_create(str(tmp_path))
    table.append(rows([1]), key="s")
    (tmp_path / "videos" / ORPHAN).write_bytes(b"never committed")
    age(tmp_path / "videos")
    first, second = opened_local(tmp_path), opened_local(tmp_path)
    assert vacuum(first, older_than="7d", dry_run=False).num_files == 1
    assert vacuum(second, older_than="7d", dry_run=False).num_files == 0


@pytest.mark.parametrize("text", ["", "7", "d", "30m", "59m", "8d", "2w", "-1d", "1.5h", "7 days", "999999999d", "0h"])
def test_an_age_that_is_none_or_not_safe_is_refused(text):
    with pytest.raises(ConfigError, match=r"--older-than is .*; accepted: 1h to 168h"):
        age_bound(text)


@given(hours=st.integers(1, 168))
def test_an_age_is_what_it_says(hours):
    assert age_bound(f"{hours}h") == timedelta(hours=hours)
    assert age_bound(f" {hours * 60}m ") == timedelta(hours=hours)


def test_the_longest_age_is_as_long_as_the_log_remembers(tmp_path, rows):
    table = VideoTable.open_or_create(str(tmp_path))
    table.append(rows([1]), key="s")
    assert kept_by_log(opened_local(tmp_path)) == timedelta(days=7)
    handle = opened_local(tmp_path).table
    handle.alter.set_table_properties({"delta.deletedFileRetentionDuration": "interval 2 days"})
    assert kept_by_log(opened_local(tmp_path)) == timedelta(days=2)
    with pytest.raises(ConfigError, match="accepted: 1h to 48h"):
        vacuum(opened_local(tmp_path), older_than="3d", dry_run=True)
