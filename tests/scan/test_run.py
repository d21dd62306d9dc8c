"""A run, whatever it does: its deadline, its folder, and that it never ends without a summary."""

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.results.done import DoneIds
from gsgmodel.results.runs import RunFolder
from gsgmodel.scan.run import SHOW_EVERY_S, Run, last_word, make_run_folder, recount
from gsgmodel.scan.settings import RunSettings


@pytest.fixture
def run_of(tmp_path, sink):
    def make(*, folder=None, started_at=None, **settings):
        return Run(
            inputs=("archive",),
            settings=RunSettings(**settings),
            sink=sink,
            plan_folder=tmp_path / "plan",
            run_folder=folder,
            identity={"run_id": "run-1", "way": "w"},
            resolved={},
            notes=(),
            recount=lambda _: sink.contains,
            started_at=started_at or datetime.now(UTC),
        )

    return make


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create(str(tmp_path), "run-1")


def test_a_deadline_counts_from_the_start_and_ends_at_nothing(run_of):
    assert run_of().deadline_s is None
    assert 7190 < run_of(deadline="2h").deadline_s <= 7200
    late = run_of(deadline="2h", started_at=datetime.now(UTC) - timedelta(hours=3))
    assert late.deadline_s == 0.0
    assert late.stop.is_deadline_reached


def test_what_ends_a_run_is_one_thing_and_whoever_waits_for_room_looks_at_it(run_of):
    run = run_of(start_timeout="3m", drain_s=7.0)
    assert run.stop is run.stop
    assert run.stop.drain_s == 7.0
    patience = run.patience(lambda _: None)
    assert (patience.timeout_s, patience.is_stopped()) == (180.0, False)
    run.stop.signum = 15
    assert patience.is_stopped()


def test_what_is_only_shown_is_shown_soon(run_of, folder):
    assert run_of(commit_s=30.0).commit_s == SHOW_EVERY_S
    assert run_of(commit_s=30.0, folder=folder).commit_s == 30.0


def test_a_plan_is_kept_where_a_run_is(run_of, folder, tmp_path):
    (tmp_path / "part-00000.parquet").write_bytes(b"rows")
    run_of().keep_plan(tmp_path / "part-00000.parquet")
    assert list(folder.plan_path.iterdir()) == []
    run_of(folder=folder).keep_plan(tmp_path / "part-00000.parquet")
    assert [path.name for path in folder.plan_path.iterdir()] == ["part-00000.parquet"]


def test_the_folder_of_a_run_has_its_name_and_settings(tmp_path):
    folder = make_run_folder(str(tmp_path), {"limit": 3, "identity": {"run_id": "run-7"}}, s3_endpoint=None)
    assert folder.path == tmp_path / "runs" / "run-7"
    assert "limit = 3" in folder.settings_path.read_text()


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [(RuntimeError("a bug"), 1, "ended by an error"), (ConfigError("--x is 1\nhere"), 2, "--x is 1\nhere")],
)
def test_a_run_that_an_error_ends_has_a_summary_and_tells_it(run_of, folder, error, code, reason):
    told = []
    with pytest.raises(type(error)), last_word(run_of(folder=folder), what="scan", tell=told.append):
        raise error
    summary = json.loads(folder.summary_path.read_text())
    assert summary == {"exit_code": code, "reason": reason, "run_id": "run-1", "way": "w"}
    assert told == [summary]


def test_a_summary_that_was_written_stays_and_nothing_more_is_told(run_of, folder):
    told = []
    with last_word(run_of(folder=folder), what="scan", tell=told.append):
        folder.write_summary({"exit_code": 0})
    assert json.loads(folder.summary_path.read_text()) == {"exit_code": 0}
    assert told == []


def test_a_recount_looks_anew_and_leaves_out_what_was_to_be_replaced(video_id):
    class Table:
        def look_up(self, video_ids, key):
            assert (video_ids, key) == (planned, "w")
            done = DoneIds()
            done.add(pa.array([video_id(1), video_id(2)]))
            return done

    planned = DoneIds()
    is_held = recount(Table(), planned, done=DoneIds(stale={video_id(2)}), key="w")
    assert is_held(pa.array([video_id(n) for n in (1, 2, 3)])).tolist() == [True, False, False]
