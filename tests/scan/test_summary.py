"""The end of any run: its exit code whatever success is called, and its numbers."""

from dataclasses import fields
from datetime import UTC, datetime

import pytest

from gsgmodel.errors import OutputError
from gsgmodel.results.schema import UNFINISHED
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.labelled import LABELLED_SCHEMA
from gsgmodel.scan.passes import Account
from gsgmodel.scan.plan import PLAN_SCHEMA
from gsgmodel.scan.run import Run
from gsgmodel.scan.settings import RunSettings
from gsgmodel.scan.sinks import TableSink
from gsgmodel.scan.stop import StopRequest
from gsgmodel.scan.summary import RunSummary, finished_text, outcome, run_facts, untidy_note


def account(**changes):
    return Account(**({"num_planned": 10, "num_unfinished": 0, "num_left": 0, "num_lost": 0} | changes))


def ended(by_status, *, max_failures=1.0, accounted=None, signum=None):
    stop = StopRequest(drain_s=1.0)
    stop.signum = signum
    return outcome(
        accounted or account(),
        by_status=by_status,
        success="prepared",
        max_failures=max_failures,
        stop=stop,
        done="prepared",
    )


@pytest.fixture
def run(sink, tmp_path):
    return Run(
        inputs=("archive",),
        settings=RunSettings(),
        sink=sink,
        plan_folder=tmp_path,
        run_folder=None,
        identity={"run_id": "run-1"},
        resolved={},
        notes=("said before",),
        recount=lambda _: sink.contains,
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
    )


def test_success_is_what_the_run_calls_so():
    assert ended({"prepared": 8, "no_face": 2}, max_failures=0.0) == (0, "done")
    assert ended({"prepared": 8, "scored": 2}, max_failures=0.1) == (3, "2 of 10 videos could not be prepared")


def test_what_is_lost_or_interrupted_is_graver_than_failures():
    assert ended({"crashed": 1}, max_failures=0.0, accounted=account(num_lost=3))[0] == 1
    assert ended({"crashed": 1}, max_failures=0.0, signum=15, accounted=account(num_left=2)) == (
        143,
        "interrupted, 2 videos left for the next run",
    )


def test_every_number_of_a_summary_is_found(run, plan_of, committer, scored):
    committer.take(scored([0, 1]))
    facts = run_facts(run, plan_of(2), account(num_planned=2, num_unfinished=1), committer)
    assert facts.keys() | {"run_id", "exit_code", "reason"} == {field.name for field in fields(RunSummary)}
    assert (facts["planned"], facts["committed"], facts["unfinished"], facts["clips"]) == (2, 1, 1, 4)
    assert facts["by_status"] == {"scored": 2}
    assert facts["started_at"] == "2026-11-24T00:00:00+00:00"
    text = finished_text(RunSummary(run_id="r", exit_code=0, reason="done", **(facts | {"wall_s": 61.0})))
    assert text.startswith("2 of 2 videos in 1 min, ")
    assert text.endswith(": scored 2")


def test_only_a_table_that_was_written_to_is_tidied(run, tmp_path):
    answers = []

    def compact():
        answers.append("compacted")
        if len(answers) > 1:
            raise OutputError("the store is gone")

    table = VideoTable.open_or_create(str(tmp_path / "results"))
    table.compact = compact
    sink = TableSink(table=table, done=table.load_done("k"), key="k", finished=lambda rows: rows)
    tidy = Run(**{field.name: getattr(run, field.name) for field in fields(Run)} | {"sink": sink})
    assert untidy_note(run) is None
    assert untidy_note(tidy) is None
    assert answers == []
    sink.num_committed = 1
    assert untidy_note(tidy) is None
    assert answers == ["compacted"]
    assert untidy_note(tidy) == "the table's small files stay as they are: the store is gone"


def test_the_plans_columns_are_enough_for_what_is_left():
    for schema in (PLAN_SCHEMA, LABELLED_SCHEMA):
        assert set(UNFINISHED.names) - set(schema.names) == {"last_modified", "status", "error_class", "error_text"}


def test_a_listing_that_broke_off_fails_the_run_unless_it_lost_videos():
    assert ended({"prepared": 8}, accounted=account(broke_off="the listing broke off")) == (1, "the listing broke off")
    assert ended({"prepared": 8}, signum=15, accounted=account(broke_off="the listing broke off"))[0] == 1
    assert "never arrived" in ended({"prepared": 8}, accounted=account(num_lost=1, broke_off="the listing"))[1]


def test_what_was_not_listed_is_told_of(stopped_while_listing):
    kinds = {"by_status": {"scored": 2}, "success": "scored", "max_failures": 1.0, "done": "scored"}
    assert outcome(account(num_left=2), **kinds, stop=stopped_while_listing(signum=15)) == (
        143,
        "interrupted, 2 videos and what was not listed yet left for the next run",
    )
    code, reason = outcome(account(), **kinds, stop=stopped_while_listing(deadline_s=0.0))
    assert (code, reason.startswith("deadline reached, 0 videos and what was not listed yet")) == (5, True)


@pytest.fixture
def stopped_while_listing(monkeypatch):
    monkeypatch.setattr("gsgmodel.scan.stop.LISTED_S", 0.0)

    def stop(*, signum=None, deadline_s=None):
        stopped = StopRequest(drain_s=1.0, deadline_s=deadline_s)
        stopped.signum = signum
        assert list(stopped.passing([1])) == []
        return stopped

    return stop
