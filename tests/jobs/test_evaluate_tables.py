"""The commands of the ablation tables: what is missing is trained by Ray, what is there is not."""

import csv
import shutil
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from gsgmodel.clips.store import ClipStore
from gsgmodel.evaluation import ablations
from jobs import evaluate_tables as module
from jobs.evaluate import app
from jobs.terminal import run_app
from tests.evaluation.test_ablations import predictions
from tests.evaluation.test_kept import begin
from tests.small_store import make_store

TINY = ("--backbone", "tiny", "--backbone-weights", "none", "--hidden", "8", "--layers", "1", "--epochs", "1")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store") / "clips", splits={"train": 8, "val": 4, "test": 8}).uri


@pytest.fixture
def two_rows(monkeypatch):
    rows = ablations.ROWS["temporal"]
    monkeypatch.setattr(ablations, "ROWS", {"temporal": (rows[0], rows[3])})


@pytest.fixture
def played(monkeypatch):
    """Trainings that end at once, of which each row's settings are noted."""
    noted = []

    def train(store, settings):
        noted.append(settings)
        begin(settings, f"run-{len(noted)}", digest=ClipStore.open(store).digest, exit_code=0)
        run = Path(settings.output) / "runs" / f"run-{len(noted)}"
        pq.write_table(predictions(len(noted)), run / "predictions.parquet")
        return SimpleNamespace(exit_code=0)

    monkeypatch.setattr("jobs.train.train", train)
    monkeypatch.setattr("gsgmodel.scan.session.running_ray", lambda **_: nullcontext())
    return noted


def test_every_row_is_trained_once_a_seed_and_what_is_there_is_not_trained_again(store, tmp_path, capsys, played):
    command = ["table3", store, "--output", str(tmp_path / "out"), "--seeds", "2", *TINY]
    assert run_app(app, command) == 0
    assert [settings.seed for settings in played] == [0, 1] * 8
    assert {settings.tracking_uri for settings in played} == {"none"}
    assert len({settings.output for settings in played}) == 16
    out = capsys.readouterr().out
    assert "| w/o GSG loss | 97.03 | " in out
    assert "means of 2 seeds" in out
    shutil.rmtree(tmp_path / "out" / "final-model" / "seed-1")
    assert run_app(app, command) == 0
    assert len(played) == 17
    assert capsys.readouterr().out.startswith("| model |")


@pytest.mark.slow
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
