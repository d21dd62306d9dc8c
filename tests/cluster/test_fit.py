"""The shapes of the groups fit what scans and trainings ask of them: by the preflight, and by Ray's own autoscaler."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.scan.preflight import JOINT_BYTES, PREPARE_BYTES, ROW_BYTES, SCORE_BYTES, Wishes, fit_for, fit_nodes
from gsgmodel.scan.settings import PrepareSettings, ScanSettings
from gsgmodel.training.crew import fit_crew
from tests.cluster.rendered import only, rendered
from tests.cluster.shapes import GIB, cluster_of, config_of, launched, machines_of, to_bytes

CLUSTERS = {
    "gpu": only(rendered("gpu"), "RayCluster"),
    "cpu-only": only(rendered("cpu-only"), "RayCluster"),
    "clips": cluster_of(only(rendered("clips"), "RayJob")),
    "training": cluster_of(only(rendered("training"), "RayJob")),
}
WISHES = ScanSettings().wishes
MACHINES = {name: machines_of(cluster) for name, cluster in CLUSTERS.items()}
GROUPS = [(name, group) for name, cluster in CLUSTERS.items() for group in cluster["spec"]["workerGroupSpecs"]]
FOR_RAY = 3 * GIB
"""Of a node's memory, for the raylet, its agents, and idle workers."""


def ids(value):
    return value if isinstance(value, str) else value["groupName"]


@pytest.mark.parametrize("name", CLUSTERS)
def test_the_head_gets_no_work_and_no_share_of_the_pools(name):
    head = MACHINES[name]["headgroup"]
    assert head.cores == 0
    assert head.num_gpus == 0
    others = [machine for group, machine in MACHINES[name].items() if group != "headgroup"]
    assert fit_nodes([head, *others], WISHES) == fit_nodes(others, WISHES)


@pytest.mark.parametrize("group", [group for _, group in GROUPS], ids=ids)
def test_a_node_holds_what_it_promises(group):
    """Ray would otherwise give away memory that the object store, or Ray itself, has, and the kernel ends a process."""
    resources = group["template"]["spec"]["containers"][0]["resources"]
    parameters = group["rayStartParams"]
    limit = to_bytes(resources["limits"]["memory"])
    assert resources["requests"]["memory"] == resources["limits"]["memory"]
    assert resources["requests"]["cpu"] == parameters["num-cpus"]
    assert int(parameters["memory"]) + int(parameters["object-store-memory"]) + FOR_RAY <= limit
    volumes = {each["name"]: each["emptyDir"] for each in group["template"]["spec"]["volumes"]}
    assert volumes["shared-mem"]["medium"] == "Memory"
    assert to_bytes(volumes["shared-mem"]["sizeLimit"]) > int(parameters["object-store-memory"])


@pytest.mark.parametrize("name", ["gpu", "cpu-only"])
def test_every_core_of_a_scans_nodes_has_an_actor_and_memory_for_it(name):
    machines = MACHINES[name]
    prepare = machines["prepare"]
    assert prepare.memory_bytes >= prepare.cores * JOINT_BYTES
    if "score" in machines:
        score = machines["score"]
        assert score.num_gpus == 1
        assert score.memory_bytes >= score.cores * PREPARE_BYTES + SCORE_BYTES


# A training has no such rows, and those of clips are a quarter as large (--max-clips 8).
@pytest.mark.parametrize(("name", "group"), [each for each in GROUPS if each[0] in {"gpu", "cpu-only"}], ids=ids)
def test_rows_in_work_do_not_spill(name, group):
    """Every actor has a row and another one waits; a GPU's batches are there too: as many as the gate lets in."""
    cores, gpus = int(group["rayStartParams"]["num-cpus"]), MACHINES[name][group["groupName"]].num_gpus
    rows = 2 * cores + 3 * 2 * WISHES.batch_clips * gpus
    assert rows * ROW_BYTES <= int(group["rayStartParams"]["object-store-memory"])


@given(num_prepare=st.integers(1, 16), num_score=st.integers(1, 4))
@settings(max_examples=30)
def test_however_many_nodes_come_for_a_scan_with_gpus_the_pools_use_all_of_them(num_prepare, num_score):
    machines = MACHINES["gpu"]
    nodes = [machines["headgroup"], *[machines["prepare"]] * num_prepare, *[machines["score"]] * num_score]
    pools = fit_for(1_000_000, WISHES, nodes, on_cluster=True)
    assert (pools.score_actors, pools.gpus_per_score_actor) == (num_score, 1.0)
    assert pools.prepare_actors == 7 * (num_prepare + num_score)
    assert pools.cpus_per_actor == 1.0


