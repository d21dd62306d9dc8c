"""The preparing job from its command line to its exit code, with the stages that need Ray played by a generator."""

import json
import os
import signal
import sys
from contextlib import contextmanager

import pyarrow.parquet as pq
import pytest

from gsgmodel.clips.schema import INDEX_ROWS, PREPARED
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.rows import UNKEPT
from gsgmodel.scan.session import NO_POOLS
from jobs.prepare import app
from jobs.terminal import run_app
from tests.scan.stores import kept_rows, write_manifest

ROWS = (
    {"path": "real-1.mp4", "label": "0", "split": "train"},
    {"path": "fake-1.mp4", "label": "1", "split": "train"},
    {"path": "broken-1.mp4", "label": "1", "split": "val"},
)
STATUS = {"broken": "unreadable", "denied": "denied", "full": UNKEPT}
"""What becomes of a video, by the beginning of its name; every other one is prepared."""


class Gate:
    pools = NO_POOLS

    def leave(self, video_ids):
        pass

    def close(self):
        return 0


class Stages:
    """Prepares by names; interrupts itself before one."""

    def __init__(self):
        self.prepared = []
        self.let_go = lambda: None
        self.interrupt_before = None
        self.path = None

    def iter_batches(self, **_):
        class Planned:
            path = self.path

        for row in kept_rows(Planned).to_pylist():
            name = row["uri"].rpartition("/")[2]
            if name == self.interrupt_before:
                os.kill(os.getpid(), signal.SIGTERM)
                return
            self.prepared.append(name)
            status = STATUS.get(name.partition("-")[0], PREPARED)
            table = kept_rows(Planned, status=status)
            index = table["uri"].to_pylist().index(row["uri"])
            yield table.slice(index, 1)


@pytest.fixture(autouse=True)
def stages(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    played = Stages()

    @contextmanager
    def start_ray(*_, **__):
        yield Gate()
        played.let_go()

    def read_plan(path):
        played.path = path
        return played

    monkeypatch.setattr("gsgmodel.scan.session.start_ray", start_ray)
    monkeypatch.setattr("gsgmodel.scan.source.read_plan", read_plan)
    monkeypatch.setattr("gsgmodel.scan.prepare.prepare", lambda rows, _session, **_: rows)
    monkeypatch.setattr("gsgmodel.scan.keep.keep", lambda rows, _session, **_: rows)
    return played


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def prepare(capsys, tmp_path, store):
    """Run the job over a manifest and return its exit code, the lines of its results, and what it said."""

    def run(*tokens, rows=ROWS):
        manifest = write_manifest(tmp_path / "archive", *rows)
        code = run_app(app, [manifest, "--output", str(store), *tokens])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out.splitlines(), err

    return run


def statuses(store):
    rows = VideoTable.open(str(store), kind=INDEX_ROWS).rows(["uri", "status"]).to_pylist()
    return {row["uri"].rpartition("/")[2]: row["status"] for row in rows}


def test_how_it_ended_is_said_before_ray_is_let_go_of(prepare, stages):
    stages.let_go = lambda: sys.stderr.write("let go\n")
    _, lines, err = prepare("--json")
    assert json.loads(lines[-1])["planned"] == 3
    assert err.endswith("exit code 0: done\nlet go\n")


def test_a_preparation_ends_with_what_the_store_holds(prepare, store, stages):
    code, lines, err = prepare("--json")
    assert code == 0
    assert statuses(store) == {"real-1.mp4": "prepared", "fake-1.mp4": "prepared", "broken-1.mp4": "unreadable"}
    summary = json.loads(lines[-1])
    assert (len(lines), summary["by_status"]) == (1, {"prepared": 2, "unreadable": 1})
    assert summary["videos"]["train"] == {"real": 1, "fake": 1}
    assert "3 videos to prepare, 6 B\n" in err
    assert f"clip store {store}, run {store}/runs/{summary['run_id']}\n" in err
    assert err.endswith("exit code 0: done\n")
    written = json.loads((store / "runs" / summary["run_id"] / "summary.json").read_text())
    assert written == summary
    assert len(stages.prepared) == 3


def test_a_second_run_starts_nothing_and_retries_what_it_is_told_to(prepare, stages):
    prepare()
    stages.prepared.clear()
    code, _, err = prepare()
    assert (code, stages.prepared) == (0, [])
    assert "nothing to prepare\nleft out: already prepared 3\n" in err
    code, _, err = prepare("--retry", "unreadable")
    assert (code, stages.prepared) == (0, ["broken-1.mp4"])
    assert "1 videos to prepare, 3 B; 2 are prepared already\n" in err


def test_other_splits_need_no_preparation(prepare, stages):
    prepare()
    stages.prepared.clear()
    code, _, err = prepare(rows=[row | {"split": "test"} for row in ROWS])
    assert (code, stages.prepared) == (0, [])
    assert "3 videos got other labels or splits, their crops stay\n" in err
    assert "test   1 real, 1 fake, 2 clips\n" in err


def test_a_dry_run_says_what_would_be_prepared(prepare, store):
    code, lines, _ = prepare("--dry-run", "--json")
    assert code == 0
    assert lines[0] == "dry run: nothing is prepared"
    assert lines[4] == "would prepare 3 videos, 6 B"
    assert json.loads(lines[-1])["planned"] == 3
    assert not store.exists()


def test_what_the_world_kept_is_left_for_the_next_run(prepare, store):
    code, _, err = prepare(rows=[*ROWS, {"path": "denied-1.mp4", "label": "1", "split": "val"}])
    assert code == 0
    assert "1 could not be read and will be tried by the next run\n" in err
    assert "denied-1.mp4" not in statuses(store)
    (run,) = (store / "runs").iterdir()
    assert pq.read_table(run / "unfinished.parquet")["status"].to_pylist() == ["denied"]


def test_failures_beyond_what_is_accepted_are_3(prepare):
    code, _, err = prepare("--max-failures", "0.2")
    assert code == 3
    assert err.endswith("exit code 3: 1 of 3 videos could not be prepared\n")


def test_a_signal_keeps_what_was_finished(prepare, store, stages):
    stages.interrupt_before = "fake-1.mp4"
    code, _, err = prepare()
    assert code == 143
    assert "2 videos left for the next run" in err
    assert statuses(store) == {"broken-1.mp4": "unreadable"}


def test_a_full_disk_is_one_sentence_and_loses_nothing(prepare, store):
    code, _, err = prepare(rows=[{"path": "full-1.mp4", "label": "1", "split": "val"}, *ROWS[1:]])
    assert code == 1
    assert err.splitlines()[-1] == "exit code 1"
    assert statuses(store) == {"fake-1.mp4": "prepared", "broken-1.mp4": "unreadable"}


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        (["--val-share", "2"], "--val-share is 2.0; accepted: a share from 0 to 1"),
        (["--boxes-from", "nowhere"], "Invalid value"),
        (["--split-seed", "x"], "Invalid value"),
    ],
)
def test_what_cannot_work_is_2(prepare, tokens, sentence):
    code, _, err = prepare(*tokens)
    assert code == 2
    assert sentence in err
    assert len(err.splitlines()) == 2
