"""A cluster as it is recommended is one on which the preflight makes the same pools and expects the same videos/s."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError
from gsgmodel.scan import cluster
from gsgmodel.scan.costs import USUAL, costs_of
from gsgmodel.scan.expected import PREPARE_S, VIDEO_S, videos_per_s
from gsgmodel.scan.preflight import GIB, JOINT_BYTES, SCORE_BYTES, fit_for
from gsgmodel.scan.settings import ScanSettings
from gsgmodel.scan.sizing import (
    ACTORS_SHARE,
    DRIVER_VIDEOS_PER_S,
    NodeShape,
    SizeSettings,
    Task,
    size,
    wishes_of,
)
from jobs import size_text

CPU_NODE = NodeShape(cores=16, memory_gib=64)
GPU_NODE = NodeShape(cores=8, memory_gib=32, num_gpus=1)
TASK = Task(num_videos=100_000, hours=8, costs=USUAL, cpu_node=CPU_NODE, gpu_node=GPU_NODE)

COSTS = st.builds(
    lambda prepare_s, score_s, num_clips: replace(USUAL, prepare_s=prepare_s, score_s=score_s, num_clips=num_clips),
    st.floats(0.05, 50.0),
    st.floats(0.0, 20.0),
    st.floats(0.0, 64.0),
)
TASKS = st.builds(
    Task,
    num_videos=st.integers(1, 3_000_000),
    hours=st.floats(0.05, 48.0),
    costs=COSTS,
    cpu_node=st.builds(NodeShape, cores=st.integers(1, 128), memory_gib=st.floats(4, 512)),
    gpu_node=st.builds(NodeShape, cores=st.integers(1, 128), memory_gib=st.floats(24, 512), num_gpus=st.integers(1, 8)),
    gpu_clips_per_s=st.none() | st.floats(0.5, 2000.0),
)


def sized(task, device):
    """None where it cannot be done, which is a sentence of its own."""
    try:
        return size(task, device=device)
    except ConfigError as error:
        if "--hours is" not in str(error):
            raise
        return None


@settings(max_examples=60)
@given(task=TASKS, device=st.sampled_from(["cpu", "gpu"]))
def test_the_preflight_makes_of_the_recommended_nodes_what_was_promised_and_that_is_in_time(task, device):
    if not (sizing := sized(task, device)):
        return
    wishes = ScanSettings(device=device).wishes
    videos = math.ceil(task.num_videos / sizing.num_scans)
    nodes = [task.gpu_node.free] * sizing.gpu_nodes + [task.cpu_node.free] * sizing.cpu_nodes
    pools = fit_for(videos, wishes, nodes, on_cluster=True)
    assert pools == sizing.pools
    by_cores = videos_per_s(pools) * (VIDEO_S if device == "cpu" else PREPARE_S)
    by_cores /= task.costs.prepare_s + (task.costs.score_s if device == "cpu" else 0.0)
    assert sizing.videos_per_s <= by_cores * (1 + 1e-9)
    assert sizing.videos_per_s <= DRIVER_VIDEOS_PER_S
    if device == "gpu" and task.gpu_clips_per_s:
        assert sizing.videos_per_s * task.costs.num_clips <= pools.score_actors * task.gpu_clips_per_s * (1 + 1e-9)
    assert sizing.videos_per_s * task.hours * 3600 >= videos * (1 - 1e-6)
    assert sizing.expected_hours <= task.hours * (1 + 1e-6)
    assert videos * sizing.num_scans >= task.num_videos


@settings(max_examples=60)
@given(task=TASKS, device=st.sampled_from(["cpu", "gpu"]))
def test_one_cpu_node_less_would_not_do(task, device):
    sizing = sized(task, device)
    if not sizing or not sizing.cpu_nodes or sizing.cpu_nodes + sizing.gpu_nodes == 1:
        return
    fewer = replace(sizing, cpu_nodes=sizing.cpu_nodes - 1)
    assert fewer.videos_per_s * task.hours * 3600 < sizing.videos_of_scan


@settings(max_examples=60)
@given(task=TASKS, device=st.sampled_from(["cpu", "gpu"]), factor=st.floats(1.0, 3.0))
def test_more_time_never_takes_more_nodes(task, device, factor):
    tight, loose = sized(task, device), sized(replace(task, hours=task.hours * factor), device)
    if tight:
        assert loose is not None
        assert loose.num_scans <= tight.num_scans
        if loose.num_scans == tight.num_scans:
            assert loose.cpu_nodes + loose.gpu_nodes <= tight.cpu_nodes + tight.gpu_nodes


def test_usual_videos_on_cores_alone():
    sizing = size(TASK, device="cpu")
    # 100,000 of 1.7 s in 8 h are 5.9 cores.
    assert (sizing.num_scans, sizing.cpu_nodes, sizing.gpu_nodes) == (1, 1, 0)
    assert sizing.pools.prepare_actors == 16
    assert sizing.pools.is_joint
    assert sizing.videos_per_s == pytest.approx(16 / VIDEO_S)
    assert sizing.expected_hours == pytest.approx(100_000 * VIDEO_S / 16 / 3600)
    assert sizing.core_hours == pytest.approx(100_000 * VIDEO_S / 3600)


def test_long_videos_need_more_nodes_and_those_fill_the_time():
    sizing = size(replace(TASK, costs=costs_of(600, "1080p")), device="cpu")
    core_s = sizing.task.costs.of_core_s(scores_on_cores=True)
    assert sizing.cpu_nodes == math.ceil(100_000 * core_s / (8 * 3600) / 16)
    assert 7.5 < sizing.expected_hours <= 8


def test_cores_of_gpu_nodes_prepare_too_and_one_gpu_is_taken_to_keep_up_where_nothing_is_known_of_it():
    sizing = size(replace(TASK, num_videos=10_000), device="gpu")
    assert (sizing.cpu_nodes, sizing.gpu_nodes) == (0, 1)
    assert (sizing.pools.prepare_actors, sizing.pools.score_actors) == (8, 1)
    assert sizing.videos_per_s == pytest.approx(8 / PREPARE_S, rel=0.01)


def test_gpus_are_counted_where_it_is_known_what_one_does():
    task = replace(TASK, gpu_clips_per_s=0.5, gpu_node=replace(GPU_NODE, num_gpus=4, memory_gib=64))
    # 3.47 clips/s are 7 GPUs, on 2 nodes.
    sizing = size(task, device="gpu")
    assert (sizing.cpu_nodes, sizing.gpu_nodes) == (0, 2)
    assert sizing.videos_per_s == pytest.approx(4.0)
    no_clips = size(replace(task, costs=replace(USUAL, num_clips=0.0)), device="gpu")
    assert no_clips.gpu_nodes == 1


def test_what_one_driver_cannot_serve_is_several_scans():
    sizing = size(replace(TASK, num_videos=2_000_000), device="cpu")
    assert sizing.num_scans == 3
    assert sizing.videos_of_scan == 666_667
    assert sizing.videos_per_s <= DRIVER_VIDEOS_PER_S
    assert sizing.core_hours == pytest.approx(3 * sizing.num_cores * sizing.expected_hours)


def test_a_price_is_told_only_where_every_node_that_is_used_has_one():
    assert size(TASK, device="cpu").price is None
    cpu = replace(CPU_NODE, price=0.5)
    on_cores = size(replace(TASK, cpu_node=cpu), device="cpu")
    assert on_cores.price == pytest.approx(0.5 * on_cores.cpu_nodes * on_cores.expected_hours)
    both = replace(TASK, num_videos=400_000, cpu_node=cpu)
    assert size(both, device="gpu").cpu_nodes
    assert size(both, device="gpu").price is None
    priced = size(replace(both, gpu_node=replace(GPU_NODE, price=2.0)), device="gpu")
    hourly = 0.5 * priced.cpu_nodes + 2.0 * priced.gpu_nodes
    assert priced.price == pytest.approx(hourly * priced.expected_hours)
    assert size(replace(TASK, cpu_node=replace(CPU_NODE, price=0.0)), device="cpu").price == 0.0


def test_crops_travel_to_gpus_alone():
    on_gpu = size(TASK, device="gpu")
    assert on_gpu.crops_bytes_per_s == pytest.approx(on_gpu.videos_per_s * 12 * 224 * 224 * 3)
    assert size(TASK, device="cpu").crops_bytes_per_s == 0.0


def test_a_node_with_little_memory_runs_fewer_actors_than_it_has_cores():
    small = replace(TASK, cpu_node=NodeShape(cores=16, memory_gib=16))
    sizing = size(small, device="cpu")
    assert sizing.pools.prepare_actors == sizing.cpu_nodes * int(16 * ACTORS_SHARE * GIB // JOINT_BYTES)
    assert sizing.cpu_nodes > size(TASK, device="cpu").cpu_nodes


def test_a_scan_with_no_other_setting_has_these_wishes():
    assert wishes_of("gpu") == ScanSettings(device="gpu").wishes


def test_an_autoscaler_is_asked_for_as_many_cores_as_is_said():
    assert size_text.MOST_ASKED == cluster.MOST_ASKED


@pytest.mark.parametrize(
    ("change", "device", "said"),
    [
        ({"num_videos": 0}, "cpu", "--videos is 0; accepted: at least 1"),
        ({"hours": 0.0}, "cpu", "--hours is 0.0; accepted: above 0"),
        ({"hours": float("nan")}, "cpu", "--hours is nan"),
        ({"hours": 1e-6}, "cpu", "in which no driver does one video"),
        ({"num_videos": 1, "costs": costs_of(3600, "2160p"), "hours": 0.1}, "cpu", "too few for 1 videos: 8192 CPU"),
        ({"gpu_clips_per_s": 0.0}, "gpu", "--gpu-clips-per-s is 0.0; accepted: above 0"),
        ({"cpu_node": replace(CPU_NODE, cores=0)}, "cpu", "--cpu-node-cores is 0; accepted: at least 1"),
        ({"cpu_node": replace(CPU_NODE, memory_gib=3.0)}, "cpu", "--cpu-node-memory-gib is 3; accepted: at least 3.3"),
        ({"cpu_node": replace(CPU_NODE, price=-1.0)}, "cpu", "--cpu-node-price is -1.0; accepted: 0 or more"),
        ({"gpu_node": replace(GPU_NODE, num_gpus=0)}, "gpu", "--gpus-per-node is 0; accepted: at least 1"),
        ({"gpu_node": replace(GPU_NODE, cores=0)}, "gpu", "--gpu-node-cores is 0"),
        ({"gpu_node": replace(GPU_NODE, num_gpus=8)}, "gpu", "--gpu-node-memory-gib is 32; accepted: at least 18.5"),
        ({"gpu_node": replace(GPU_NODE, price=float("inf"))}, "gpu", "--gpu-node-price is inf"),
    ],
)
def test_what_cannot_be_is_one_sentence(change, device, said):
    task = replace(TASK, **change)
    if "at least 18.5" in said:
        least = (int(1.75 * GIB) + 8 * SCORE_BYTES) / GIB / ACTORS_SHARE
        assert least == pytest.approx(18.5, abs=0.1)
        task = replace(task, gpu_node=replace(task.gpu_node, memory_gib=18.0))
        said = "--gpu-node-memory-gib is 18; accepted: at least 18.5"
    with pytest.raises(ConfigError) as raised:
        size(task, device=device)
    assert said in str(raised.value)


def test_gpu_nodes_that_are_not_used_are_not_judged():
    assert size(replace(TASK, gpu_node=replace(GPU_NODE, cores=0)), device="cpu").cpu_nodes == 1


def test_settings_become_a_task():
    given_ = SizeSettings(
        videos=7, hours=2.0, cpu_node_cores=4, cpu_node_price=0.1, gpus_per_node=2, gpu_clips_per_s=9.0, device="gpu"
    )
    task = given_.task()
    assert (task.num_videos, task.hours, task.costs, task.gpu_clips_per_s) == (7, 2.0, USUAL, 9.0)
    assert task.cpu_node == NodeShape(cores=4, memory_gib=64.0, price=0.1)
    assert task.gpu_node == NodeShape(cores=8, memory_gib=32.0, num_gpus=2)
    assert given_.devices == ("gpu",)
    assert SizeSettings(videos=1, hours=1.0).devices == ("cpu", "gpu")


def test_length_and_picture_are_told_together():
    told = SizeSettings(videos=1, hours=1.0, duration_s=120.0, resolution="720p", faces_at_once=2.0)
    assert told.task().costs == costs_of(120.0, "720p", faces=2.0)
    for alone in ({"duration_s": 5.0}, {"resolution": "720p"}):
        with pytest.raises(ConfigError, match=r"accepted: with --duration-s and --resolution together"):
            SizeSettings(videos=1, hours=1.0, **alone).task()


def test_a_measured_run_wins_and_says_what_changes_nothing(tmp_path):
    path = tmp_path / "summary.json"
    path.write_text(json.dumps({"by_status": {"scored": 1000}, "prepare_cpu_s": 930, "score_cpu_s": 93, "clips": 2000}))
    alone = SizeSettings(videos=1, hours=1.0, measured=path).task().costs
    assert (alone.prepare_s, alone.num_clips, alone.notes) == (pytest.approx(1.0), 2.0, ())
    both = SizeSettings(videos=1, hours=1.0, measured=path, duration_s=5.0, resolution="720p").task().costs
    assert both.notes == ("--duration-s and --resolution change nothing beside --measured",)
    assert replace(both, notes=()) == alone
    one = SizeSettings(videos=1, hours=1.0, measured=path, faces_at_once=3.0).task().costs
    assert one.notes == ("--faces-at-once changes nothing beside --measured",)
