"""The commands of the ablation tables: what is missing is trained by Ray, what is there is not."""

import csv

import pytest

from gsgmodel.evaluation import ablations
from jobs.evaluate import app
from jobs.terminal import run_app
from tests.small_store import make_store

TINY = ("--backbone", "tiny", "--backbone-weights", "none", "--hidden", "8", "--layers", "1", "--epochs", "1")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store") / "clips", splits={"train": 8, "val": 4, "test": 8}).uri


@pytest.mark.ray
def test_a_table_is_trained_once_printed_and_written(store, tmp_path, monkeypatch, capfd):
    rows = ablations.ROWS["temporal"]
    monkeypatch.setattr(ablations, "ROWS", {"temporal": (rows[0], rows[3])})
    monkeypatch.chdir(tmp_path)
    command = ["temporal", store, "--output", "out", "--seeds", "1", "--batch-clips", "4", *TINY]
    assert run_app(app, command) == 0
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith("| model | paper, ACC on Celeb-DF | ACC on ")
    assert [line.split(" | ")[0] for line in lines[2:4]] == ["| SRU", "| none"]
    assert "0 of 2 trainings were done before" in err
    assert "SRU, seed 0: test AUC " in err
    assert (tmp_path / "out" / "temporal.md").read_text() in out
    assert (tmp_path / "out" / "temporal.png").stat().st_size > 1000
    with (tmp_path / "out" / "temporal.csv").open(newline="") as file:
        assert [row["model"] for row in csv.DictReader(file)] == ["SRU", "none"]
    check_mlflow(tmp_path)
    assert run_app(app, [*command, "--tracking-uri", "none"]) == 0
    again, err = capfd.readouterr()
    assert without_time(again) == without_time(out)
    assert "2 of 2 trainings were done before" in err


def without_time(printed):
    """A table's lines without their last column, which is measured anew each time."""
    return [line.rsplit(" | ", 1)[0] for line in printed.splitlines()]


def check_mlflow(folder):
    """Two trainings lie below the run of the table, which has the table; none is registered."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("gsg-training")
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert [run.info.run_name for run in parents] == ["temporal"]
    below = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parents[0].info.run_id]
    assert len(below) == 2
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {each.path for each in client.list_artifacts(parents[0].info.run_id)} >= {"temporal.md", "temporal.png"}
    assert not client.search_registered_models()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--seeds", "0"], "--seeds is 0; accepted: 1 or more"),
        (["--at-once", "0"], "--at-once is 0; accepted: 1 or more"),
        (["--small"], "--footage and --small are for made data"),
        (["--data", "made"], "a table wants a clip store, or --data made, and not both"),
        (["--resume", "x"], "a table wants a local folder as --output, and no --resume"),
        (["--output", "s3://bucket/out"], "a table wants a local folder as --output, and no --resume"),
    ],
)
def test_settings_that_are_none_for_a_table_are_refused(store, capsys, arguments, sentence):
    assert run_app(app, ["table3", store, *TINY, *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_without_a_store_nothing_is_made(capsys):
    assert run_app(app, ["table4"]) == 2
    assert "a table wants a clip store, or --data made" in capsys.readouterr().err
