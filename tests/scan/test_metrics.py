"""Counters of a scan, as a Prometheus that scrapes the nodes of a cluster sees them."""

import subprocess
import sys

import pytest

COUNTING = """
import time
import urllib.request
import ray
from gsgmodel.scan.gate import open_gate
from gsgmodel.scan.session import running_ray

with running_ray(object_store_bytes=300 << 20):
    from gsgmodel.scan.metrics import ClusterMetrics
    counts = ClusterMetrics("run-1")
    gate = open_gate(max_in_work=4, run_id="run-1")
    ray.get([gate.enter.remote(b"a"), gate.enter.remote(b"b")])
    ray.get(gate.leave.remote([b"a"]))
    counts.tell({"planned": 6, "clips": 5, "flagged": 1, "scored": 2, "unavailable": 2, "prepare_cpu_s": 1.5})
    done = {"clips": 7, "flagged": 1, "scored": 4, "unavailable": 0, "prepared": 3, "prepare_cpu_s": 2.0}
    counts.tell({"planned": 9} | done)
    (node,) = ray.nodes()
    address = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        text = urllib.request.urlopen(address).read().decode()
        lines = [line for line in text.splitlines() if line.startswith("ray_gsg_")]
        # Every process tells its own figures in its own time.
        last = ('status="scored"', " 4.0"), ("planned_videos_total", " 9.0"), ("videos_in_work", " 1.0")
        if all(any(part in line and line.endswith(end) for line in lines) for part, end in last):
            break
        time.sleep(1)
    print("\\n".join(lines))
"""

KINDS = ('status="scored"', 'status="prepared"', 'status="unavailable"', 'stage="prepare"')


@pytest.mark.ray
@pytest.mark.timeout(240)
def test_totals_are_counted_up_by_run_status_and_stage(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    out = subprocess.check_output([sys.executable, "-c", COUNTING], text=True, timeout=200)
    found = {}
    for line in out.splitlines():
        name, value = line.rsplit(" ", 1)
        kind = next((part for part in KINDS if part in name), "")
        assert 'run_id="run-1"' in name
        found[name.split("{")[0], kind] = float(value)
    assert found["ray_gsg_videos_total", 'status="scored"'] == 4.0
    # Two were tried again and scored.
    assert found["ray_gsg_videos_total", 'status="unavailable"'] == 2.0
    assert found["ray_gsg_videos_total", 'status="prepared"'] == 3.0
    assert found["ray_gsg_clips_total", ""] == 7.0
    assert found["ray_gsg_planned_videos_total", ""] == 9.0
    assert found["ray_gsg_videos_in_work", ""] == 1.0
    assert found["ray_gsg_flagged_total", ""] == 1.0
    assert found["ray_gsg_stage_cpu_seconds_total", 'stage="prepare"'] == 2.0
