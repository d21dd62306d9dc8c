"""Whatever the machine, the pools fit it or the run is refused: what does not fit would hang without a word."""

import dataclasses
from dataclasses import replace

import joblib
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError
from gsgmodel.scan import preflight as module
from gsgmodel.scan.preflight import (
    DRIVER_BYTES,
    GIB,
    JOINT_BYTES,
    MIN_OBJECT_STORE_BYTES,
    PREPARE_BYTES,
    SCORE_BYTES,
    Machine,
    Wishes,
    fit_for,
    fit_machine,
    fit_nodes,
    this_machine,
)

MACHINES = st.builds(
    Machine,
    cores=st.integers(0, 256),
    memory_bytes=st.integers(0, 512).map(lambda gib: gib * GIB),
    num_gpus=st.integers(0, 16),
)
WISHES = Wishes(device="auto", prepare_actors=None, score_actors=None, batch_clips=4)
ACTORS = st.none() | st.integers(1, 300)


def fit(machine, *, device="auto", prepare_actors=None, score_actors=None, batch_clips=4):
    wishes = Wishes(device=device, prepare_actors=prepare_actors, score_actors=score_actors, batch_clips=batch_clips)
    return fit_machine(machine, wishes)


def machine(*, cores=2, memory_gib=8.0, num_gpus=0):
    return Machine(cores=cores, memory_bytes=int(memory_gib * GIB), num_gpus=num_gpus)


def needs(pools):
    each = JOINT_BYTES if pools.is_joint else PREPARE_BYTES
    actors = pools.prepare_actors * each + pools.score_actors * SCORE_BYTES
    return actors + DRIVER_BYTES + pools.object_store_bytes


@given(
    on=MACHINES,
    device=st.sampled_from(["auto", "cpu", "gpu"]),
    prepare_actors=ACTORS,
    score_actors=ACTORS,
    batch_clips=st.integers(1, 64),
)
def test_whatever_is_asked_for_fits_or_is_refused(on, device, prepare_actors, score_actors, batch_clips):
    try:
        pools = fit(
            on, device=device, prepare_actors=prepare_actors, score_actors=score_actors, batch_clips=batch_clips
        )
    except ConfigError:
        return
    reserved = (pools.prepare_actors + pools.score_actors) * pools.cpus_per_actor
    assert reserved <= on.cores + 1e-9
    assert 0 < pools.cpus_per_actor <= 1
    assert pools.score_actors * pools.gpus_per_score_actor <= on.num_gpus
    assert needs(pools) <= on.memory_bytes
    assert pools.object_store_bytes >= MIN_OBJECT_STORE_BYTES
    assert pools.prepare_actors >= 1
    assert pools.is_joint == (score_actors is None and not pools.gpus_per_score_actor)
    assert pools.max_in_work >= pools.prepare_actors + pools.score_actors
    assert pools.prepare_actors == (prepare_actors or pools.prepare_actors)
    assert pools.score_actors == (score_actors or pools.score_actors)


@given(cores=st.integers(1, 256), memory_gib=st.integers(5, 512))
def test_without_wishes_every_machine_with_five_gigabytes_is_fitted(cores, memory_gib):
    pools = fit(machine(cores=cores, memory_gib=memory_gib))
    assert pools.is_joint
    assert 1 <= pools.prepare_actors <= cores


@pytest.mark.parametrize("cores", [1, 2])
def test_without_gpus_every_core_gets_an_actor_that_prepares_and_scores(cores):
    pools = fit(machine(cores=cores))
    assert (pools.prepare_actors, pools.score_actors, pools.cpus_per_actor) == (cores, 0, 1.0)
    assert pools.rows_per_score_call == 1


def test_score_actors_on_cpus_where_they_are_asked_for_share_the_cores_with_those_that_prepare():
    pools = fit(machine(cores=2), score_actors=2)
    assert (pools.prepare_actors, pools.score_actors) == (2, 2)
    assert not pools.is_joint
    assert 4 * pools.cpus_per_actor <= 2
    assert fit_nodes([machine(cores=2)], replace(WISHES, score_actors=2)).prepare_actors == 2


def test_many_cores_with_little_memory_run_fewer_actors():
    pools = fit(machine(cores=64, memory_gib=32))
    assert 1 < pools.prepare_actors < 16


def test_a_machine_without_room_for_one_actor_is_refused_with_both_numbers():
    with pytest.raises(ConfigError, match=r"1 prepare actors need about \d\.\d GiB .* there are 2\.0: set"):
        fit(machine(memory_gib=2))
    with pytest.raises(ConfigError, match=r"1 prepare and 1 score actors need about 4\.[67] GiB .* there are 2\.0"):
        fit(machine(memory_gib=2), score_actors=1)


