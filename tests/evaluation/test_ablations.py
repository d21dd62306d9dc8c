"""Rows of the ablation tables, and their figures by method of forgery."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from gsgmodel.evaluation.ablations import ALL, ROWS, TABLES, Row, flat, markdown, result_of, settings_of_row
from gsgmodel.model.baselines.xception import XceptionConfig
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.cost import Cost
from gsgmodel.model.gsg import GSGModel
from gsgmodel.records import Preparation
from gsgmodel.training.settings import TrainSettings

BASE = TrainSettings(architecture=GSGConfig(backbone="tiny", hidden=8), backbone_weights="none", seed=3)
METHODS = ("patch", "tone", "drift")
PAPER_TABLE_3 = {
    "global information": 96.65, "local information": 92.51, "w/o feature fusion": 98.47, "w/o temporal module": 98.12,
    "w/o GSG loss": 97.03, "w/o score fusion": 98.11, "RGB patches": 98.57, "final model": 99.18,
}  # fmt: skip


def predictions(seed, *, num=40, strength=None):
    """Of a training: real videos, and fakes of three methods that are told by a strength each."""
    rng = np.random.default_rng(seed)
    strength = strength or {"patch": 2.0, "tone": 0.0, "drift": 1.0}
    rows = []
    for number in range(num):
        for method in ("original", *METHODS):
            margin = rng.normal() + strength.get(method, 0.0)
            rows.append(
                {
                    "split": "test" if number % 2 else "val",
                    "uri": f"{number}_{method}",
                    "label": int(method != "original"),
                    "method": method,
                    "identity": f"person {number % 10}",
                    "score": float(1 / (1 + np.exp(1 - margin))),
                }
            )
    order = rng.permutation(len(rows))
    return pa.Table.from_pylist([rows[place] for place in order])


def test_table_3_has_the_papers_rows_and_figures():
    assert {row.name: row.paper for row in ROWS["table3"]} == PAPER_TABLE_3
    assert [row.paper for row in ROWS["table4"]] == [98.85, 99.18, 99.02, 98.68, 98.52, 98.35]


@pytest.mark.parametrize("table", TABLES)
def test_every_row_can_be_trained_and_differs_from_the_base_by_what_it_says(table):
    settings = [settings_of_row(row, BASE, output="out") for row in ROWS[table]]
    for row, each in zip(ROWS[table], settings, strict=True):
        GSGModel(each.architecture)
        assert (each.output, each.seed, each.epochs) == ("out", 3, BASE.epochs)
        assert each.architecture.backbone == "tiny"
        for name, value in row.architecture.items():
            assert getattr(each.architecture, name) == value
    distinct = {(each.architecture.to_json(), str(each.objective)) for each in settings}
    assert len(distinct) == len(settings)


def test_the_last_row_of_table_3_is_the_base_itself():
    found = settings_of_row(ROWS["table3"][-1], BASE, output=BASE.output)
    assert found == BASE


CROPS = Preparation(frames_per_clip=6, crop_size_px=112)


def test_another_system_shares_the_protocol_and_is_built_for_the_clips():
    row = Row(name="Xception, made", architecture={}, model="xception", options={"width": 0.125}, paper=94.59)
    settings = settings_of_row(row, replace(BASE, pairs=True), output="out", preparation=CROPS)
    assert (settings.model, settings.seed, settings.pairs, settings.output) == ("xception", 3, True, "out")
    assert settings.network == XceptionConfig(width=0.125, frames_per_clip=6, crop_size_px=112)
    assert row.folder == "Xception-made"


@pytest.mark.parametrize(
    ("given", "own", "expected"),
    [
        ("none", None, "none"),
        ("gsg.pth", None, "imagenet"),
        ("gsg.pth", "x.pth", "x.pth"),
        ("imagenet", None, "imagenet"),
    ],
)
def test_another_system_starts_from_its_own_weights(given, own, expected):
    row = Row(name="x", architecture={}, model="rnns", backbone_weights=own)
    settings = settings_of_row(row, replace(BASE, backbone_weights=given), output="out", preparation=CROPS)
    assert settings.backbone_weights == expected


def test_the_papers_own_system_keeps_its_settings_and_weights():
    row = Row(name="GSG, made", architecture={}, model="gsg")
    found = settings_of_row(row, replace(BASE, backbone_weights="x.pth"), output=BASE.output, preparation=CROPS)
    assert found == replace(BASE, backbone_weights="x.pth")


def test_a_table_of_systems_says_what_differs_of_each():
    rows = [Row(name=f"{name}, made", architecture={}, model=name) for name in ("gsg", "rnns")]
    results = [result_of(row, [predictions(0)], seed=0) for row in rows]
    lines = markdown(results, data="made").splitlines()
    assert lines[-2].startswith("- GSG is faithful: ")
    assert lines[-1].startswith("- RNNs is approximate: no code was published")
    assert {row["fidelity"].split(":")[0] for row in flat(results)} == {"faithful", "approximate"}


def test_a_method_is_judged_with_all_real_videos_of_the_test_split():
    table = predictions(0)
    result = result_of(ROWS["table3"][-1], [table], seed=0)
    assert [figure.method for figure in result.figures] == [ALL, *sorted(METHODS)]
    rows = [row for row in table.to_pylist() if row["split"] == "test"]
    for figure in result.figures:
        chosen = [row for row in rows if figure.method in (ALL, row["method"]) or not row["label"]]
        expected = roc_auc_score([row["label"] for row in chosen], [row["score"] for row in chosen])
        assert figure.auc == pytest.approx(expected, abs=1e-9)
        right = [(row["score"] >= 0.5) == bool(row["label"]) for row in chosen]
        assert figure.accuracy == pytest.approx(np.mean(right))


def test_figures_are_means_over_seeds_whatever_the_order_of_rows():
    tables = [predictions(seed) for seed in range(3)]
    result = result_of(ROWS["table3"][0], tables, seed=0)
    figure = result.figures[0]
    assert (result.num_seeds, result.majority_rate) == (3, 0.75)
    assert figure.auc == pytest.approx(np.mean(figure.auc_by_seed))
    assert len(set(figure.auc_by_seed)) == 3
    assert figure.auc_interval.low < figure.auc < figure.auc_interval.high
    one = result_of(ROWS["table3"][0], tables[1:2], seed=0).figures[0]
    assert one.auc == pytest.approx(figure.auc_by_seed[1])


def test_what_is_told_and_what_is_not_stands_apart_by_method():
    result = result_of(ROWS["table3"][0], [predictions(seed, num=200) for seed in range(3)], seed=0)
    by_method = {figure.method: figure for figure in result.figures}
    assert by_method["patch"].auc_interval.low > 0.8
    assert by_method["tone"].auc_interval.low < 0.5 < by_method["tone"].auc_interval.high + 0.05


def test_the_table_has_the_papers_figure_beside_ours():
    results = [result_of(row, [predictions(0), predictions(1)], seed=0) for row in ROWS["table3"][:2]]
    lines = markdown(results, data="made").splitlines()
    header = [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert header[:3] == ["model", "paper, ACC on Celeb-DF", "ACC on made"]
    assert lines[2].startswith("| global information | 96.65 | ")
    assert all(line.count("|") == len(header) + 1 for line in lines[:4])
    assert "means of 2 seeds" in lines[-1]
    assert lines[-1].endswith("always saying what most are: 75.0%")
    without = markdown([result_of(ROWS["temporal"][0], [predictions(0)], seed=0)], data="made")
    assert "| SRU | - | " in without


def test_what_temporal_modules_cost_stands_in_the_last_columns():
    costs = [
        Cost(of="the temporal modules alone", parameters=2_370_000, forward_ms=1.0, ratio=1.0),
        Cost(of="the temporal modules alone", parameters=7_350_000, forward_ms=3.0, ratio=3.2),
    ]
    results = [
        replace(result_of(row, [predictions(0)], seed=0), cost=cost)
        for row, cost in zip(ROWS["temporal"][:2], costs, strict=True)
    ]
    lines = markdown(results, data="made").splitlines()
    assert lines[0].endswith("| parameters | time |")
    assert lines[3].endswith("| 7.35 M | 3.20 |")
    assert lines[-1].endswith("time next to SRU's")
    assert {row["time_ratio"] for row in flat(results)} == {1.0, 3.2}


def test_every_figure_is_a_line_of_its_own():
    rows = flat([result_of(ROWS["table3"][0], [predictions(0), predictions(1)], seed=0)])
    assert [row["method"] for row in rows] == [ALL, *sorted(METHODS)]
    assert rows[0]["auc_least"] <= rows[0]["auc"] <= rows[0]["auc_most"]
