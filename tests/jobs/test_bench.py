import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobs import bench
from jobs.bench import NAMES, app
from jobs.terminal import USAGE, run_app
from tests.bench.side_by_side import Comparison, picture, take_turns

ROOT = Path(__file__).parents[2]


def test_every_benchmark_that_is_named_is_there():
    assert all((ROOT / "tests/bench" / f"{name}.py").is_file() for name in NAMES)


def test_ratios_are_the_peers_time_over_a_ways_round_by_round():
    found = Comparison(title="T", peer="slow", took_s={"slow": [2.0, 4.0, 6.0], "quick": [1.0, 1.0, 2.0]})
    assert found.times_as_fast("quick") == [2.0, 4.0, 3.0]
    assert found.metrics() == {"times_as_fast/slow": 1.0, "times_as_fast/quick": 3.0}
    assert "| quick | 1.000 | 3.00 | 2.00 to 4.00 |" in found.markdown()


def test_what_is_kept_are_figures_a_table_and_plots():
    plot = picture(lambda axes: axes.plot([1, 2], [1, 2], label="line"))
    found = Comparison(title="T", peer="a", took_s={"a": [1.0]}, pictures={"nodes": plot})
    files = found.files("x")
    assert list(files) == ["x.json", "x.md", "x-nodes.png"]
    assert json.loads(files["x.json"])["took_s"] == {"a": [1.0]}
    assert files["x-nodes.png"].startswith(b"\x89PNG")


def test_ways_take_turns_and_every_other_round_goes_backwards():
    ran = []
    took_s = take_turns({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, rounds=2)
    assert ran == ["a", "b", "a", "b", "b", "a"]
    assert {name: len(values) for name, values in took_s.items()} == {"a": 2, "b": 2}


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (["tempural"], "there is no benchmark 'tempural'; accepted: decode, faces"),
        (["temporal", "--rounds", "0"], "--rounds is 0"),
        (["temporal", "--videos", "nowhere"], "--videos is 'nowhere', which is no folder"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(tokens, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_app(app, tokens) == USAGE
    assert says in capsys.readouterr().err


def test_without_opencv_the_pipeline_is_refused_by_name_and_left_out_of_all(capsys, monkeypatch):
    monkeypatch.setattr(bench, "has_opencv", lambda: False)
    assert run_app(app, ["pipeline"]) == USAGE
    assert "the benchmark 'pipeline' needs OpenCV for its peer" in capsys.readouterr().err
    assert bench.usual_names() == [name for name in NAMES if name != "pipeline"]


def test_a_benchmark_leaves_json_and_markdown_and_prints_its_table(tmp_path):
    command = [sys.executable, str(ROOT / "jobs/bench.py"), "temporal", "--rounds", "1", "--tracking-uri", "none"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "| nn.LSTM |" in done.stdout
    kept = json.loads((tmp_path / "out/bench/temporal.json").read_text())
    assert set(kept["took_s"]) == {"nn.LSTM", "nn.GRU", "SRU"}
    assert (tmp_path / "out/bench/temporal.md").read_text().strip() == done.stdout.strip()
    assert (tmp_path / "out/bench/videos/held_out.csv").is_file()
