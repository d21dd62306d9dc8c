"""What is said of sizes: every number with what it counts, and what a reader has to know beside them."""

from dataclasses import replace

import pytest

from gsgmodel.scan.costs import USUAL, costs_of
from gsgmodel.scan.sizing import NodeShape, Task, size
from jobs.size_text import BESIDE, KEEP_UP, as_json, counted, notes, shape_text, sizing_text, task_text

TASK = Task(
    num_videos=100_000,
    hours=8,
    costs=USUAL,
    cpu_node=NodeShape(cores=16, memory_gib=64),
    gpu_node=NodeShape(cores=8, memory_gib=32, num_gpus=2),
)
LONG = replace(TASK, costs=costs_of(3600, "1080p"), gpu_clips_per_s=100.0)
MANY = replace(TASK, num_videos=3_000_000)


def both(task):
    return [size(task, device=device) for device in ("cpu", "gpu")]


@pytest.mark.parametrize(("number", "said"), [(0, "0 nodes"), (1, "1 node"), (2, "2 nodes")])
def test_one_is_one(number, said):
    assert counted(number, "node") == said


def test_a_node_is_told_with_gpus_where_it_has_some():
    assert shape_text(TASK.cpu_node) == "16 cores, 64 GiB"
    assert shape_text(TASK.gpu_node) == "8 cores, 32 GiB and 2 GPUs"
    assert shape_text(NodeShape(cores=1, memory_gib=3.5, num_gpus=1)) == "1 core, 3.5 GiB and 1 GPU"


def test_the_network_s_cost_is_left_out_where_it_is_not_known():
    assert "0.50 s for the network" in task_text(TASK)[1]
    assert "network" not in task_text(replace(TASK, costs=replace(USUAL, score_s=None)))[1]


def test_several_scans_are_told_as_such():
    first, second = sizing_text(size(MANY, device="cpu"))
    assert first.startswith("without GPUs: 4 scans at once, each on ")
    assert "videos/s each: done in " in second
    one, _ = sizing_text(size(TASK, device="cpu"))
    assert one == "without GPUs: 1 CPU node of 16 cores, 64 GiB"


def test_a_cost_is_told_only_where_there_is_one():
    assert "prices" not in "".join(sizing_text(size(TASK, device="cpu")))
    priced = size(replace(TASK, cpu_node=replace(TASK.cpu_node, price=2.0)), device="cpu")
    assert sizing_text(priced)[1].endswith(f", {priced.price:.2f} by the prices of nodes")


def test_what_was_not_measured_is_told_once_and_what_was_given_is_not():
    assert notes(TASK, both(TASK)).count(KEEP_UP) == 1
    assert KEEP_UP not in notes(LONG, both(LONG))
    assert KEEP_UP not in notes(TASK, [size(TASK, device="cpu")])
    assert any("--duration-s 3600 lies outside" in note for note in notes(LONG, both(LONG)))


def test_limits_of_drivers_and_autoscalers_are_told_where_they_are_met():
    assert notes(TASK, [size(TASK, device="cpu")]) == [BESIDE]
    assert any("a driver serves about 30 videos/s" in note for note in notes(MANY, both(MANY)))
    assert any("an autoscaler is asked for 256 cores at most" in note for note in notes(LONG, both(LONG)))


def test_numbers_are_those_of_the_sizes():
    found = as_json(LONG, both(LONG))
    for plan, sizing in zip(found["plans"], both(LONG), strict=True):
        assert plan["device"] == sizing.device
        assert (plan["cpu_nodes"], plan["gpu_nodes"]) == (sizing.cpu_nodes, sizing.gpu_nodes)
        assert plan["prepare_actors"] == sizing.pools.prepare_actors
        assert (plan["videos_per_s"], plan["hours"]) == (sizing.videos_per_s, sizing.expected_hours)
    assert found["notes"] == notes(LONG, both(LONG))
    assert "notes" not in found["video"]