@given(num_prepare=st.integers(1, 16))
@settings(max_examples=10)
def test_however_many_nodes_come_for_a_scan_without_gpus_the_pools_use_all_of_them(num_prepare):
    machines = MACHINES["cpu-only"]
    wishes = Wishes(device="cpu", prepare_actors=None, score_actors=None, batch_clips=WISHES.batch_clips)
    nodes = [machines["headgroup"], *[machines["prepare"]] * num_prepare]
    pools = fit_for(1_000_000, wishes, nodes, on_cluster=True)
    assert pools.is_joint
    assert (pools.prepare_actors, pools.cpus_per_actor) == (7 * num_prepare, 1.0)


@given(num_prepare=st.integers(1, 16))
@settings(max_examples=10)
def test_however_many_nodes_come_to_make_clips_the_pools_use_all_of_them(num_prepare):
    machines = MACHINES["clips"]
    nodes = [machines["headgroup"], *[machines["prepare"]] * num_prepare]
    pools = fit_for(1_000_000, PrepareSettings().wishes, nodes, on_cluster=True)
    assert (pools.prepare_actors, pools.cpus_per_actor, pools.has_network) == (7 * num_prepare, 1.0, False)


def test_a_single_node_of_either_group_is_enough_for_a_scan():
    for group in ("prepare", "score"):
        assert fit_for(5, WISHES, [MACHINES["gpu"]["headgroup"], MACHINES["gpu"][group]], on_cluster=True)


@pytest.mark.parametrize(("num_nodes", "expected"), [(1, 1), (2, 2), (4, 4)])
def test_each_node_of_a_training_has_a_worker_with_its_gpu_and_cores(num_nodes, expected):
    machines = MACHINES["training"]
    crew = fit_crew([machines["headgroup"], *[machines["train"]] * num_nodes], (1, 4), device="gpu")
    assert crew.on_gpu
    assert crew.cpus == machines["train"].cores
    assert min(crew.most, num_nodes) == expected


@pytest.mark.parametrize(
    ("name", "cores", "gpus", "expected"),
    [
        # From none, and to none: a night's first request, and a request of nobody.
        ("gpu", 1, 1, {"prepare": 1, "score": 1}),
        ("gpu", 30, 3, {"prepare": 5, "score": 3}),
        ("gpu", 30, 0, {"prepare": 5}),
        ("gpu", 0, 0, {}),
        # As far as the groups may grow, and no further.
        ("gpu", 256, 256, {"prepare": 16, "score": 4}),
        ("cpu-only", 256, 0, {"prepare": 16}),
        ("clips", 20, 0, {"prepare": 3}),
        # A worker's core comes with its GPU.
        ("training", 4, 4, {"train": 4}),
        ("training", 1, 1, {"train": 1}),
    ],
)
def test_the_autoscaler_starts_what_a_job_asks_for(name, cores, gpus, expected):
    assert launched(config_of(CLUSTERS[name]), cores=cores, gpus=gpus) == expected


@pytest.mark.parametrize(("name", "group"), GROUPS, ids=ids)
def test_groups_are_empty_between_jobs(name, group):
    assert (group["replicas"], group["minReplicas"]) == (0, 0)
    assert CLUSTERS[name]["spec"]["autoscalerOptions"]["version"] == "v2"


def test_whoever_may_be_lost_says_so():
    """By Ray's own label for it, which actors can be placed by."""
    for name, group in GROUPS:
        market = group["labels"]["ray.io/market-type"]
        terms = group["template"]["spec"]["affinity"]["nodeAffinity"]
        if name == "training":
            assert (market, set(terms)) == ("on-demand", {"requiredDuringSchedulingIgnoredDuringExecution"})
        else:
            assert (market, set(terms)) == ("spot", {"preferredDuringSchedulingIgnoredDuringExecution"})
    for cluster in CLUSTERS.values():
        head = cluster["spec"]["headGroupSpec"]
        assert head["labels"] == {"ray.io/market-type": "on-demand"}
        assert "requiredDuringSchedulingIgnoredDuringExecution" in head["template"]["spec"]["affinity"]["nodeAffinity"]
