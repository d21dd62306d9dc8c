"""The job that makes forgeries of footage, from its command line to the manifest."""

import csv
import json

import pytest

from gsgmodel.datasets.made import make_videos
from jobs.forge import app


@pytest.fixture
def run(running):
    return running(app)


def test_footage_becomes_labelled_videos_and_what_is_broken_is_named(run, tmp_path):
    make_videos(tmp_path / "footage", num_videos=1, seconds=1.0, size_px=256)
    (tmp_path / "footage" / "broken.mp4").write_bytes(b"no video")
    code, out, err = run("footage", "--output", "forged", "--seconds", "1", "--methods", "warp", "--val-share", "0")
    assert code == 0
    assert "left out" in err
    assert "broken.mp4" in err
    assert "such forgeries say nothing about those in the world" in out
    with (tmp_path / "forged" / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["label"], row["method"]) for row in rows] == [("0", "original"), ("1", "warp")]
    assert rows[1]["original"] == rows[0]["path"]
    assert all((tmp_path / "forged" / row["path"]).is_file() for row in rows)


def test_a_program_is_told_the_same_in_one_line(run, tmp_path):
    make_videos(tmp_path / "footage", num_videos=1, seconds=1.0, size_px=256)
    code, out, _ = run("footage", "--output", "forged", "--methods", "warp", "--val-share", "0", "--json")
    assert code == 0
    (line,) = out.splitlines()
    told = json.loads(line)
    assert told["manifest"] == "forged/manifest.csv"
    assert list(told["videos"].values()) == [{"original": 1, "warp": 1}]


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["nowhere", "--output", "o"], "nowhere"),
        (["footage"], "output"),
        (["footage", "--output", "o", "--methods", "paint"], "--methods is 'paint'"),
        (["footage", "--output", "o"], "nothing could be forged: no video shows a face that is large enough"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(run, tmp_path, tokens, message):
    (tmp_path / "footage").mkdir()
    (tmp_path / "footage" / "broken.mp4").write_bytes(b"no video")
    code, out, err = run(*tokens)
    assert (code, out) == (2, "")
    assert message in err
    assert not (tmp_path / "o" / "manifest.csv").exists()
