"""The files of a table."""

import csv
import json

import pyarrow.compute as pc
import pytest
from PIL import Image

from gsgmodel.evaluation.ablations import ROWS, Row, result_of, settings_of_row
from gsgmodel.evaluation.trainings import RowTraining
from gsgmodel.evaluation.written import write_table
from gsgmodel.model.config import GSGConfig
from gsgmodel.records import Preparation
from gsgmodel.training.settings import TrainSettings
from tests.evaluation.test_ablations import predictions
from tests.small_store import make_store


@pytest.mark.parametrize(("table", "columns"), [("table3", 7), ("table1", 7)])
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


def test_a_table_of_systems_has_what_each_whole_network_costs(tmp_path):
    crops = Preparation(frames_per_clip=2, crop_size_px=64)
    store = make_store(tmp_path / "clips", preparation=crops)
    base = TrainSettings(architecture=GSGConfig(backbone="tiny", hidden=8, num_selected=1))
    rows = [
        Row(name=f"{name}, {data}", architecture={}, model=name) for name in ("gsg", "mesonet") for data in ("a", "b")
    ]
    trainings = [
        [
            RowTraining(
                name="x",
                store_uri=store.uri,
                digest="",
                settings=settings_of_row(row, base, output="x", preparation=crops),
            )
        ]
        for row in rows
    ]
    results = [result_of(row, [predictions(0)], seed=0) for row in rows]
    lines = write_table("table1", results, trainings, tmp_path, data="made").splitlines()
    assert lines[0].endswith("| parameters | time |")
    assert lines[2].endswith("| 1.00 |")
    assert [lines[2].split("|")[-3:], lines[4].split("|")[-3:]] == [lines[3].split("|")[-3:], lines[5].split("|")[-3:]]
    assert any("of whole networks, time next to gsg, a's" in line for line in lines)
    assert "AUC, tone" in lines[0]


def test_of_data_sets_with_methods_of_their_own_only_all_is_shown(tmp_path):
    tables = [predictions(0), predictions(1)]
    other = tables[1].filter(pc.not_equal(tables[1]["method"], "tone"))
    rows = [Row(name=name, architecture={}) for name in ("a", "b")]
    results = [result_of(row, [table], seed=0) for row, table in zip(rows, (tables[0], other), strict=True)]
    header = write_table("table1", results, [], tmp_path, data="a, b").splitlines()[0]
    assert header == "| model | paper, ACC | ACC on a, b | AUC, all |"
