"""Every video is in the table exactly once, whoever writes, whoever dies."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gsgmodel.errors import ConfigError, Status
from gsgmodel.results import places as module
from gsgmodel.results.done import DoneIds
from gsgmodel.results.table import VideoTable

APPENDER = """
import sys
import pyarrow.parquet as pq
from gsgmodel.results.table import VideoTable
rows = pq.read_table(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
table = VideoTable.open_or_create(sys.argv[1], s3_endpoint=sys.argv[3] or None)
committed = 0
for start in range(0, rows.num_rows, 3):
    committed += table.append(rows.slice(start, 3), key="s")
print(committed, flush=True)
"""


@pytest.fixture
def table(output):
    return opened(output, or_create=True)


def opened(output, *, or_create=False):
    make = VideoTable.open_or_create if or_create else VideoTable.open
    return make(output.uri, s3_endpoint=output.s3_endpoint)


def uris(table, *, scoring_id="s"):
    """How often each video is in the table."""
    found = table.query(f"SELECT uri FROM videos WHERE scoring_id = '{scoring_id}'")
    return Counter(int(uri.rpartition("/")[2].removesuffix(".mp4")) for uri in found["uri"].to_pylist())


def once(numbers):
    return Counter(set(numbers))


def test_a_new_table_has_nothing(table):
    assert table.head(5).num_rows == 0
    assert table.count_by_status("s") == {}
    assert table.file_uris() == []
    assert len(table.load_done("s")) == 0
    assert table.compact() == 0
    assert table.query("SELECT count(*) AS n FROM videos").to_pydict() == {"n": [0]}


def test_only_rows_that_are_not_there_are_committed(table, rows):
    assert table.append(rows(range(5)), key="s") == 5
    assert table.append(rows([3, 4, 5, 5]), key="s") == 1
    assert table.append(rows([0, 5]), key="s") == 0
    assert table.append(rows([]), key="s") == 0
    assert uris(table) == once(range(6))


def test_of_two_rows_for_one_video_the_first_counts(table, rows):
    table.append(pa.concat_tables([rows([1], run_id="first"), rows([1], run_id="second")]), key="s")
    assert table.query("SELECT run_id FROM videos")["run_id"].to_pylist() == ["first"]


def test_a_video_has_a_row_for_each_scoring(table, rows):
    assert table.append(rows([1, 2]), key="s") == 2
    assert table.append(rows([1], scoring_id="it's"), key="it's") == 1
    assert table.count_by_status("s") == {"scored": 2}
    assert table.count_by_status("it's") == {"scored": 1}
    assert len(table.load_done("it's")) == 1


def test_rows_that_must_not_get_in_do_not(table, rows):
    with pytest.raises(ValueError, match="status"):
        table.append(rows([1], status="missing", score=None), key="s")
    assert table.head(1).num_rows == 0


def test_what_was_appended_is_done_from_then_on(table, output, rows):
    table.append(rows([1, 2]), key="s")
    done = opened(output).load_done("s")
    found = done.contains(pa.array(rows([0, 1, 2, 3])["video_id"].to_pylist(), pa.binary()))
    assert found.tolist() == [False, True, True, False]
    mine = table.load_done("s")
    table.append(rows([3]), key="s")
    assert mine.contains(rows([3])["video_id"].combine_chunks()).all()


def test_some_videos_are_looked_up_anew_and_what_is_appended_goes_by_what_it_did(table, output, rows):
    asked = DoneIds()
    asked.add(rows([1, 2, 7])["video_id"].combine_chunks())
    table.append(rows([1, 3]), key="s")
    opened(output).append(rows([2]), key="s")
    found = table.look_up(asked, key="s")
    assert len(found) == 2
    assert found.holds(rows([1, 2, 3, 7])["video_id"].combine_chunks()).tolist() == [True, True, False, False]
    assert len(table.look_up(asked, key="other")) == 0
    assert table.append(rows([1, 2, 3, 4]), key="s") == 1


def test_the_newest_rows_come_first(table, rows):
    times = rows([1])["scored_at"][0].as_py()
    for number in (2, 1, 3):
        table.append(rows([number], scored_at=times.replace(hour=number)), key="s")
    assert [uri[-5] for uri in table.head(2)["uri"].to_pylist()] == ["3", "2"]


def test_statuses_are_counted(table, rows):
    table.append(rows([1, 2]), key="s")
    table.append(rows([3], status="no_face", score=None), key="s")
    assert table.count_by_status("s") == {"no_face": 1, "scored": 2}


def test_duckdb_reads_the_files(tmp_path, rows):
    table = VideoTable.open_or_create(str(tmp_path / "out put #1"))
    table.append(rows([1, 2]), key="s")
    table.append(rows([3]), key="s")
    with duckdb.connect() as connection:
        paths = [str(path) for path in table.file_paths()]
        counts = connection.execute("SELECT count(*), max(len(faces)) FROM read_parquet(?)", [paths]).fetchone()
    assert counts == (3, 2)


def test_compaction_keeps_every_row_and_all_handles_working(table, output, rows):
    other = opened(output)
    other.append(rows([0]), key="s")
    for number in range(1, 6):
        table.append(rows([number]), key="s")
    before = table.query("SELECT * FROM videos ORDER BY uri").to_pylist()
    assert table.compact() == 5
    assert table.compact() == 0
    assert table.query("SELECT * FROM videos ORDER BY uri").to_pylist() == before
    assert other.append(rows([4, 5, 6]), key="s") == 1
    assert uris(table) == once(range(7))


def test_compaction_waits_for_room(tmp_path, rows, monkeypatch):
    table = VideoTable.open_or_create(str(tmp_path))
    for number in range(3):
        table.append(rows([number]), key="s")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: module.shutil._ntuple_diskusage(10, 9, 1))
    assert table.compact() == 0
    assert len(table.file_paths()) == 3


def crashed(rows, numbers, *, decoder):
    return rows(numbers, status="crashed", score=None, error_class="Crash", error_text="signal 11", decoder=decoder)


def test_a_crashed_video_is_scored_again_by_another_decoder_and_replaced(table, output, rows):
    table.append(pa.concat_tables([rows([0, 1]), crashed(rows, [2, 3], decoder="av 1")]), key="s")
    again = opened(output)
    assert again.load_done("s", decoder="av 1").stale == set()
    done = again.load_done("s", decoder="av 2")
    assert done.stale == set(rows([2, 3])["video_id"].to_pylist())
    assert again.append(rows([1, 2, 4], run_id="new", decoder="av 2"), key="s") == 2
    assert done.stale == set(rows([3])["video_id"].to_pylist())
    assert again.append(rows([2], run_id="newer"), key="s") == 0
    assert uris(table) == once(range(5))
    found = table.query("SELECT uri, run_id, status FROM videos ORDER BY uri").to_pylist()
    assert [(one["run_id"], one["status"]) for one in found] == [
        *[("r", "scored")] * 2,
        ("new", "scored"),
        ("r", "crashed"),
        ("new", "scored"),
    ]


def test_statuses_to_retry_are_replaced(table, rows):
    table.append(rows([0, 1], status="unreadable", score=None), key="s")
    table.load_done("s", retry={Status.UNREADABLE})
    assert table.append(rows([1]), key="s") == 1
    assert table.count_by_status("s") == {"scored": 1, "unreadable": 1}


def test_two_runs_that_retry_the_same_videos_leave_one_row_each(table, output, rows):
    table.append(crashed(rows, [1, 2, 3], decoder="av 1"), key="s")
    runs = [opened(output) for _ in range(2)]
    for run in runs:
        run.load_done("s", retry={Status.CRASHED})
    for numbers in ([1], [2, 3], [1, 3]):
        for run in runs:
            run.append(rows(numbers), key="s")
    assert uris(table) == once([1, 2, 3])
    assert table.count_by_status("s") == {"scored": 3}


def test_a_reader_never_sees_a_video_missing_or_twice_while_it_is_replaced(table, output, rows):
    table.append(rows(range(4), status="timeout", score=None), key="s")
    seen, stop = [], threading.Event()

    def read():
        reader = opened(output)
        while not stop.is_set():
            seen.append(uris(reader))

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(12):
        table.load_done("s", retry={Status.TIMEOUT, Status.SCORED})
        assert table.append(rows([number % 4], run_id=str(number)), key="s") == 1
    stop.set()
    thread.join()
    assert len(seen) > 3
    assert all(counts == once(range(4)) for counts in seen)


def start_appenders(output, tmp_path, parts):
    appenders = []
    for place, part in enumerate(parts):
        pq.write_table(part, tmp_path / f"{place}.parquet")
        command = [sys.executable, "-c", APPENDER, output.uri, f"{tmp_path}/{place}.parquet", output.s3_endpoint or ""]
        appenders.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    for appender in appenders:
        assert appender.stdout.readline() == "ready\n"
    for appender in appenders:
        appender.stdin.write("\n")
        appender.stdin.flush()
    return appenders


def test_processes_that_create_and_fill_one_table_at_once_fill_it_exactly(output, tmp_path, rows):
    """Three processes, overlapping rows in different orders, one table that is not there yet."""
    orders = [range(30), range(29, -1, -1), [*range(10, 40), *range(10)]]
    appenders = start_appenders(output, tmp_path, [rows(order) for order in orders])
    committed = [int(appender.communicate(timeout=120)[0]) for appender in appenders]
    assert [appender.returncode for appender in appenders] == [0] * 3
    assert sum(committed) == 40
    assert uris(opened(output)) == once(range(40))
    log = output.place / "videos" / "_delta_log"
    commits = [log.files.open_input_file(log.file_path(name)).read() for name in log.names() if name[0] == "0"]
    assert sum(b'"metaData"' in commit for commit in commits) == 1


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_killed_run_loses_nothing_and_doubles_nothing(output, tmp_path, rows, seed):
    """Two runs are killed at random moments, one after the other; the third finishes."""
    chance = random.Random(seed)
    for _ in range(2):
        (appender,) = start_appenders(output, tmp_path, [rows(range(60))])
        time.sleep(chance.uniform(0.05, 0.5))
        appender.send_signal(signal.SIGKILL)
        appender.communicate(timeout=60)
        if appender.returncode != -signal.SIGKILL:
            assert appender.returncode == 0
        left = uris(opened(output, or_create=True))
        assert left == once(range(len(left)))
        assert len(left) % 3 == 0
    (appender,) = start_appenders(output, tmp_path, [rows(range(60))])
    assert int(appender.communicate(timeout=60)[0]) == 60 - len(left)
    assert uris(opened(output)) == once(range(60))


@pytest.mark.parametrize("size_kb", [204, 212])
def test_a_disk_that_fills_up_ends_in_one_sentence_with_all_before_it_kept(run_on_small_disk, tmp_path, rows, size_kb):
    """Once while a file is written and once while a commit is (with pages of 4 KB)."""
    pq.write_table(rows(range(40)), tmp_path / "rows.parquet")
    code = """
import sys
import pyarrow.parquet as pq
from gsgmodel.results.table import VideoTable
from gsgmodel.errors import OutputError
table, rows, committed = VideoTable.open_or_create(sys.argv[1]), pq.read_table(sys.argv[2]), 0
try:
    for number in range(rows.num_rows):
        committed += table.append(rows.slice(number, 1), key="s")
except OutputError as error:
    print(error)
assert 3 < committed < rows.num_rows
assert VideoTable.open(sys.argv[1]).count_by_status("s") == {"scored": committed}
assert table.compact() == 0
"""
    said = run_on_small_disk(code, size_kb, str(tmp_path / "rows.parquet"))
    assert said == f"results cannot be written to '{tmp_path}/disk/videos': No space left on device\n"


def test_opening_what_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"no table of results can be read in .*/videos"):
        VideoTable.open(str(tmp_path))
    with pytest.raises(ConfigError, match="gs:// is not supported"):
        VideoTable.open_or_create("gs://bucket/out")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.txt").write_text("x")
    with pytest.raises(ConfigError, match="not a table of results"):
        VideoTable.open_or_create(str(tmp_path))
