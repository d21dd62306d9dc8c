"""The command that measures robustness."""

import csv
import json

import pytest

from jobs.evaluate import app
from jobs.terminal import run_app
from tests.small_model import make_network, write_files
from tests.small_store import make_store


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "m"
    return folder, write_files(folder, make_network()).settings.preparation


def test_a_table_a_csv_and_a_plot_are_written(model, tmp_path, capsys):
    folder, preparation = model
    store = make_store(tmp_path / "clips", splits={"train": 2, "val": 2, "test": 6}, preparation=preparation)
    out = tmp_path / "out"
    command = ["robustness", store.uri, "--model", str(folder), "--kinds", "jpeg,contrast", "--output", str(out)]
    assert run_app(app, command) == 0
    printed = capsys.readouterr()
    assert [line.split(" | ")[0] for line in printed.out.splitlines()[2:4]] == ["| contrast", "| jpeg"]
    assert "untouched: AUC " in printed.err
    assert (out / "robustness.md").read_text() == printed.out
    assert (out / "robustness.png").stat().st_size > 1000
    with (out / "robustness.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 11
    assert run_app(app, [*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [[each["perturbation"], each["auc"]] for each in told] == [
        [row["perturbation"], float(row["auc"])] for row in rows
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "robustness wants one clip store"),
        (["a", "b"], "robustness wants one clip store"),
        (["a", "--kinds", "rain"], "--kinds is 'rain'; accepted, with commas: saturation, contrast"),
        (["a", "--model", "nowhere"], "there is nothing"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(arguments, sentence, capsys):
    assert run_app(app, ["robustness", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_clips_of_another_preparation_are_refused(model, tmp_path, capsys):
    store = make_store(tmp_path / "clips")
    assert run_app(app, ["robustness", store.uri, "--model", str(model[0])]) == 2
    assert "were not prepared as the model's were" in capsys.readouterr().err
