"""The command that holds scores against labels."""

import csv
import json

import pyarrow as pa
import pytest

from gsgmodel.results.schema import VIDEOS
from gsgmodel.results.table import VideoTable
from jobs.evaluate import app, threshold_of
from jobs.terminal import run_app
from tests.results.conftest import make_row

NUM = 8


@pytest.fixture
def places(tmp_path):
    """A table of scores, and a manifest that says of every second video that it is fake."""
    rows = [
        make_row(number, score=0.9 if number % 2 else 0.2, model_digest="one", model_uri="models:/gsg/1")
        for number in range(NUM - 1)
    ]
    table = VideoTable.open_or_create(str(tmp_path / "results"))
    table.append(pa.Table.from_pylist(rows, schema=VIDEOS), key="s")
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["uri", "label", "method", "dataset", "split"])
        for number in range(NUM):
            label, split = number % 2, "train" if number < 2 else "test"
            out.writerow([f"file:///archive/{number}.mp4", label, "FaceSwap" if label else "real", "ff++", split])
    return str(tmp_path / "results"), str(tmp_path / "labels.csv")


def test_figures_of_the_test_split_are_printed_and_written(places, tmp_path, capsys):
    assert run_app(app, ["scores", *places, "--csv", str(tmp_path / "out.csv")]) in (0, None)
    out, err = capsys.readouterr()
    assert "| ff++ | all | 3 | 3 | 83.3% | 1.000" in out
    assert "threshold 0.500; intervals of 95 %" in err
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["method"] for row in csv.DictReader(file)] == ["all"]


def test_another_split_and_every_one_can_be_had_as_json(places, capsys):
    for split, expected in (("train", (1, 1)), ("all", (4, 4))):
        assert run_app(app, ["scores", *places, "--split", split, "--json"]) in (0, None)
        (group,) = json.loads(capsys.readouterr().out)
        assert (group["num_real"], group["num_fake"]) == expected
        assert group["metrics"]["auc"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--threshold", "2"], "--threshold is 2; accepted: 0 to 1"),
        (["--split", "val"], "of 0 videos of the split 'val' none has a score"),
        (["--model", "/nowhere"], "/nowhere"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(places, capsys, arguments, sentence):
    assert run_app(app, ["scores", *places, *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_without_a_model_the_threshold_is_half():
    assert threshold_of(None) == 0.5