def test_more_actors_than_the_memory_holds_are_refused():
    with pytest.raises(ConfigError, match=r"100 prepare and 1 score actors need about 177\.\d GiB"):
        fit(machine(), prepare_actors=100, score_actors=1)


def test_more_actors_than_the_cores_can_be_cut_into_are_refused():
    with pytest.raises(ConfigError, match="5000 actors do not fit 2 cores"):
        fit(machine(memory_gib=20_000), prepare_actors=5000)


def test_a_cluster_without_cores_is_refused():
    with pytest.raises(ConfigError, match="1 actors do not fit 0 cores"):
        fit(machine(cores=0))


def test_each_gpu_gets_one_score_actor():
    pools = fit(machine(cores=16, memory_gib=64, num_gpus=4))
    assert (pools.prepare_actors, pools.score_actors, pools.gpus_per_score_actor) == (16, 4, 1.0)


def test_a_gpu_gets_the_videos_of_two_batches_a_call_so_that_one_travels_while_it_computes_the_other():
    on_one = fit(machine(cores=16, memory_gib=64, num_gpus=1), batch_clips=8)
    on_nodes = fit_nodes([machine(cores=16, memory_gib=64, num_gpus=1)], dataclasses.replace(WISHES, batch_clips=8))
    assert on_one.rows_per_score_call == on_nodes.rows_per_score_call == 16


def test_the_gpus_stay_unused_where_the_cpu_is_asked_for():
    pools = fit(machine(cores=16, memory_gib=64, num_gpus=4), device="cpu")
    assert pools.gpus_per_score_actor == 0


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="--device is gpu, but no GPU is visible here; accepted: auto or cpu"):
        fit(machine(), device="gpu")


def test_more_score_actors_than_gpus_are_refused():
    with pytest.raises(ConfigError, match="--score-actors is 3, but there are 2 GPUs; accepted: up to that"):
        fit(machine(cores=16, memory_gib=64, num_gpus=2), score_actors=3)


