"""Rules for Prometheus: they read only figures that there are, by labels that those have, and fire when they should."""

import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from ray._private import ray_constants

from gsgmodel.clips.schema import PREPARED
from gsgmodel.errors import Status
from gsgmodel.results.schema import VIDEOS
from gsgmodel.scan.settings import ScanSettings
from gsgmodel.scan.sizing import SizeSettings
from tests.cluster.expressions import matchers, metrics, parse, result_labels, wanted_labels
from tests.cluster.figures import ALERTS, EXPRESSIONS, FOLDER, RECORDED, RULES, known, of_scans

ROOT = Path(__file__).resolve().parents[2]
CASES = Path(__file__).with_name("alerts_cases.yaml")
MONITORING = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
"""Where policies of the network let Prometheus come from."""
RAY_FLAGS = {"--object-store-memory", "--from"}
"""Of other commands than ours that the advice names."""


def test_what_a_scan_tells_is_known_here_by_its_whole_name():
    assert set(of_scans()) == {
        "ray_gsg_videos_total",
        "ray_gsg_planned_videos_total",
        "ray_gsg_clips_total",
        "ray_gsg_flagged_total",
        "ray_gsg_stage_cpu_seconds_total",
        "ray_gsg_videos_in_work",
    }
    assert all("run_id" in labels for labels in of_scans().values())


def test_all_that_a_scan_tells_is_read():
    assert set(of_scans()) <= {name for _, expression in EXPRESSIONS for name in metrics(parse(expression))}


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS])
def test_an_expression_reads_only_what_is_told_by_labels_that_it_has(where, expression):
    tree = parse(expression)
    assert where
    assert metrics(tree) - set(known()) == set()
    assert {(name, label) for name, label in wanted_labels(tree) if label not in known()[name]} == set()


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS])
def test_a_status_that_is_asked_for_is_one(where, expression):
    known = {each.value for each in Status} | {PREPARED}
    asked = {
        part for _, label, _, value in matchers(parse(expression)) if label == "status" for part in value.split("|")
    }
    assert asked <= known, where


def test_a_mistake_in_an_expression_is_found():
    assert metrics(parse("rate(ray_gsg_video_total[5m])")) - set(known()) == {"ray_gsg_video_total"}
    wrong = parse("sum by (stage) (ray_gsg_videos_total)")
    assert ("ray_gsg_videos_total", "stage") in wanted_labels(wrong)
    assert "stage" not in known()["ray_gsg_videos_total"]
    with pytest.raises(ValueError, match=r"."):
        parse("sum by (x (y)")


def test_every_figure_that_is_recorded_is_used():
    used = {name for where, expression in EXPRESSIONS for name in metrics(parse(expression)) if where != name}
    assert set(RECORDED) <= used
    assert [name for name in RECORDED if not re.fullmatch(r"gsg:[a-z_]+", name)] == []


def test_a_recorded_figure_is_made_of_such_as_were_recorded_before_it():
    seen = set()
    for name, expression in RECORDED.items():
        assert {each for each in metrics(parse(expression)) if each.startswith("gsg:")} <= seen
        seen.add(name)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_is_wrong_how_bad_it_is_and_what_to_do(name):
    rule = ALERTS[name]
    assert re.fullmatch(r"Gsg[A-Z][A-Za-z]+", name)
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "action"}
    assert all(text.endswith(".") and len(text) > 20 for text in rule["annotations"].values())
    assert "{{" not in rule["annotations"]["action"]
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert named <= result_labels(parse(rule["expr"]), known())


@pytest.mark.parametrize("name", ALERTS)
def test_advice_names_commands_flags_and_columns_that_there_are(name):
    action = ALERTS[name]["annotations"]["action"]
    for job in re.findall(r"\./gsg (\w+)", action):
        assert (ROOT / "jobs" / f"{job}.py").is_file(), job
    flags = {f"--{field.name.replace('_', '-')}" for kind in (ScanSettings, SizeSettings) for field in fields(kind)}
    assert set(re.findall(r"--[a-z-]+", action)) <= flags | RAY_FLAGS
    for asked in re.findall(r'"SELECT (.*?), count', action):
        assert set(asked.split(", ")) <= set(VIDEOS.names)


