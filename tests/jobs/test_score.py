"""The scoring job from its command line to its exit code, with the stages that need Ray played by a generator."""

import json
import os
import signal
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from gsgmodel.errors import OutputError
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.settings import ModelSettings
from gsgmodel.model.weights import save_model
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.session import NO_POOLS
from jobs.score import app
from jobs.terminal import run_app
from tests.played_stages import Session, Stages

TINY = GSGConfig(backbone="tiny", hidden=16, layers=2, num_selected=2, attention_hidden=8)


@pytest.fixture(autouse=True)
def stages(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    played = Stages()

    @contextmanager
    def start_ray(*_, **__):
        yield Session()
        played.let_go()

    def take_the_stage(name):
        def take(rows, _session, **_):
            played.stages.append(name)
            return rows

        return take

    def read_plan(path):
        played.path = path
        return played

    monkeypatch.setattr("gsgmodel.scan.session.start_ray", start_ray)
    monkeypatch.setattr("gsgmodel.scan.source.read_plan", read_plan)
    monkeypatch.setattr("gsgmodel.scan.early.starting_ray", lambda *_, **__: nullcontext())
    for stage in ("prepare.prepare", "score.score", "joint.prepare_and_score"):
        monkeypatch.setattr(f"gsgmodel.scan.{stage}", take_the_stage(stage.partition(".")[2]))
    return played


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, GSGModel(TINY), ModelSettings(architecture=TINY, operating_points={"default": 0.5}))
    return str(folder)


@pytest.fixture
def archive(tmp_path):
    """A folder of files of rising size, so that the last one is planned first."""

    def make(*names):
        folder = tmp_path / "archive"
        folder.mkdir(exist_ok=True)
        for size_bytes, name in enumerate(names, start=1):
            (folder / name).write_bytes(b"x" * size_bytes)
        return str(folder)

    return make


@pytest.fixture
def score(capsys, model, monkeypatch):
    """Run the job and return its exit code, the lines of its results, and what it said to a person."""
    monkeypatch.setenv("GSG_MODEL", model)
    monkeypatch.setenv("GSG_TRACKING_URI", "none")

    def run(*tokens):
        code = run_app(app, tokens)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out.splitlines(), err

    return run


@pytest.fixture
def output(tmp_path):
    return tmp_path / "results"


def table_of(output):
    rows = VideoTable.open(str(output)).head(100).to_pylist()
    return {row["uri"].rpartition("/")[2]: row["status"] for row in rows}


def summary_of(output):
    newest = max((output / "runs").iterdir(), key=lambda folder: (folder / "settings.toml").stat().st_mtime_ns)
    return json.loads((newest / "summary.json").read_text()), pq.read_table(newest / "unfinished.parquet").to_pylist()


def test_how_it_ended_is_said_before_ray_is_let_go_of(score, archive, stages):
    stages.let_go = lambda: sys.stderr.write("let go\n")
    code, lines, err = score(archive("fake-1.mp4"), "--json")
    assert (code, json.loads(lines[-1])["planned"]) == (0, 1)
    assert err.endswith("exit code 0: done\nlet go\n")


def test_without_an_output_verdicts_are_printed_and_nothing_is_kept(score, archive, tmp_path):
    folder = archive("fake-1.mp4", "real-1.mp4", "nobody-1.mp4")
    before = sorted(tmp_path.rglob("*"))
    code, lines, err = score(folder)
    assert code == 0
    assert lines == [
        f"no_face         {folder}/nobody-1.mp4",
        f"0.2500 real 1 face   {folder}/real-1.mp4",
        f"0.9000 FAKE 1 face   {folder}/fake-1.mp4",
    ]
    assert "flagged at 0.5: 1" in err
    assert err.endswith("exit code 0: done\n")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("score_actors", "stages_taken"), [(1, ["prepare", "score"]), (0, ["prepare_and_score"])], ids=["apart", "joint"]
)
def test_videos_go_through_two_stages_or_through_one_that_does_both(
    score, archive, stages, monkeypatch, score_actors, stages_taken
):
    monkeypatch.setattr(Session, "pools", replace(NO_POOLS, score_actors=score_actors))
    assert score(archive("fake-1.mp4"))[0] == 0
    assert stages.stages == stages_taken