def test_this_machine_is_what_the_process_may_use():
    found = this_machine()
    assert found.cores == joblib.cpu_count()
    assert 0 < found.memory_bytes <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("visible", "expected"),
    [(None, 3), ("", 0), ("-1", 0), ("0", 1), ("0,2", 2), (" 0 , 1 ", 2), ("0,-1,1", 1), ("0,1,2,3,4", 3)],
)
def test_gpus_are_counted_as_cuda_would_see_them(tmp_path, monkeypatch, visible, expected):
    for name in ("0000:01:00.0", "0000:02:00.0", "0000:03:00.0"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(module, "GPUS", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert this_machine().num_gpus == expected


NODES = st.lists(
    st.builds(
        Machine,
        cores=st.integers(0, 64_000).map(lambda thousandths: thousandths / 1000),
        memory_bytes=st.integers(0, 256).map(lambda gib: gib * GIB),
        num_gpus=st.integers(0, 8),
    ),
    max_size=6,
)


def places(nodes, pools):
    """How many actors that reserve as a prepare actor does the nodes hold, whichever comes first."""
    return sum(
        min(int(node.cores / pools.cpus_per_actor + 1e-9), node.memory_bytes // pools.memory_per_actor_bytes)
        for node in nodes
    )


@given(
    nodes=NODES,
    device=st.sampled_from(["auto", "cpu", "gpu"]),
    prepare_actors=ACTORS,
    score_actors=ACTORS,
    batch_clips=st.integers(1, 64),
)
def test_whatever_a_cluster_has_every_actor_can_be_placed_or_the_run_is_refused(
    nodes, device, prepare_actors, score_actors, batch_clips
):
    wishes = Wishes(device=device, prepare_actors=prepare_actors, score_actors=score_actors, batch_clips=batch_clips)
    try:
        pools = fit_nodes(nodes, wishes)
    except ConfigError:
        return
    on_cpu = pools.prepare_actors + (0 if pools.gpus_per_score_actor else pools.score_actors)
    assert 0 < pools.cpus_per_actor <= 1
    assert places(nodes, pools) >= on_cpu
    assert pools.score_actors * pools.gpus_per_score_actor <= sum(node.num_gpus for node in nodes)
    assert bool(pools.gpus_per_score_actor) == (device != "cpu" and any(node.num_gpus for node in nodes))
    assert pools.prepare_actors == (prepare_actors or pools.prepare_actors) >= 1
    assert pools.score_actors == (score_actors or pools.score_actors)
    assert pools.is_joint == (score_actors is None and not pools.gpus_per_score_actor)


def test_a_cluster_of_equal_nodes_gets_the_pools_of_each_machine():
    pools = fit_nodes([machine(cores=8, memory_gib=64)] * 3, WISHES)
    assert (pools.prepare_actors, pools.score_actors, pools.cpus_per_actor) == (24, 0, 1.0)


def test_a_head_without_cores_gets_no_work():
    nodes = [machine(cores=0, memory_gib=64), machine(cores=4, memory_gib=64)]
    assert fit_nodes(nodes, WISHES) == fit_nodes(nodes[1:], WISHES)


def test_beside_gpus_every_core_of_the_cluster_prepares_and_scoring_waits_for_none():
    pools = fit_nodes([machine(cores=16, memory_gib=64), machine(cores=8, memory_gib=64, num_gpus=2)], WISHES)
    assert (pools.prepare_actors, pools.score_actors, pools.cpus_per_actor) == (24, 2, 1.0)
    assert (pools.gpus_per_score_actor, pools.cpus_per_score_actor) == (1.0, 0.0)


def test_a_gpu_that_no_node_has_free_is_refused():
    with pytest.raises(ConfigError, match="no GPU of the cluster is free"):
        fit_nodes([machine()], replace(WISHES, device="gpu"))


def test_more_actors_than_the_nodes_hold_are_refused_with_what_is_free():
    with pytest.raises(ConfigError, match=r"99 prepare and 1 score actors do not fit .* 2 cores and 8\.0 GiB on 1"):
        fit_nodes([machine()], replace(WISHES, prepare_actors=99, score_actors=1))


def test_a_cluster_that_is_full_is_refused():
    with pytest.raises(ConfigError, match="1 prepare actors do not fit what is free of the cluster"):
        fit_nodes([], WISHES)


@given(num_videos=st.integers(1, 40), cores=st.integers(1, 32), on_cluster=st.booleans())
def test_no_actor_waits_for_a_video_that_never_comes(num_videos, cores, on_cluster):
    pools = fit_for(num_videos, WISHES, [machine(cores=cores, memory_gib=256)], on_cluster=on_cluster)
    assert max(pools.prepare_actors, pools.score_actors) <= max(1, num_videos)
    assert pools.cpus_per_actor * (pools.prepare_actors + pools.score_actors) <= cores


def test_actors_that_are_asked_for_are_started_whatever_there_is_to_do():
    pools = fit_for(1, replace(WISHES, prepare_actors=3), [machine(cores=4, memory_gib=64)], on_cluster=False)
    assert (pools.prepare_actors, pools.score_actors) == (3, 0)


KEEPING = Wishes(device="none", prepare_actors=None, score_actors=None, batch_clips=16)


@given(on=MACHINES, prepare_actors=ACTORS)
def test_without_a_network_every_core_prepares_and_the_second_stage_reserves_none(on, prepare_actors):
    try:
        pools = fit_machine(on, replace(KEEPING, prepare_actors=prepare_actors))
    except ConfigError:
        return
    assert pools.prepare_actors == prepare_actors or pools.prepare_actors <= max(1, on.cores)
    assert (pools.cpus_per_score_actor, pools.gpus_per_score_actor, pools.rows_per_score_call) == (0.0, 0.0, 16)
    assert pools.max_in_work >= pools.score_actors * 16 * 2
    assert needs(pools) <= on.memory_bytes


def test_many_cores_get_more_than_one_that_writes():
    assert fit_machine(machine(cores=2), KEEPING).score_actors == 1
    pools = fit_nodes([machine(cores=32, memory_gib=128), machine(cores=16, memory_gib=64, num_gpus=8)], KEEPING)
    assert (pools.prepare_actors, pools.score_actors, pools.cpus_per_score_actor) == (48, 3, 0.0)
    assert pools.gpus_per_score_actor == 0.0


def test_what_does_not_fit_is_said_in_the_words_of_a_preparation():
    with pytest.raises(ConfigError, match=r"99 prepare and 1 keep actors need .*: set fewer --prepare-actors$"):
        fit_machine(machine(), replace(KEEPING, prepare_actors=99))
    with pytest.raises(ConfigError, match=r"99 prepare and 1 keep actors do not fit .*: set fewer --prepare-actors$"):
        fit_nodes([machine()], replace(KEEPING, prepare_actors=99))