def test_every_alert_fires_in_a_case_and_every_case_is_of_one_that_there_is():
    cases = yaml.safe_load(CASES.read_text())["tests"]
    samples = [
        sample["labels"]
        for case in cases
        for each in case["promql_expr_test"]
        for sample in each.get("exp_samples", [])
    ]
    fired = {found[1] for label in samples if (found := re.search(r'alertname="(\w+)"', label))}
    assert fired == set(ALERTS)
    assert {name for name in RECORDED if any(label.startswith(name) for label in samples)} >= {
        "gsg:videos_left",
        "gsg:videos_per_second",
        "gsg:eta_seconds",
        "gsg:stage_busy_share",
        "gsg:nodes_lost",
        "gsg:seconds_to_deadline",
    }


@pytest.fixture
def promtool(tmp_path):
    """Runs promtool where the rules lie as a file of their own."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("needs promtool, which Debian's package prometheus brings")
    (tmp_path / "gsg-rules.yaml").write_text(yaml.safe_dump(RULES))

    def run(*words):
        done = subprocess.run([program, *words], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_the_rules_fire_on_made_up_figures_as_they_should(promtool, tmp_path):
    shutil.copy(CASES, tmp_path)
    promtool("test", "rules", CASES.name)


def test_prometheus_takes_rules_and_settings(promtool, tmp_path):
    promtool("check", "rules", "gsg-rules.yaml")
    shutil.copy(FOLDER / "prometheus.yaml", tmp_path)
    promtool("check", "config", "prometheus.yaml")


def test_prometheus_reads_the_list_that_ray_writes_and_often_enough():
    settings = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    (scrape,) = settings["scrape_configs"]
    (listed,) = scrape["file_sd_configs"][0]["files"]
    assert Path(listed).name == ray_constants.PROMETHEUS_SERVICE_DISCOVERY_FILE
    assert seconds(settings["global"]["scrape_interval"]) < 20
    assert settings["rule_files"] == yaml.safe_load(CASES.read_text())["rule_files"]
    assert settings["rule_files"][0] in (FOLDER / "alerts.yaml").read_text()


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text)[1])


def test_kuberay_s_pods_are_read_on_ports_that_they_have_and_may_be_read_on():
    monitor = yaml.safe_load((FOLDER / "podmonitor.yaml").read_text())
    endpoints = monitor["spec"]["podMetricsEndpoints"]
    cluster = yaml.safe_load((ROOT / "cluster/base/nightly/raycluster.yaml").read_text())["spec"]
    heads = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for each in heads for port in each.get("ports", [])}
    assert {each["port"] for each in endpoints} == {"metrics", "as-metrics", "dash-metrics"} <= set(ports)
    for group in cluster["workerGroupSpecs"]:
        named = [port["name"] for each in group["template"]["spec"]["containers"] for port in each.get("ports", [])]
        assert "metrics" in named
    assert all(seconds(each["interval"]) < 20 for each in endpoints)
    allowed = set()
    for policy in yaml.safe_load_all((ROOT / "cluster/base/site/network.yaml").read_text()):
        for rule in policy["spec"].get("ingress", []):
            if MONITORING in rule["from"]:
                allowed |= {port["port"] for port in rule["ports"]}
    assert {ports[each["port"]] for each in endpoints} <= allowed


def test_the_night_that_is_waited_for_is_the_one_that_is_submitted():
    nightly = yaml.safe_load((ROOT / "cluster/base/nightly/cronjob-score.yaml").read_text())
    name = {value for _, label, _, value in matchers(parse(ALERTS["GsgNightNotDone"]["expr"])) if label == "cronjob"}
    assert name == {nightly["metadata"]["name"]}
    values = dict(
        line.split("=", 1)
        for line in (ROOT / "cluster/values/values.env").read_text().splitlines()
        if re.match(r"\w+=", line)
    )
    assert values["TIME_ZONE"] == "Etc/UTC"
    hours, minutes = re.search(r"--deadline (\d+):(\d+)", values["SCAN_FLAGS"]).groups()
    assert str(int(hours) * 3600 + int(minutes) * 60) in RECORDED["gsg:seconds_to_deadline"]


def test_the_component_takes_all_that_lies_here():
    component = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    taken = {*component["resources"], *component["configMapGenerator"][0]["files"]}
    # prometheus.yaml is for plain machines.
    assert taken | {"kustomization.yaml", "prometheus.yaml"} == {path.name for path in FOLDER.iterdir()}