def test_with_an_output_every_video_is_a_row_and_a_second_run_scores_nothing(score, archive, output, stages):
    folder = archive("fake-1.mp4", "real-1.mp4", "broken-1.mp4")
    code, lines, err = score(folder, "--output", str(output))
    assert (code, lines) == (0, [])
    assert table_of(output) == {"fake-1.mp4": "scored", "real-1.mp4": "scored", "broken-1.mp4": "unreadable"}
    assert "3 of 3 videos" in err
    stages.scored.clear()
    code, _, err = score(folder, "--output", str(output))
    assert (code, stages.scored) == (0, [])
    assert "left out: already scored 3" in err
    assert summary_of(output)[1] == []


def test_after_one_file_changed_one_video_is_scored(score, archive, output, stages):
    folder = archive("a.mp4", "b.mp4", "c.mp4")
    score(folder, "--output", str(output))
    stages.scored.clear()
    os.utime(f"{folder}/b.mp4", ns=(0, 12345))
    assert score(folder, "--output", str(output))[0] == 0
    assert stages.scored == ["b.mp4"]


def test_a_status_is_scored_again_where_asked_for(score, archive, output, stages):
    folder = archive("broken-1.mp4", "real-1.mp4")
    score(folder, "--output", str(output))
    stages.scored.clear()
    assert score(folder, "--output", str(output), "--retry", "unreadable")[0] == 0
    assert stages.scored == ["broken-1.mp4"]
    assert len(table_of(output)) == 2


def test_a_video_that_was_to_be_scored_again_and_never_came_is_lost(score, archive, output, stages):
    folder = archive("broken-1.mp4", "real-1.mp4")
    score(folder, "--output", str(output))
    stages.lost = {"broken-1.mp4"}
    assert score(folder, "--output", str(output), "--retry", "unreadable")[0] == 1
    summary, unfinished = summary_of(output)
    assert (summary["committed"], summary["lost"]) == (0, 1)
    assert [row["status"] for row in unfinished] == ["lost"]


def test_the_largest_videos_go_first_and_a_limit_and_a_filter_hold(score, archive, stages):
    folder = archive("a.mp4", "b.mov", "c.mp4", "d.mp4")
    score(folder, "--filter", "*.mp4")
    assert stages.scored == ["d.mp4", "c.mp4", "a.mp4"]
    assert "2 of 2 videos" in score(folder, "--limit", "2")[2]
    assert len(stages.scored) == 3 + 2


def test_a_dry_run_prints_its_plan_and_leaves_no_trace(score, archive, output, stages, tmp_path):
    folder = archive("a.mp4", "b.txt", "c.mp4")
    before = sorted(tmp_path.rglob("*"))
    code, lines, err = score(folder, "--output", str(output), "--dry-run", "--json")
    assert (code, err, stages.scored) == (0, "", [])
    assert lines[0] == "dry run: nothing is scored"
    assert f"  score           3 B  {folder}/c.mp4" in lines
    assert json.loads(lines[-1])["planned"] == 2
    assert json.loads(lines[-1])["left_out"] == {"suffix": 1}
    assert sorted(tmp_path.rglob("*")) == before


def test_json_ends_with_the_summary_that_was_written(score, archive, output):
    code, lines, _ = score(archive("fake-1.mp4", "denied-1.mp4"), "--output", str(output), "--json")
    summary, unfinished = summary_of(output)
    assert code == 0
    assert json.loads(lines[-1]) == summary
    assert (summary["planned"], summary["committed"], summary["unfinished"], summary["flagged"]) == (2, 1, 1, 1)
    assert [(row["status"], row["uri"].rpartition("/")[2]) for row in unfinished] == [("denied", "denied-1.mp4")]


def test_too_many_failures_are_exit_code_3(score, archive):
    folder = archive("broken-1.mp4", "real-1.mp4", "nobody-1.mp4")
    assert score(folder, "--max-failures", "0.3")[0] == 3
    assert score(folder, "--max-failures", "0.4")[0] == 0


