"""The command that lists a published data set."""

import csv
import json

import pytest

from jobs.dataset import app
from jobs.terminal import run_app
from tests.datasets import published_trees as trees


@pytest.fixture
def celeb(tmp_path):
    return trees.celebdf(tmp_path / "celeb", num_real=120, num_youtube=30, num_fake=200, num_test=(10, 5, 20))


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_copy_becomes_a_manifest_and_what_splits_share_is_said(celeb, tmp_path, capsys):
    assert run_app(app, ["celeb-df-v2", str(celeb), "--output", str(tmp_path / "out.csv")]) == 0
    rows = rows_of(tmp_path / "out.csv")
    assert len(rows) == 350
    assert sum(row["split"] == "test" for row in rows) == 35
    out, err = capsys.readouterr()
    assert "note: 4 numbers other than published: Celeb-real: 120, published 590" in err
    lines = out.splitlines()
    assert lines[0].split() == ["train", "val", "test"]
    assert next(line for line in lines if line.startswith("fake Celeb-synthesis")).split()[-1] == "20"
    assert next(line for line in lines if line.startswith("majority rate")).split()[-1] == "57.1%"
    assert any(line.startswith("train and test share ") and line.endswith(" of 35 test videos") for line in lines)
    assert lines[-1] == f"manifest {tmp_path / 'out.csv'}"


def test_a_program_is_told_the_same_in_one_line(celeb, tmp_path, capsys):
    assert run_app(app, ["celeb-df-v2", str(celeb), "--output", str(tmp_path / "out.csv"), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    rows = rows_of(tmp_path / "out.csv")
    for each in told["videos"]:
        assert each["count"] == sum((row["split"], row["method"]) == (each["split"], each["method"]) for row in rows)
    assert sum(each["count"] for each in told["videos"]) == len(rows)
    assert told["manifest"] == str(tmp_path / "out.csv")
    assert any("Celeb-real: 120, published 590" in note for note in told["notes"])
    assert {tuple(each["pair"]) for each in told["shared"]} >= {("train", "test")}


def test_a_subset_and_another_split_are_had(celeb, tmp_path, capsys):
    arguments = ["celeb-df-v2", str(celeb), "--output", str(tmp_path / "out.csv"), "--split", "paper-7-3"]
    assert run_app(app, [*arguments, "--subset", "50"]) == 0
    rows = rows_of(tmp_path / "out.csv")
    assert sorted(row["label"] for row in rows) == ["0"] * 50 + ["1"] * 50
    assert "train and test share" in capsys.readouterr().out


def test_fakes_that_no_split_may_have_are_counted(celeb, tmp_path, capsys):
    arguments = ["celeb-df-v2", str(celeb), "--output", str(tmp_path / "out.csv"), "--split", "id-disjoint"]
    assert run_app(app, arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["train", "val", "test", "left", "out"]
    left = int(next(line for line in lines if line.startswith("fake")).split()[-1])
    assert len(rows_of(tmp_path / "out.csv")) == 350 - left
    assert "train and test share 0 people and 0 clips: 0 of" in "\n".join(lines)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["celeb-df-v2", "{root}/nowhere", "--output", "{root}/x.csv"], "nowhere' is no folder; expected: Celeb-real"),
        (["celeb-df-v3", "{root}", "--output", "{root}/x.csv"], "data set 'celeb-df-v3' is not known"),
        (["ff++", "{root}", "--output", "{root}/x.csv"], "has another layout; expected: original_sequences"),
        (["celeb-df-v2", "{root}/celeb", "--output", "{root}/no/x.csv"], "accepted: a .csv in a folder that is there"),
        (["celeb-df-v2", "{root}/celeb", "--output", "{root}/x.txt"], "accepted: a .csv in a folder that is there"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(celeb, tmp_path, capsys, arguments, sentence):
    assert celeb.is_dir()
    assert run_app(app, [each.format(root=tmp_path) for each in arguments]) == 2
    assert sentence in capsys.readouterr().err
