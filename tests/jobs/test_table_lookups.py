"""Looking things up in a table, from the command line to what is printed."""

import json

import pytest

from gsgmodel.results.runs import RunFolder
from gsgmodel.results.table import VideoTable
from jobs.table import app
from tests.results.conftest import make_rows
from tests.upkeep.test_latest import at


@pytest.fixture
def output(tmp_path):
    """Two runs, of which the second one has a threshold."""
    folder = tmp_path / "out"
    table = VideoTable.open_or_create(str(folder))
    table.append(make_rows([1, 2], run_id="run 1", scoring_id="a", score=0.25, scored_at=at(1)), key="a")
    table.append(make_rows([1], run_id="run 2", scoring_id="b", score=0.75, scored_at=at(2)), key="b")
    failed = {"status": "unreadable", "score": None, "faces": [], "error_text": "moov \x1b[31mnot found"}
    table.append(make_rows([3], run_id="run 2", scoring_id="b", scored_at=at(2), **failed), key="b")
    RunFolder.create(str(folder), "run 2").write_summary({"threshold": 0.5})
    return folder


@pytest.fixture
def run(running):
    return running(app)


def test_show_has_every_row_of_a_video_with_the_verdict_of_its_run(run, output):
    code, out, _ = run("show", output, "1.mp4")
    assert code == 0
    assert out.count("/archive/1.mp4\n") == 2
    assert out.index("score 0.7500 FAKE at 0.5") < out.index("score 0.2500\n")
    assert "clip 0.0-60.0 s  0.7500  frames 0.25 0.75" in out
    assert "score 0.2500 FAKE at 0.2" in run("show", output, "1.mp4", "--threshold", "0.2")[1]


def test_show_says_why_there_is_no_score_and_what_to_do(run, output):
    _, out, _ = run("show", output, "3.mp4")
    assert "unreadable: moov \\x1b[31mnot found" in out
    assert "what to do: try to play it" in out


def test_show_prints_a_line_of_json_for_each_row(run, output):
    code, out, err = run("show", output, "1.mp4", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, [row["score"] for row in rows], [row["threshold"] for row in rows]) == (0, [0.75, 0.25], [0.5, None])
    assert rows[0]["faces"][0]["clips"][0]["frames"][0]["box"]["x0"] == 1.0
    assert "FAKE" in err


def test_query_prints_a_table_of_whole_lines_where_nobody_sees_it(run, output):
    code, out, _ = run("query", output, "SELECT uri, score, notes FROM latest ORDER BY uri", "--rows", "2")
    assert code == 0
    assert "file:///archive/1.mp4" in out
    assert "0.75" in out
    assert out.splitlines()[-1] == "1 more rows; --rows 3 or --json for all"


def test_query_prints_all_rows_as_lines_of_json(run, output):
    code, out, _ = run("query", output, "SELECT video_id, score FROM videos ORDER BY score", "--json", "--rows", "1")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, [row["score"] for row in rows]) == (0, [0.25, 0.25, 0.75, None])
    assert len(rows[0]["video_id"]) == 32


def test_an_answer_without_rows_has_its_columns(run, output):
    assert "uri" in run("query", output, "SELECT uri FROM latest WHERE false")[1]


def test_diff_compares_the_last_run_with_the_one_before(run, output):
    code, out, _ = run("diff", output)
    assert code == 0
    assert "before run 1: scored 2" in out
    assert "1 videos in both, 1 only before, 1 only after" in out
    assert "at 0.5: 1 became fake, 0 became real" in out
    assert "0.2500 -> 0.7500      flipped /archive/1.mp4" in out


def test_diff_takes_names_a_threshold_and_prints_json(run, output):
    code, out, _ = run("diff", output, "b", "a", "--threshold", "0.9", "--json")
    facts = json.loads(out)
    assert (code, facts["before"], facts["moved"], facts["to_real"]) == (0, "b", 1, 0)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["show", "{output}", "nope.mp4"], "no row in"),
        (["show", "{output}/none", "1.mp4"], "there is no table of results"),
        (["show", "{output}", "1.mp4", "--threshold", "2"], "--threshold is 2.0; accepted: 0 to 1"),
        (["query", "{output}", "SELEC"], "the SQL cannot be answered: Parser Error"),
        (["query", "{output}", "SELECT 1", "--rows", "0"], "--rows is 0"),
        (["diff", "{output}", "run"], "which several begin with"),
        (["diff", "{output}", "x"], "of which there are no rows"),
    ],
)
def test_what_cannot_be_looked_up_is_one_sentence_and_exit_code_2(run, output, tokens, message):
    code, out, err = run(*(token.format(output=output) for token in tokens))
    assert (code, out) == (2, "")
    assert message in err
    assert err.splitlines()[-1] == "exit code 2"
