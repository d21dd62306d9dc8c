"""The demo makes videos, asks for their scores, and shows what came of it; scoring itself is proved elsewhere."""

import json
from dataclasses import dataclass

import pytest

from gsgmodel.results.table import VideoTable
from jobs import demo
from jobs.terminal import run_app


@dataclass(frozen=True)
class Summary:
    run_id: str = "run-1"
    exit_code: int = 0


@pytest.fixture(autouse=True)
def scans(monkeypatch):
    """What was asked to be scored."""
    asked = []

    def score_archive(inputs, settings):
        VideoTable.open_or_create(settings.output)
        asked.append((inputs, settings))
        return Summary(exit_code=len(asked) - 1)

    monkeypatch.setattr(demo, "score_archive", score_archive)
    return asked


@pytest.fixture
def run(tmp_path, capsys):
    def run_demo(*tokens):
        code = run_app(demo.app, ["--folder", str(tmp_path / "my demo"), "--num-videos", "2", *tokens])
        return code, *capsys.readouterr()

    return run_demo


def test_videos_are_made_and_scored_into_a_table_of_the_demos_own_folder(run, scans, tmp_path):
    code, out, err = run()
    videos = tmp_path / "my demo" / "videos"
    assert code == 0
    assert len(list(videos.glob("*.mp4"))) == 2
    ((inputs, settings),) = scans
    assert inputs == (str(videos),)
    assert (settings.output, settings.model) == (str(tmp_path / "my demo" / "results"), "untrained")
    assert "making 2 videos" in err
    for place in (videos, tmp_path / "my demo" / "results" / "videos", "run-1/summary.json"):
        assert str(place) in out
    assert "the model is untrained" in out


def test_a_second_demo_makes_no_videos_again_and_ends_as_its_scan_does(run):
    run()
    code, _, err = run()
    assert code == 1
    assert "making" not in err


def test_json_is_the_last_line(run, tmp_path):
    _, out, _ = run("--json")
    assert json.loads(out.splitlines()[-1]) == {
        "run_id": "run-1",
        "exit_code": 0,
        "folder": str((tmp_path / "my demo").resolve()),
    }


@pytest.mark.parametrize(("tokens", "named"), [(("--num-videos", "many"), "many"), (("a.mp4",), "a.mp4")])
def test_what_cannot_be_parsed_is_refused(capsys, scans, tokens, named):
    assert run_app(demo.app, tokens) == 2
    assert named in capsys.readouterr().err
    assert scans == []
