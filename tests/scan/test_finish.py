"""The end of a scan: its exit code, what it says, and the last files of its run."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial

import pyarrow.parquet as pq
import pytest

from gsgmodel.errors import OutputError, Status
from gsgmodel.model.config import UNTRAINED, GSGConfig
from gsgmodel.model.settings import ModelSettings
from gsgmodel.model.weights import ModelFiles
from gsgmodel.results.runs import RunFolder
from gsgmodel.results.schema import UNFINISHED
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.finish import STOPPED_WAIT_S, TRACKING_WAIT_S, finish, summary_text
from gsgmodel.scan.opening import Scan
from gsgmodel.scan.passes import Account
from gsgmodel.scan.settings import ScanSettings
from gsgmodel.scan.sinks import Provenance, TableSink, videos_of
from gsgmodel.scan.stop import StopRequest
from gsgmodel.scan.summary import LEFT, LOST
from tests.scan.test_notify import listening

MODEL = ModelFiles(
    uri=UNTRAINED,
    version=UNTRAINED,
    digest="d" * 64,
    settings=ModelSettings(architecture=GSGConfig(backbone="tiny")),
    weights=b"",
)
PROVENANCE = Provenance(
    scoring_id="s" * 32, run_id="run-1", model_uri=UNTRAINED, model_version=UNTRAINED, model_digest="d" * 64
)


def account(*, planned=10, unfinished=0, left=0, lost=0):
    return Account(num_planned=planned, num_unfinished=unfinished, num_left=left, num_lost=lost)


def stopped(*, signum=None, deadline=False):
    stop = StopRequest(drain_s=1.0, deadline_s=0.0 if deadline else None)
    stop.signum = signum
    return stop


@pytest.fixture
def scan(tmp_path):
    output = str(tmp_path / "results")
    table = VideoTable.open_or_create(output)
    done = table.load_done(PROVENANCE.scoring_id)
    finished = partial(videos_of, provenance=PROVENANCE)
    sink = TableSink(table=table, done=done, key=PROVENANCE.scoring_id, finished=finished)
    return Scan(
        inputs=("archive",),
        settings=ScanSettings(output=output, model=UNTRAINED),
        model=MODEL,
        provenance=PROVENANCE,
        threshold=None,
        sink=sink,
        plan_folder=tmp_path / "plan",
        run_folder=RunFolder.create(output, PROVENANCE.run_id),
        tracked=None,
        canary=None,
        identity=asdict(PROVENANCE),
        resolved={"limit": 3},
        notes=("said before",),
        recount=lambda _: sink.contains,
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
    )


@pytest.fixture
def missing(plan_of):
    """A plan of six videos of which so many are missing at the end."""

    def plan(num_missing):
        made = plan_of(6)
        rows = pq.read_table(made.path)
        pq.write_table(rows.slice(6 - num_missing), made.path / "missing.parquet")
        return made

    return plan


def test_the_summary_is_written_as_it_is_returned_and_its_numbers_add_up(scan, missing, committer, scored):
    committer.take(scored([0, 1, 2]))
    committer.take(scored([3], status=Status.NO_FACE))
    committer.take(scored([4], status=Status.MISSING))
    summary = finish(scan, missing(1), account(planned=6, unfinished=1, left=1), committer, stop=stopped(signum=15))
    written = json.loads(scan.run_folder.summary_path.read_text())
    assert written["by_status"] == {"missing": 1, "no_face": 1, "scored": 3}
    assert written["planned"] == 6
    assert written["planned"] == sum(written[name] for name in ("committed", "unfinished", "left", "lost"))
    assert (written["exit_code"], written["run_id"]) == (143, "run-1")
    assert (written["clips"], written["prepare_cpu_s"], written["score_cpu_s"]) == (6, 2.5, 1.25)
    assert written["is_untrained"] is True
    assert written["started_at"] == "2026-11-24T00:00:00+00:00"
    assert {name: written[name] for name in ("exit_code", "reason", "wall_s", "committed")} == {
        "exit_code": summary.exit_code,
        "reason": summary.reason,
        "wall_s": summary.wall_s,
        "committed": summary.committed,
    }


@pytest.mark.parametrize(("left", "lost", "status"), [(2, 0, LEFT), (0, 2, LOST)])
def test_what_did_not_get_done_is_kept_with_its_reason(scan, missing, committer, scored, video_id, left, lost, status):
    committer.take(scored([4], status=Status.DENIED, error_class="DeniedError", error_text="Permission denied"))
    finish(scan, missing(2), account(planned=6, unfinished=1, left=left, lost=lost), committer, stop=stopped())
    table = pq.read_table(scan.run_folder.unfinished_path)
    assert table.schema.equals(UNFINISHED)
    rows = {row["video_id"]: row for row in table.to_pylist()}
    assert {key: row["status"] for key, row in rows.items()} == {
        video_id(4): "denied",
        video_id(1): status,
        video_id(0): status,
    }
    assert rows[video_id(4)]["error_text"] == "Permission denied"
    assert rows[video_id(0)]["uri"] == "file:///archive/0.mp4"
    assert rows[video_id(0)]["last_modified"].timestamp() == 1_700_000_000.25


def test_a_run_that_did_everything_writes_that_nothing_is_left(scan, plan_of, committer):
    finish(scan, plan_of(0), account(planned=0), committer, stop=stopped())
    assert pq.read_table(scan.run_folder.unfinished_path).num_rows == 0


def test_nothing_is_written_where_nothing_is_kept(scan, plan_of, committer, tmp_path):
    plan = plan_of(0, folder=tmp_path / "results")
    before = sorted(tmp_path.rglob("*"))
    summary = finish(replace(scan, run_folder=None), plan, account(planned=0), committer, stop=stopped())
    assert summary.exit_code == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_small_files_of_a_run_are_merged(scan, plan_of, committer, scored):
    for number in range(4):
        scan.sink.commit(scored([number]))
    assert len(scan.sink.table.file_paths()) == 4
    finish(scan, plan_of(0), account(planned=0), committer, stop=stopped())
    assert len(scan.sink.table.file_paths()) == 1
    assert scan.sink.table.count_by_status(PROVENANCE.scoring_id) == {"scored": 4}


def test_a_store_that_fails_while_files_are_merged_costs_nothing_but_a_note(scan, plan_of, committer, scored):
    def fail():
        raise OutputError("the store is gone")

    scan.sink.commit(scored([1]))
    scan.sink.table.compact = fail
    summary = finish(scan, plan_of(0), account(planned=0), committer, stop=stopped())
    assert summary.exit_code == 0
    assert summary.notes == ["said before", "the table's small files stay as they are: the store is gone"]
    assert summary.notes[-1] in summary_text(scan, summary)


def test_after_a_signal_nothing_is_merged(scan, plan_of, committer, scored):
    for number in range(2):
        scan.sink.commit(scored([number]))
    finish(scan, plan_of(0), account(planned=0), committer, stop=stopped(signum=15))
    assert len(scan.sink.table.file_paths()) == 2


class TrackedRun:
    """A run in MLflow that takes what it is told, or says why not."""

    def __init__(self, missing=None):
        self.missing = missing
        self.told = []

    def finish(self, summary, files=None, *, failed=False, wait_s=30.0):
        self.told.append((summary, files, failed, wait_s))
        return self.missing


@pytest.mark.parametrize(("signum", "wait_s"), [(None, TRACKING_WAIT_S), (15, STOPPED_WAIT_S)])
def test_mlflow_is_told_the_summary_and_waited_for_less_after_a_signal(scan, plan_of, committer, signum, wait_s):
    run = TrackedRun()
    tracking = replace(scan, tracked=run)
    summary = finish(tracking, plan_of(0), account(planned=0), committer, stop=stopped(signum=signum))
    ((told, files, failed, waited_s),) = run.told
    assert told == asdict(summary)
    assert (files, failed, waited_s) == ({"settings.toml": b"limit = 3\n"}, False, wait_s)


def test_what_mlflow_did_not_take_is_a_note_and_no_failure(scan, plan_of, committer):
    tracking = replace(scan, tracked=TrackedRun("MLflow is down"))
    summary = finish(tracking, plan_of(0), account(planned=0), committer, stop=stopped())
    assert (summary.exit_code, summary.notes[-1]) == (0, "MLflow is down")


@pytest.mark.parametrize("answer", [200, 403])
def test_whoever_waits_is_told_the_summary_or_it_is_a_note(scan, plan_of, committer, answer):
    with listening(answer) as (url, heard):
        waiting = replace(scan, settings=replace(scan.settings, notify=f"{url}/SECRET"))
        summary = finish(waiting, plan_of(0), account(planned=0), committer, stop=stopped())
    ((path, _, content),) = heard
    assert path == "/SECRET"
    assert content["run_id"] == summary.run_id
    assert [note for note in summary.notes if "told" in note] == (
        [] if answer == 200 else [f"{url} was not told of the end: it answered 403"]
    )


def test_a_report_that_was_asked_for_is_named_or_missed(scan, plan_of, committer):
    asked = replace(scan, settings=replace(scan.settings, explain_top=0))
    summary = finish(asked, plan_of(0), account(planned=0), committer, stop=stopped())
    assert summary.notes[-1].startswith("there is no report: ")
    assert not any(line.startswith("report ") for line in summary_text(asked, summary))
    asked.run_folder.write_report(b"page")
    assert f"report {asked.run_folder.path}/report.html" in summary_text(asked, summary)


def test_the_summary_reads_as_sentences_the_exit_code_last(scan, plan_of, committer, scored):
    committer.take(scored([0, 1]))
    committer.take(scored([2], status=Status.DENIED))
    plan = plan_of(0)
    plan.left_out.update({"already scored": 4, "suffix": 2})
    plan.suffixes.update({".txt": 2})
    counted = account(planned=3, unfinished=1)
    flagging = replace(scan, threshold=0.7)
    summary = replace(finish(flagging, plan, counted, committer, stop=stopped()), wall_s=90.0)
    lines = summary_text(scan, summary)
    assert lines[0].startswith("3 of 3 videos in 1 min, ")
    assert lines[0].endswith(": denied 1, scored 2")
    assert lines[1:3] == ["flagged at 0.7: 0", "left out: already scored 4, suffix 2 (.txt 2)"]
    assert "1 could not be read and will be tried by the next run" in lines
    assert any("untrained" in line and "mean nothing" in line for line in lines)
    assert any(str(scan.run_folder.path) in line for line in lines)
    assert lines[-1] == "exit code 0: done"
    assert summary_text(scan, replace(summary, planned=0, by_status={}))[0] == "nothing to score"


def test_a_model_that_judged_its_own_clips_otherwise_in_the_end_has_failed(scan, plan_of, committer):
    drift = "a score differs by 0.1 (node)"
    summary = finish(scan, plan_of(0), account(planned=0), committer, stop=stopped(), drift=drift)
    assert (summary.exit_code, summary.reason) == (
        1,
        "what this run scored is not to be believed: a score differs by 0.1 (node)",
    )
