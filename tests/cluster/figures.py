"""Every figure that rules and board can read: what scans tell, what the installed Ray tells, and what rules record."""

import asyncio
import json
import re
from functools import cache
from pathlib import Path
from unittest import mock

import yaml
from ray._private import ray_constants
from ray.dashboard import consts
from ray.dashboard.modules.metrics.dashboards import data_dashboard_panels, default_dashboard_panels
from ray.dashboard.modules.reporter import reporter_agent

from gsgmodel.scan import gate
from gsgmodel.scan import metrics as scan_metrics
from tests.cluster.expressions import parse, result_labels

FOLDER = Path(__file__).resolve().parents[2] / "cluster/monitoring"
RAY = Path(ray_constants.__file__).parents[1]
RULES = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["spec"]
RECORDED = {rule["record"]: rule["expr"] for group in RULES["groups"] for rule in group["rules"] if "record" in rule}
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}
BOARD = json.loads((FOLDER / "dashboard.json").read_text())
PANELS = {panel["title"]: panel for panel in BOARD["panels"] if panel["type"] != "row"}
TARGETS = [(title, target) for title, panel in PANELS.items() for target in panel["targets"]]
EXPRESSIONS = [
    *RECORDED.items(),
    *((name, rule["expr"]) for name, rule in ALERTS.items()),
    *((f"{title} {target['refId']}", target["expr"]) for title, target in TARGETS),
]
KUBE_STATE_METRICS = {"kube_cronjob_status_last_successful_time": {"namespace", "cronjob"}}
"""Of the operator's own exporter: docs/metrics/workload/cronjob-metrics.md of kubernetes/kube-state-metrics."""
EVERYWHERE = {"SessionName"}
"""What Ray puts on all that its nodes tell; its own boards choose a cluster by it."""
NATIVES = {
    "ray_object_store_memory": "raylet/raylet",
    "ray_resources": "raylet/raylet",
    "ray_node_failure_total": "gcs/gcs_server",
}
"""What Ray's own programs tell, which have no other list of it than the names in them."""


class Noted:
    """Stands for a metric of Ray and notes its name and its tags."""

    def __init__(self, found, suffix):
        self.found, self.suffix = found, suffix

    def __call__(self, name, *, description, tag_keys):
        assert description
        self.found[f"ray_{name}{self.suffix}"] = set(tag_keys)
        return self

    def inc(self, *_, **__): ...

    def set(self, *_, **__): ...


@cache
def of_scans():
    """Metrics of our own, with their labels."""
    found = {}
    with (
        mock.patch.object(scan_metrics.metrics, "Counter", Noted(found, "_total")),
        mock.patch.object(gate, "Gauge", Noted(found, "")),
    ):
        scan_metrics.ClusterMetrics("run").tell({"planned": 3, "scored": 1})
        try:
            asyncio.run(asyncio.wait_for(gate.Gate(1, "run").show(), 0.01))
        except TimeoutError:
            return found
    raise AssertionError("the gate shows for as long as it is there")


@cache
def of_boards_of_ray():
    """Metrics that Ray's own boards read, with the labels that they choose by."""
    found = {}
    for module in (default_dashboard_panels, data_dashboard_panels):
        for name, chosen in re.findall(r"(ray_\w+)\{\{(.*?)\}", Path(module.__file__).read_text()):
            found.setdefault(name, set()).update(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", chosen))
    return found


@cache
def of_ray():
    """Metrics that the installed Ray tells, with their labels."""
    found, on_boards = {}, of_boards_of_ray()
    for name in reporter_agent.METRICS_GAUGES:
        tags = consts.GPU_TAG_KEYS if re.match(r"node_(gpu|gram)", name) else consts.NODE_TAG_KEYS
        found[f"ray_{name}"] = set(tags) if name.startswith("node_") else set()
    found |= {name: {"dataset", "operator"} for name in on_boards if name.startswith("ray_data_")}
    for name, program in NATIVES.items():
        content = (RAY / "core/src/ray" / program).read_bytes()
        assert b"\0" + name.removeprefix("ray_").encode() + b"\0" in content, f"this {program} does not tell {name}"
        found[name] = on_boards.get(name, set())
    return found


@cache
def known():
    """Every metric with its labels."""
    found = {name: labels | EVERYWHERE for name, labels in (of_scans() | of_ray()).items()} | KUBE_STATE_METRICS
    for name, expression in RECORDED.items():
        found[name] = result_labels(parse(expression), found)
    return found
