"""The board: each panel shows figures that there are, in a unit, in a place of its own."""

import json
import re
from itertools import combinations

import promql_parser
import pytest

from tests.cluster.expressions import metrics, parse, result_labels
from tests.cluster.figures import BOARD, PANELS, TARGETS, known

UNITS = {"percent", "percentunit", "short", "s", "bytes", "Bps"}


@pytest.mark.parametrize("title", PANELS)
def test_a_panel_says_what_it_shows_in_which_unit_and_whose(title):
    panel = PANELS[title]
    assert len(panel["description"]) > 10
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"]
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        if panel["type"] != "stat":
            assert named <= result_labels(parse(target["expr"]), known()), target["expr"]


def test_panels_lie_beside_each_other_and_within_the_board():
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 and place["h"] > 0 for place in places)
    for a, b in combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        assert beside or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"], (a, b)
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    titles = [panel["title"] for panel in BOARD["panels"]]
    assert len(set(titles)) == len(titles)


def test_the_board_s_variables_are_those_that_its_panels_use():
    variables = {each["name"]: each for each in BOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(BOARD)))
    # The last is Grafana's own name for all values.
    assert used == {*variables, "__all"}
    for each in variables.values():
        if each["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", each["query"]["query"]).groups()
            tree = parse(metric)
            assert metrics(tree) <= set(known())
            assert label in known()[tree.name]
            assert isinstance(tree, promql_parser.VectorSelector)


def test_the_board_shows_what_a_night_is_watched_by():
    shown = {name for _, target in TARGETS for name in metrics(parse(target["expr"]))}
    assert shown >= {
        "gsg:videos_per_second",
        "gsg:stage_busy_share",
        "gsg:videos_in_work",
        "gsg:eta_seconds",
        "gsg:seconds_to_deadline",
        "ray_object_store_memory",
        "ray_data_num_external_inqueue_blocks",
        "ray_node_gpus_utilization",
        "ray_node_cpu_utilization",
    }
