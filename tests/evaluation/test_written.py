"""The files of a table."""

import csv
import json

import pytest
from PIL import Image

from gsgmodel.evaluation.ablations import ROWS, result_of, settings_of_row
from gsgmodel.evaluation.trainings import RowTraining
from gsgmodel.evaluation.written import write_table
from gsgmodel.model.config import GSGConfig
from gsgmodel.training.settings import TrainSettings
from tests.evaluation.test_ablations import predictions
from tests.small_store import make_store


@pytest.mark.parametrize(("table", "columns"), [("table3", 7), ("table1", 4)])
def test_a_table_is_written_as_text_rows_and_a_picture(tmp_path, table, columns):
    results = [result_of(row, [predictions(0)], seed=0) for row in ROWS["table3"][:2]]
    text = write_table(table, results, [], tmp_path, data="made")
    assert (tmp_path / f"{table}.md").read_text() == text
    assert text.splitlines()[0].count("|") == columns + 1
    assert ("on Celeb-DF" in text) == (table == "table3")
    with (tmp_path / f"{table}.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["model"] == "global information"
    assert Image.open(tmp_path / f"{table}.png").width > 300


def test_the_temporal_table_has_what_the_modules_cost(tmp_path):
    store = make_store(tmp_path / "clips")
    rows, base = ROWS["temporal"], TrainSettings(architecture=GSGConfig(backbone="tiny", hidden=32))
    trainings = [
        [RowTraining(name="x", store_uri=store.uri, digest="", settings=settings_of_row(row, base, output="x"))]
        for row in rows
    ]
    results = [result_of(row, [predictions(0)], seed=0) for row in rows]
    text = write_table("temporal", results, trainings, tmp_path, data="made")
    assert text.splitlines()[0].endswith("| parameters | time |")


def test_a_program_is_told_what_the_csv_has(tmp_path):
    results = [result_of(row, [predictions(0)], seed=0) for row in ROWS["table3"][:2]]
    told = json.loads(write_table("table3", results, [], tmp_path, data="made", as_json=True))
    with (tmp_path / "table3.csv").open(newline="") as file:
        kept = list(csv.DictReader(file))
    assert [[row["model"], row["method"], row["auc"]] for row in told] == [
        [row["model"], row["method"], float(row["auc"])] for row in kept
    ]
