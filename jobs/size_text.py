"""What the job that sizes clusters says."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gsgmodel.scan.progress import duration_text
from gsgmodel.scan.settings import MOST_ASKED
from gsgmodel.scan.sizing import DRIVER_VIDEOS_PER_S, NodeShape, Sizing, Task
from jobs.terminal import bytes_text

BESIDE = "not counted: the head, the start of nodes, and whether the store gives videos as fast"
KEEP_UP = "GPUs are taken to keep up with the cores, none was measured: --gpu-clips-per-s counts them"


def task_text(task: Task) -> list[str]:
    """Return what is to be done, and what a video costs, in sentences."""
    costs = task.costs
    clips = "1 clip" if costs.num_clips == 1 else f"{costs.num_clips:.3g} clips"
    network = "" if costs.score_s is None else f" and {costs.score_s:.2f} s for the network"
    return [
        f"{counted(task.num_videos, 'video')} in {task.hours:g} h: {task.num_videos / task.hours / 3600:.3g} videos/s",
        f"a video takes {costs.prepare_s:.2f} s of a core to prepare{network}, at {clips} a video, {costs.source}",
    ]


def sizing_text(sizing: Sizing) -> list[str]:
    """Return the nodes of one way, what runs on them, how long, and at what cost."""
    task, pools = sizing.task, sizing.pools
    kinds = ((sizing.cpu_nodes, "CPU node", task.cpu_node), (sizing.gpu_nodes, "GPU node", task.gpu_node))
    nodes = " and ".join(f"{counted(number, kind)} of {shape_text(node)}" for number, kind, node in kinds if number)
    who = f"{counted(pools.prepare_actors, 'actor')} to prepare and score"
    if not pools.is_joint:
        who = f"{counted(pools.prepare_actors, 'actor')} to prepare and {pools.score_actors} to score"
    scans = "" if sizing.num_scans == 1 else f"{sizing.num_scans} scans at once, each on "
    cost = "" if sizing.price is None else f", {sizing.price:.2f} by the prices of nodes"
    each = "" if sizing.num_scans == 1 else " each"
    return [
        f"{'without' if sizing.device == 'cpu' else 'with'} GPUs: {scans}{nodes}",
        f"  {who}, {sizing.videos_per_s:.3g} videos/s{each}: done in {duration_text(sizing.expected_hours * 3600)}, "
        f"{sizing.core_hours:.1f} core hours{cost}",
    ]


def notes(task: Task, sizings: Sequence[Sizing]) -> list[str]:
    """Return what a reader of the numbers should know of them."""
    said = list(task.costs.notes)
    for each in sizings:
        if each.device == "gpu" and task.gpu_clips_per_s is None:
            said.append(KEEP_UP)
        if each.device == "gpu" and each.cpu_nodes:
            said.append(f"crops travel to the GPU nodes, up to {bytes_text(int(each.crops_bytes_per_s))}/s a scan")
    if any(each.num_scans > 1 for each in sizings):
        said.append(f"a driver serves about {DRIVER_VIDEOS_PER_S:g} videos/s: each scan takes its part of the archive")
    if any(each.num_cores > MOST_ASKED for each in sizings):
        said.append(f"an autoscaler is asked for {MOST_ASKED} cores at most: the others must be up when a scan starts")
    return [*said, BESIDE]


def as_json(task: Task, sizings: Sequence[Sizing]) -> dict[str, Any]:
    """Return the same in numbers; nodes and actors are those of one scan."""
    plans = [
        {
            "device": each.device,
            "scans": each.num_scans,
            "cpu_nodes": each.cpu_nodes,
            "gpu_nodes": each.gpu_nodes,
            "prepare_actors": each.pools.prepare_actors,
            "score_actors": each.pools.score_actors,
            "videos_per_s": each.videos_per_s,
            "hours": each.expected_hours,
            "core_hours": each.core_hours,
            "cost": each.price,
        }
        for each in sizings
    ]
    video = {name: value for name, value in asdict(task.costs).items() if name != "notes"}
    return {
        "videos": task.num_videos,
        "hours": task.hours,
        "video": video,
        "plans": plans,
        "notes": notes(task, sizings),
    }


def shape_text(node: NodeShape) -> str:
    """Return what a node has.

    Example:
        >>> shape_text(NodeShape(cores=8, memory_gib=32, num_gpus=1))
        '8 cores, 32 GiB and 1 GPU'
    """
    gpus = f" and {counted(node.num_gpus, 'GPU')}" if node.num_gpus else ""
    return f"{counted(node.cores, 'core')}, {node.memory_gib:g} GiB{gpus}"


def counted(number: int, what: str) -> str:
    """Return a number with what it counts.

    Example:
        >>> counted(1, "node"), counted(2, "node")
        ('1 node', '2 nodes')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
