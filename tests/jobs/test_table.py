"""The job that looks after a table, from its command line to its exit code."""

import json

import pyarrow.parquet as pq
import pytest

from gsgmodel.results.runs import RunFolder
from gsgmodel.results.table import VideoTable
from jobs import table as module
from jobs.table import app
from jobs.terminal import run_app
from tests.results.conftest import make_rows


@pytest.fixture
def output(tmp_path):
    """An output of two scans."""
    folder = tmp_path / "out"
    table = VideoTable.open_or_create(str(folder))
    table.append(make_rows([1, 2]), key="s")
    table.append(make_rows([3], status="no_face", score=None), key="s")
    ended = {"planned": 3, "committed": 3, "unfinished": 0, "left": 0, "lost": 0, "exit_code": 0}
    RunFolder.create(str(folder), "run").write_summary(ended)
    return folder


@pytest.fixture
def run(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GSG_TRACKING_URI", "none")

    def run_job(*tokens):
        code = run_app(app, [str(token) for token in tokens])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out.splitlines(), err

    return run_job


def test_status_counts(run, output):
    code, lines, _ = run("status", output)
    assert code == 0
    assert lines[1].startswith("3 rows of 3 videos; 2 files, ")
    assert lines[-1] == "newest row of each of 3 names: no_face 1, scored 2"
    code, (line,), err = run("status", output, "--json")
    assert (code, err != "") == (0, True)
    assert json.loads(line)["scorings"][0]["by_status"] == {"no_face": 1, "scored": 2}


def test_compact_then_vacuum_keeps_what_is_young(run, output):
    assert run("compact", output)[1] == ["1 files fewer, 1 now"]
    assert run("compact", output)[1] == ["0 files fewer, 1 now"]
    code, lines, _ = run("vacuum", output, "--older-than", "1h")
    assert (code, lines[-1][:15]) == (0, "deleted 0 files")
    _, (line,), _ = run("vacuum", output, "--dry-run", "--json")
    assert json.loads(line) == {"superseded": 0, "orphans": 0, "bytes": 0, "is_dry_run": True}


def test_fsck_is_0_where_all_is_sound_and_1_where_it_is_not(run, output):
    code, lines, _ = run("fsck", output)
    assert (code, lines[-1]) == (0, "sound")
    assert any(line.startswith("ok     runs       1 account for") for line in lines)
    next((output / "videos").glob("*.parquet")).unlink()
    code, lines, _ = run("fsck", output)
    assert (code, lines[-1]) == (1, "NOT SOUND")
    assert lines[0].startswith("wrong  files      1 are missing")
    code, (line,), _ = run("fsck", output, "--json")
    found = json.loads(line)
    assert (code, found["is_sound"]) == (1, False)
    assert {check["name"]: check["verdict"] for check in found["checks"]}["files"] == "wrong"


def test_a_run_that_does_not_add_up_fails_fsck(run, output):
    RunFolder.create(str(output), "run-2").write_summary({"planned": 3})
    code, lines, _ = run("fsck", output)
    assert code == 1
    assert any(line.startswith("wrong  runs") for line in lines)


def test_export_writes_a_file_and_says_how_many_rows(run, output, tmp_path):
    assert run("export", output, "rows.parquet")[:2] == (0, ["3 rows in rows.parquet"])
    assert pq.read_table(tmp_path / "rows.parquet").num_rows == 3
    code, (line,), _ = run("export", output, "rows.txt", "--format", "csv", "--latest", "--scoring", "s", "--json")
    assert (code, json.loads(line)) == (0, {"rows": 3, "file": "rows.txt"})
    assert len((tmp_path / "rows.txt").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (("status", "nowhere"), "there is no table of results"),
        (("compact", "nowhere"), "there is no table of results"),
        (("vacuum", "nowhere"), "there is no table of results"),
        (("fsck", "nowhere"), "there is no table of results"),
        (("verify", "nowhere"), "there is no table of results"),
        (("export", "nowhere", "a.csv"), "there is no table of results"),
        (("export", "out", "a.doc"), "whose suffix says no format"),
        (("export", "out", "a.csv", "--format", "xls"), "xls"),
        (("export", "out", "a.csv", "--scoring", "x"), "accepted: s"),
        (("vacuum", "out", "--older-than", "5m"), "--older-than is '5m'; accepted: 1h to 168h"),
        (("verify", "out", "--sample", "0"), "--sample is 0; accepted: 1 or more"),
        (("verify", "out"), "the rows of scoring s name no model; accepted: --model that scored them"),
        (("status", "out", "--s3-endpoint", "http://u:hunter2@h"), "--s3-endpoint"),
        (("polish", "out"), "polish"),
        (("status",), "OUTPUT"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(run, output, tokens, said):
    before = sorted(output.parent.rglob("*"))
    code, lines, err = run(*tokens)
    assert (code, lines) == (2, [])
    assert said in err
    assert "hunter2" not in err
    assert err.count("\n") == 2
    assert sorted(output.parent.rglob("*")) == before


def test_a_place_that_is_no_table_is_refused(run, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    assert run("status", "file")[0] == 2
    assert run("status", "empty")[0] == 2
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize(("outcomes", "expected"), [(["agrees", "changed"], 0), (["agrees", "moved"], 1)])
def test_a_score_that_moved_fails_verify_and_a_changed_object_does_not(run, output, monkeypatch, outcomes, expected):
    from gsgmodel.evaluation import verify
    from gsgmodel.evaluation.verify import Sample, Verified

    class Files:
        uri = "models:/gsg/1"

    videos = [
        Verified(uri="file:///a.mp4", outcome=each, before=0.5, now=0.75 if each != "changed" else None, text="missing")
        for each in outcomes
    ]
    monkeypatch.setattr(verify, "draw_sample", lambda *_, **__: (Sample(scoring_id="s", how=None, rows=[]), Files()))
    monkeypatch.setattr(verify, "doubts", lambda *_: ["settings differ"])
    monkeypatch.setattr(verify, "score_again", lambda *_, **__: iter(videos))
    code, lines, _ = run("verify", output)
    assert code == expected
    assert lines[0] == "settings differ"
    assert lines[-1].startswith("scoring s, model models:/gsg/1: 1 agrees, ")
    _, (line,), _ = run("verify", output, "--json")
    assert sum(json.loads(line).values()) == 2


def test_help_names_the_commands(capsys):
    assert run_app(module.app, ["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("status", "compact", "vacuum", "fsck", "verify", "export"))
