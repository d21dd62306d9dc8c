"""The commands of the ablation tables: what is missing is trained by Ray, what is there is not."""

import csv
from types import SimpleNamespace

import pytest

from gsgmodel.evaluation import ablations
from jobs import evaluate_tables as module
from jobs.evaluate import app
from jobs.terminal import run_app
from tests.small_store import make_store

TINY = ("--backbone", "tiny", "--backbone-weights", "none", "--hidden", "8", "--layers", "1", "--epochs", "1")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store") / "clips", splits={"train": 8, "val": 4, "test": 8}).uri


@pytest.fixture
def two_rows(monkeypatch):
    rows = ablations.ROWS["temporal"]
    monkeypatch.setattr(ablations, "ROWS", {"temporal": (rows[0], rows[3])})


@pytest.mark.ray
@pytest.mark.usefixtures("two_rows")
def test_a_table_is_trained_once_printed_and_written(store, tmp_path, capfd):
    command = ["temporal", store, "--output", str(tmp_path / "out"), "--seeds", "1", "--batch-clips", "4", *TINY]
    assert run_app(app, command) == 0
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith("| model | paper, ACC on Celeb-DF | ACC on ")
    assert [line.split(" | ")[0] for line in lines[2:4]] == ["| SRU", "| none"]
    assert "SRU, seed 0: training" in err
    assert (tmp_path / "out" / "temporal.md").read_text() in out
    with (tmp_path / "out" / "temporal.csv").open(newline="") as file:
        assert [row["model"] for row in csv.DictReader(file)] == ["SRU", "none"]
    assert run_app(app, command) == 0
    again, err = capfd.readouterr()
    assert again == out
    assert ("SRU, seed 0: done before" in err, "training" in err) == (True, False)


@pytest.mark.parametrize("arguments", [("--seeds", "0"), ("--resume", "x"), ("--output", "s3://bucket/out")])
def test_settings_that_are_none_for_a_table_are_refused(store, capsys, arguments):
    assert run_app(app, ["table3", store, *TINY, *arguments]) == 2
    assert "a table wants --seeds of 1 or more, a local folder as --output, and no --resume" in capsys.readouterr().err


def test_a_training_that_ends_badly_ends_the_table_with_its_code(store, tmp_path, monkeypatch):
    monkeypatch.setattr("jobs.train.train", lambda *_: SimpleNamespace(exit_code=130))
    row = ablations.ROWS["table3"][0]
    base = module.DEFAULTS
    code, found = module.train_row(row, store, type(base)(output=str(tmp_path)), "digest")
    assert (code, found) == (130, None)
