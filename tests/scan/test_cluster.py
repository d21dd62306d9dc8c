"""A scan asks a cluster for what it can use, waits for the first of it, and says who holds what it cannot have."""

import itertools
import json
import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.scan import cluster as module
from gsgmodel.scan.cluster import Room, await_room, free_nodes, holders
from gsgmodel.scan.preflight import GIB
from gsgmodel.scan.stop import Patience
from tests.ray_cluster import BIN
from tests.servers import answers, free_port

ROOT = Path(__file__).resolve().parents[2]


class PretendCluster:
    """Nodes, what others hold, and an autoscaler that adds a node every other round as long as there are any."""

    def __init__(self, monkeypatch):
        self.nodes = [{"CPU": 2.0, "memory": 8.0 * GIB}]
        self.to_come = []
        self.has_autoscaler = False
        self.others_end_after_s = float("inf")
        self.others = Counter()
        self.now_s = 0.0
        self.groups = {}
        self.notes = []
        self._version = itertools.count(1)
        for name in ("placement_group", "placement_group_table", "remove_placement_group", "get_cluster_status"):
            monkeypatch.setattr(module, name, getattr(self, name))
        monkeypatch.setattr(module.cluster_state, "available_resources_per_node", self.available)
        monkeypatch.setattr(module.ray, "cluster_resources", self.total)
        monkeypatch.setattr(
            module.ray, "get_runtime_context", lambda: SimpleNamespace(gcs_address="head:1", get_job_id=lambda: "02")
        )
        monkeypatch.setattr(module.time, "sleep", self.sleep)
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(module, "list_jobs", lambda **_: [])
        monkeypatch.setattr(module, "list_actors", lambda **_: [])
        monkeypatch.setattr(module, "list_placement_groups", lambda **_: [])

    def total(self):
        return dict(sum((Counter(node) for node in self.nodes), Counter()))

    def free(self):
        held = Counter(name for group in self.groups.values() if group["is_there"] for name in group["bundle"])
        others = Counter() if self.now_s >= self.others_end_after_s else self.others
        return {name: self.total().get(name, 0) - held[name] - others[name] for name in ("CPU", "GPU")}

    def available(self):
        left = self.free()
        found = {}
        for index, node in enumerate(self.nodes):
            taken = {name: min(left[name], node.get(name, 0)) for name in ("CPU", "GPU")}
            left = {name: left[name] - taken[name] for name in left}
            found[str(index)] = {**node, **taken}
        return found

    def placement_group(self, bundles):
        name = f"{len(self.groups):032x}"
        self.groups[name] = {"bundle": bundles[0], "is_there": False}
        self.place()
        return SimpleNamespace(id=SimpleNamespace(hex=lambda: name), name=name)

    def place(self):
        for group in self.groups.values():
            (resource,) = group["bundle"]
            group["is_there"] = group["is_there"] or self.free()[resource] >= 1

    def placement_group_table(self):
        return {
            name: {"state": "CREATED" if group["is_there"] else "PENDING", "bundles": {0: group["bundle"]}}
            for name, group in self.groups.items()
        }

    def remove_placement_group(self, group):
        del self.groups[group.name]

    def get_cluster_status(self, _address):
        stats = SimpleNamespace(autoscaler_version=str(next(self._version)) if self.has_autoscaler else None)
        coming = self.to_come[:1] if self.has_autoscaler else []
        return SimpleNamespace(stats=stats, pending_nodes=coming, pending_launches=[])

    def sleep(self, seconds):
        self.now_s += seconds
        if self.has_autoscaler and self.to_come and int(self.now_s) % 2:
            self.nodes.append(self.to_come.pop(0))
        self.place()

    def wait(self, *, cores=8, gpus=0, needs_gpu=False, timeout_s=60.0, is_stopped=lambda: False):
        patience = Patience(timeout_s=timeout_s, note=self.notes.append, is_stopped=is_stopped)
        return await_room(Room(cores=cores, gpus=gpus, needs_gpu=needs_gpu), patience)


GPU_NODE = {"CPU": 4.0, "GPU": 1.0, "memory": 16.0 * GIB}


@pytest.fixture
def cluster(monkeypatch):
    return PretendCluster(monkeypatch)


def test_what_is_free_of_each_node_is_counted(cluster):
    cluster.nodes.append(GPU_NODE)
    assert [(node.cores, node.num_gpus, node.memory_bytes) for node in free_nodes()] == [
        (2.0, 0, 8 * GIB),
        (4.0, 1, 16 * GIB),
    ]


def test_a_cluster_that_cannot_grow_is_taken_as_it_is_without_a_wait(cluster):
    assert [node.cores for node in cluster.wait(gpus=4)] == [2.0]
    assert (cluster.now_s, cluster.notes) == (0.0, [])


def test_a_scan_that_fits_asks_for_no_more_than_it_can_use(cluster):
    cluster.has_autoscaler, cluster.to_come = True, [GPU_NODE]
    assert len(cluster.wait(cores=2)) == 1
    assert cluster.to_come == [GPU_NODE]


def test_an_autoscaler_is_asked_until_it_adds_no_more(cluster):
    cluster.has_autoscaler, cluster.to_come = True, [GPU_NODE] * 3
    nodes = cluster.wait(cores=64, gpus=16, needs_gpu=True)
    assert sum(node.num_gpus for node in nodes) == 3
    assert sum(node.cores for node in nodes) == 14
    assert cluster.now_s < 30
    assert cluster.notes == ["waiting up to 60 s for a core and a GPU"]