def test_flagged_content_is_exit_code_4_where_asked_for(score, archive):
    folder = archive("fake-1.mp4", "real-1.mp4")
    assert score(folder, "--fail-on-flagged")[0] == 4
    assert score(f"{folder}/real-1.mp4", "--fail-on-flagged")[0] == 0


def test_a_video_that_never_arrives_is_exit_code_1(score, archive, output, stages):
    stages.lost = {"b.mp4"}
    code, _, err = score(archive("a.mp4", "b.mp4"), "--output", str(output))
    assert code == 1
    assert err.endswith("exit code 1: 1 videos were planned and never arrived\n")
    assert [row["status"] for row in summary_of(output)[1]] == ["lost"]


def test_a_deadline_is_exit_code_5_and_leaves_the_rest(score, archive, output):
    folder = archive("a.mp4", "b.mp4")
    assert score(folder, "--output", str(output), "--deadline", "0s")[0] == 5
    summary, unfinished = summary_of(output)
    assert (summary["exit_code"], summary["left"]) == (5, 2)
    assert [row["status"] for row in unfinished] == ["left", "left"]
    assert (score(folder, "--output", str(output))[0], len(table_of(output))) == (0, 2)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_commits_what_arrived_and_leaves_the_rest(score, archive, output, stages, signum, code):
    before = signal.getsignal(signum)
    stages.interrupt_before, stages.signum = "a.mp4", signum
    folder = archive("a.mp4", "b.mp4")
    assert score(folder, "--output", str(output))[0] == code
    assert signal.getsignal(signum) == before
    assert table_of(output) == {"b.mp4": "scored"}
    summary, unfinished = summary_of(output)
    assert (summary["exit_code"], summary["committed"], summary["left"]) == (code, 1, 1)
    assert [row["uri"].rpartition("/")[2] for row in unfinished] == ["a.mp4"]


def test_a_full_disk_is_one_sentence_and_exit_code_1(score, archive, output, monkeypatch):
    def fail(*_args, **_kwargs):
        raise OutputError("full")

    monkeypatch.setattr(VideoTable, "append", fail)
    code, _, err = score(archive("a.mp4"), "--output", str(output))
    assert code == 1
    assert err.splitlines()[2:] == ["gsg score: full", "exit code 1"]


@pytest.mark.parametrize(
    ("tokens", "named"),
    [
        ((), "no input; accepted: files, folders, and manifests"),
        (("nowhere.mp4",), "No such file or directory"),
        (("s3://bucket/a.mp4", "--s3-endpoint", "http://me:secret@host"), "--s3-endpoint is 'http://[hidden]@host'"),
        (("empty",), "is an empty folder"),
        (("texts",), "no videos among the inputs: suffix 1 (.txt 1)"),
        (("list.csv",), "has no column named 'uri' or 'path'"),
        (("a.mp4", "--model", "nowhere"), "model nowhere: there is nothing"),
        (("a.mp4", "--model", "pickled.pt"), "is pickled"),
        (("a.mp4", "--model", "models:/gsg@champion"), "models:/gsg@champion"),
        (("a.mp4", "--output", "a.mp4"), "cannot be written"),
        (("a.mp4", "--device", "gpu"), "no GPU is visible here"),
        (("a.mp4", "--prepare-actors", "100000"), "actors need about"),
        (("a.mp4", "--retry", "crashed"), "--retry is set without --output"),
        (("a.mp4", "--fail-on-flagged", "--model", "untrained"), "has no operating point to flag by"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(score, tmp_path, monkeypatch, stages, tokens, named):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gsgmodel.scan.preflight.GPUS", tmp_path / "no-gpus")
    for name, content in (("a.mp4", b"x"), ("pickled.pt", b"PK"), ("list.csv", b"name\na.mp4\n")):
        (tmp_path / name).write_bytes(content)
    for folder in ("empty", "texts"):
        (tmp_path / folder).mkdir()
    (tmp_path / "texts" / "a.txt").touch()
    code, lines, err = score(*tokens)
    sentence, last = err.splitlines()
    assert (code, lines, last, stages.scored) == (2, [], "exit code 2", [])
    assert sentence.startswith("gsg score: ")
    assert named in sentence
