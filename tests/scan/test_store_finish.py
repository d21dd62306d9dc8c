"""The end of a preparation: what is in the store, what was left out and why, and the run's last files."""

import json
import re
from dataclasses import asdict

import pyarrow.parquet as pq
import pytest

from gsgmodel.clips.store import ClipStore
from gsgmodel.scan.passes import Account
from gsgmodel.scan.settings import PrepareSettings
from gsgmodel.scan.stop import StopRequest
from gsgmodel.scan.store_finish import finish_store_run, store_summary_text
from gsgmodel.scan.store_opening import open_store_run
from tests.scan.stores import kept_rows, plan_for, write_manifest
from tests.scan.test_notify import listening

ROWS = (
    {"path": "a.mp4", "label": "0", "split": "train"},
    {"path": "b.mp4", "label": "1", "split": "train"},
    {"path": "c.mp4", "label": "1", "split": "val"},
    {"path": "gone.mp4", "label": "1", "split": "val"},
)


@pytest.fixture
def run(tmp_path):
    manifest = write_manifest(tmp_path / "archive", *ROWS)
    with open_store_run((manifest,), PrepareSettings(output=str(tmp_path / "store"))) as opened:
        yield opened


@pytest.fixture
def ended(run):
    """A preparation of all videos, ended by a signal or not."""

    def end(*, signum=None, relabelled=0):
        plan = plan_for(run)
        committer = run.committer(num_planned=plan.num_videos)
        committer.commit_s = 3600.0
        for number in range(plan.num_videos):
            committer.take(kept_rows(plan).slice(number, 1))
            committer.commit()
        pq.write_table(pq.read_table(plan.path).slice(0, 0), plan.path / "missing.parquet")
        stop = StopRequest(drain_s=1.0)
        stop.signum = signum
        account = Account(num_planned=plan.num_videos, num_unfinished=0, num_left=0, num_lost=0)
        return finish_store_run(run, plan, account, committer, relabelled=relabelled, stop=stop)

    return end


def test_the_summary_counts_what_the_store_holds_and_is_written(run, ended):
    summary = ended()
    assert summary.videos == {
        "train": {"real": 1, "fake": 1},
        "val": {"real": 0, "fake": 1},
        "test": {"real": 0, "fake": 0},
    }
    assert summary.clips_by_split == {"train": 2, "val": 1, "test": 0}
    assert summary.data_digest == ClipStore.open(run.store_uri).digest
    assert (summary.exit_code, summary.planned, summary.committed, summary.by_status) == (0, 3, 3, {"prepared": 3})
    assert (summary.prepare_cpu_s, summary.keep_cpu_s, summary.clips) == (1.5, 0.75, 3)
    assert summary.left_out == {"missing": 1}
    written = json.loads(run.run_folder.summary_path.read_text())
    assert written == json.loads(json.dumps(asdict(summary)))
    assert pq.read_table(run.run_folder.unfinished_path).num_rows == 0


def test_small_files_of_the_index_are_merged_unless_there_is_a_hurry(run, ended):
    ended(signum=15)
    assert len(run.sink.table.file_paths()) == 3
    run.sink.num_committed = 3
    ended()
    assert len(run.sink.table.file_paths()) == 1


def test_an_interrupted_run_says_so(ended):
    assert ended(signum=2).exit_code == 130


def test_the_summary_reads_as_sentences_that_name_what_is_not_there(run, ended):
    lines = store_summary_text(ended(relabelled=2))
    assert re.fullmatch(r"3 of 3 videos in .*: prepared 3", lines[0])
    assert lines[1:4] == [
        "2 videos got other labels or splits, their crops stay",
        "left out: missing 1 (.mp4 1)",
        f"  {run.inputs[0].replace('labels.csv', '')}gone.mp4 (missing)".replace("  ", "  file://", 1),
    ]
    assert lines[-5:-1] == [
        "train  1 real, 1 fake, 2 clips",
        "val    0 real, 1 fake, 1 clips",
        "test   0 real, 0 fake, 0 clips",
        f"clip store {run.store_uri}, run {run.run_folder.uri}",
    ]
    assert lines[-1] == "exit code 0: done"
    again = store_summary_text(ended())
    assert again[:2] == ["nothing to prepare", "left out: already prepared 3, missing 1 (.mp4 1)"]


@pytest.mark.parametrize("signum", [None, 15])
def test_whoever_waits_is_told_of_the_end(tmp_path, signum):
    manifest = write_manifest(tmp_path / "archive", *ROWS)
    with listening(200) as (url, heard):
        settings = PrepareSettings(output=str(tmp_path / "store"), notify=f"{url}/SECRET")
        with open_store_run((manifest,), settings) as run:
            plan = plan_for(run)
            account = Account(num_planned=0, num_unfinished=0, num_left=0, num_lost=0)
            stop = StopRequest(drain_s=1.0)
            stop.signum = signum
            finish_store_run(run, plan, account, run.committer(num_planned=0), relabelled=0, stop=stop)
    ((path, _, content),) = heard
    assert path == "/SECRET"
    assert content["text"].startswith(
        f"preparation {run.identity['run_id']} ended with exit code {(signum and 143) or 0}"
    )
    assert "SECRET" not in run.run_folder.settings_path.read_text()