def test_nothing_is_held_any_more_when_the_actors_are_to_start(cluster):
    cluster.has_autoscaler, cluster.to_come = True, [GPU_NODE]
    cluster.wait(gpus=1)
    assert cluster.groups == {}


def test_a_gpu_that_no_node_can_have_is_refused_at_once(cluster):
    with pytest.raises(ConfigError, match=r"no room for a core and a GPU .* accepted: --device cpu, or a cluster"):
        cluster.wait(gpus=1, needs_gpu=True)
    assert cluster.now_s < 5


def test_a_gpu_that_does_not_come_in_time_is_refused(cluster):
    cluster.nodes.append(GPU_NODE)
    cluster.others = Counter(GPU=1)
    with pytest.raises(ConfigError, match="no room for a core and a GPU within --start-timeout"):
        cluster.wait(gpus=1, needs_gpu=True, timeout_s=7)
    assert cluster.now_s == 7
    assert cluster.groups == {}


def test_another_job_is_waited_for_and_named(cluster, monkeypatch):
    cluster.others, cluster.others_end_after_s = Counter(CPU=2), 5.0
    monkeypatch.setattr(module, "list_jobs", lambda **_: [SimpleNamespace(job_id="01", submission_id="nightly")])
    actor = SimpleNamespace(job_id="01", required_resources={"CPU": 1.0}, placement_group_id=None)
    own = SimpleNamespace(job_id="02", required_resources={"CPU": 4.0}, placement_group_id=None)
    inside = SimpleNamespace(job_id="03", required_resources={"CPU": 1.0}, placement_group_id="aa")
    monkeypatch.setattr(module, "list_actors", lambda **_: [actor, actor, own, inside])
    group = SimpleNamespace(creator_job_id="03", bundles=[{"unit_resources": {"GPU": 1.0, "memory": 5.0}}])
    monkeypatch.setattr(module, "list_placement_groups", lambda **_: [group])
    assert holders() == {"nightly": {"CPU": 2.0}, "job 03": {"GPU": 1.0}}
    assert sum(node.cores for node in cluster.wait()) == 2.0
    assert cluster.notes == ["waiting up to 60 s for a core (nightly holds 2 CPU; job 03 holds 1 GPU)"]


def test_a_scan_that_is_stopped_waits_no_longer(cluster):
    cluster.others = Counter(CPU=2)
    cluster.wait(is_stopped=lambda: cluster.now_s >= 2)
    assert cluster.now_s < 20


HEAD_ID = "f" * 51 + "00000"
NEEDLESS = (
    *("setup_commands", "initialization_commands", "head_setup_commands", "worker_setup_commands"),
    *("head_start_ray_commands", "worker_start_ray_commands", "cluster_synced_files", "rsync_exclude", "rsync_filter"),
)
GROWING = {
    **{name: [] for name in NEEDLESS},
    "file_mounts": {},
    "docker": {},
    "auth": {},
    "file_mounts_sync_continuously": False,
    "cluster_name": "growing",
    "max_workers": 8,
    "idle_timeout_minutes": 5,
    "head_node_type": "ray.head.default",
}
STORY = """
import json, ray
from gsgmodel.scan import session
from gsgmodel.scan.settings import ScanSettings
from gsgmodel.scan.stop import Patience

notes = []
patience = Patience(timeout_s=90.0, note=notes.append, is_stopped=lambda: False)
with session.start_ray(ScanSettings(device="gpu").wishes, num_videos=40, patience=patience) as started:
    pools = started.pools
    print(json.dumps({"score": pools.score_actors, "prepare": pools.prepare_actors, "notes": notes}))
"""


@pytest.mark.slow
@pytest.mark.ray
def test_a_real_autoscaler_adds_every_gpu_that_it_may(tmp_path):
    port, dashboard = free_port(), free_port()
    address = f"{ip_address()}:{port}"
    provider = {"type": "external", "launch_multiple": True, "head_node_id": HEAD_ID, "gcs_address": address}
    provider["module"] = "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider"
    types = {
        "ray.head.default": {"resources": {"CPU": 1}, "node_config": {}, "max_workers": 0},
        "gpu": {
            "resources": {"CPU": 1, "GPU": 1, "object_store_memory": 100_000_000},
            "node_config": {},
            "min_workers": 0,
            "max_workers": 2,
        },
    }
    config = tmp_path / "cluster.json"
    config.write_text(json.dumps({**GROWING, "provider": provider, "available_node_types": types}))
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_FAKE_CLUSTER": "1",
        "RAY_enable_autoscaler_v2": "1",
        "RAY_CLOUD_INSTANCE_ID": HEAD_ID,
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD_ID,
    }
    start = [BIN / "ray", "start", "--head", "--block", f"--port={port}", f"--dashboard-port={dashboard}"]
    start += [f"--autoscaling-config={config}", "--num-cpus=1", "--object-store-memory=200000000"]
    head = subprocess.Popen([*map(str, start)], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not answers(f"http://127.0.0.1:{dashboard}"):
            module.time.sleep(0.3)
        env = {name: value for name, value in env.items() if "FAKE" not in name and not name.endswith("_ID")}
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(STORY)],
            env=env | {"RAY_ADDRESS": address, "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
    finally:
        for process in [*psutil.Process(head.pid).children(recursive=True), psutil.Process(head.pid)]:
            process.kill()
        head.wait()
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["score"] == 2
    assert told["prepare"] >= 2
    assert told["notes"] == ["waiting up to 90 s for a core and a GPU"]


def ip_address():
    import ray

    return ray.util.get_node_ip_address()
