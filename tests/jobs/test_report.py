"""The job that makes a page of a scan."""

import json
import re

import pyarrow as pa
import pytest

from gsgmodel.datasets.made import make_videos
from gsgmodel.results.schema import SCHEMA_VERSION, VIDEOS
from gsgmodel.results.table import VideoTable
from gsgmodel.scoring.video import VideoScorer, find_video
from jobs.report import app
from tests.results.conftest import make_row
from tests.scoring.test_explain import make_files


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """The rows that a scan would write of two videos, without a scan."""
    folder = tmp_path_factory.mktemp("scanned")
    make_videos(folder / "videos", num_videos=2, seconds=0.6, size_px=192, seed=3)
    files = make_files(folder / "model")
    scorer = VideoScorer(files)
    table = VideoTable.open_or_create(str(folder / "out"))
    for path in sorted((folder / "videos").glob("*.mp4")):
        ref = find_video(str(path))
        row = make_row(0, schema_version=SCHEMA_VERSION) | scorer.score(ref)
        row |= {"video_id": ref.video_id, "model_uri": str(folder / "model"), "run_id": "run 1"}
        table.append(pa.Table.from_pylist([row], schema=VIDEOS), key="s")
    return folder


@pytest.fixture
def run(running):
    return running(app)


def test_a_page_has_pictures_of_the_highest_scores(run, scanned, tmp_path):
    code, out, err = run("--output", scanned / "out", "--top", "1", "--json")
    page = (tmp_path / "report.html").read_text()
    assert code == 0
    assert json.loads(out)["videos"] == 2
    assert json.loads(out)["bytes"] == len(page.encode())
    assert "report of 2 videos in report.html" in err
    assert len(re.findall(r'<article id="video-', page)) == 1
    assert page.count("data:image/jpeg") == 3
    assert "Faces are blurred" in page


def test_videos_that_are_gone_or_replaced_and_a_model_that_is_not_there_cost_pictures_only(run, scanned, tmp_path):
    gone, changed = sorted((scanned / "videos").glob("*.mp4"))
    kept = gone.read_bytes(), changed.read_bytes()
    try:
        gone.unlink()
        changed.write_bytes(b"another")
        code, _, err = run("--output", scanned / "out", "--html", "a.html")
    finally:
        gone.write_bytes(kept[0])
        changed.write_bytes(kept[1])
    assert code == 0
    assert f"no picture of {gone}: missing" in err
    assert f"no picture of {changed}: it was replaced since" in err
    assert "No pictures:" in (tmp_path / "a.html").read_text()
    hidden = scanned / "model" / "model.json"
    moved = hidden.rename(hidden.with_name("elsewhere.json"))
    try:
        code, _, err = run("--output", scanned / "out", "--html", "b.html", "--run", "all")
    finally:
        moved.rename(hidden)
    assert code == 0
    assert "no pictures: " in err


def test_another_model_makes_no_pictures(run, scanned, tmp_path):
    make_files(tmp_path / "other", streams="local")
    code, _, err = run("--output", scanned / "out", "--model", tmp_path / "other")
    assert code == 0
    assert "is another model by now" in err


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([], "--output"),
        (["--output", "nowhere"], "there is no table of results"),
        (["--output", "{out}", "--run", "x"], "RUN is 'x', of which there are no rows"),
        (["--output", "{out}", "--html", "nowhere/a.html"], "--html is 'nowhere/a.html'"),
        (["--output", "{out}", "--html", "{out}"], "accepted: the path of a file"),
        (["--output", "{out}", "--top", "1000"], "--top is 1000; accepted: 0 to 500"),
        (["--output", "{out}", "--model", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(run, scanned, tokens, message):
    code, out, err = run(*(token.format(out=scanned / "out") for token in tokens))
    assert (code, out) == (2, "")
    assert message in err
    assert err.splitlines()[-1] == "exit code 2"
