"""How many nodes score so many videos in so many hours: the preflight's arithmetic, turned round."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gsgmodel.errors import ConfigError
from gsgmodel.records import Preparation
from gsgmodel.scan.costs import Costs, costs_of, read_costs, usual_costs, videos_per_s_at
from gsgmodel.scan.preflight import (
    GIB,
    JOINT_BYTES,
    PREPARE_BYTES,
    SCORE_BYTES,
    Machine,
    Pools,
    Wishes,
    fit_for,
)
from gsgmodel.scan.settings import ScanSettings

ACTORS_SHARE = 0.7
"""Of a node's memory Ray gives to actors; it keeps 30 % for its object store unless it is told otherwise."""
DRIVER_VIDEOS_PER_S = 30.0
"""That one driver serves; it takes 0.03 CPU s a video (tests/bench/scaling.py)."""
MOST_NODES = 8192
"""CPU nodes of one scan; a question whose answer is more is taken for a mistake."""
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class SizeSettings:
    """What a user can say of a scan that is to be sized, and of the nodes for it."""

    videos: int
    """How many are to be scored."""
    hours: float
    """In which they are to be done."""
    duration_s: float | None = None
    """Their length on average, with --resolution; without both they are taken to cost what was measured."""
    resolution: str | None = None
    """Their picture: 360p, 480p, 720p, 1080p, 1440p, 2160p or WIDTHxHEIGHT."""
    faces_at_once: float | None = None
    """Faces that a video shows at a time, on average; one by default. Each gives clips of its own."""
    measured: Path | None = None
    """What such videos cost on your nodes: summary.json of a pilot's run, or pipeline.json of `gsg bench pipeline`."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where the network runs: on the cores, on GPUs, or sized both ways."""
    cpu_node_cores: int = 16
    """Of a node without GPUs."""
    cpu_node_memory_gib: float = 64.0
    """Of a node without GPUs."""
    cpu_node_price: float | None = None
    """Of such a node for an hour; without it there is no cost."""
    gpu_node_cores: int = 8
    """Of a node with GPUs; they prepare videos too."""
    gpu_node_memory_gib: float = 32.0
    """Of a node with GPUs."""
    gpus_per_node: int = 1
    """Of a node with GPUs."""
    gpu_node_price: float | None = None
    """Of such a node for an hour; without it there is no cost."""
    gpu_clips_per_s: float | None = None
    """What the network does on one of your GPUs; without it GPUs are taken to keep up with the cores."""
    json: bool = False
    """Print one line of JSON."""

    @property
    def devices(self) -> tuple[Literal["cpu", "gpu"], ...]:
        """The ways to size it."""
        return ("cpu", "gpu") if self.device == "auto" else (self.device,)

    def task(self) -> "Task":
        """Return what is to be sized."""
        return Task(
            num_videos=self.videos,
            hours=self.hours,
            costs=self._costs(),
            cpu_node=NodeShape(
                cores=self.cpu_node_cores, memory_gib=self.cpu_node_memory_gib, price=self.cpu_node_price
            ),
            gpu_node=NodeShape(
                cores=self.gpu_node_cores,
                memory_gib=self.gpu_node_memory_gib,
                num_gpus=self.gpus_per_node,
                price=self.gpu_node_price,
            ),
            gpu_clips_per_s=self.gpu_clips_per_s,
        )

    def _costs(self) -> Costs:
        """What a video costs, from the best that there is.

        Raises:
            ConfigError: Length and picture are not both there, or say nothing beside a measured run.
        """
        told = {"--duration-s": self.duration_s, "--resolution": self.resolution, "--faces-at-once": self.faces_at_once}
        given = [name for name, value in told.items() if value is not None]
        if self.measured is not None:
            costs = read_costs(self.measured)
            unused = f"{' and '.join(given)} {'changes' if len(given) == 1 else 'change'} nothing beside --measured"
            return replace(costs, notes=(*costs.notes, unused)) if given else costs
        faces = 1.0 if self.faces_at_once is None else self.faces_at_once
        if self.duration_s is not None and self.resolution is not None:
            return costs_of(self.duration_s, self.resolution, faces=faces)
        if self.duration_s is not None or self.resolution is not None:
            raise ConfigError(f"{given[0]} is {told[given[0]]}; accepted: with --duration-s and --resolution together")
        return usual_costs(faces=faces)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeShape:
    """One kind of node that a cluster can have."""

    cores: int
    memory_gib: float
    num_gpus: int = 0
    price: float | None = None
    """Of an hour, in whatever currency."""

    @property
    def free(self) -> Machine:
        """What a scan finds free of such a node that does nothing else."""
        memory_bytes = int(self.memory_gib * ACTORS_SHARE * GIB)
        return Machine(cores=float(self.cores), memory_bytes=memory_bytes, num_gpus=self.num_gpus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be done, and with what."""

    num_videos: int
    hours: float
    costs: Costs
    cpu_node: NodeShape
    gpu_node: NodeShape
    gpu_clips_per_s: float | None = None
    """Of one GPU; None where it is not known, and GPUs are taken to keep up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """Nodes that do a task in time: for each of its scans, all at once, so many of each kind."""

    task: Task
    device: Literal["cpu", "gpu"]
    """Where the network runs."""
    num_scans: int
    """At once, each with its share of the videos and a cluster of its own; one unless a driver is the limit."""
    cpu_nodes: int
    gpu_nodes: int

    @property
    def videos_of_scan(self) -> int:
        """Videos of the largest share."""
        return math.ceil(self.task.num_videos / self.num_scans)

    @property
    def nodes(self) -> list[Machine]:
        """What one scan finds free."""
        return [self.task.gpu_node.free] * self.gpu_nodes + [self.task.cpu_node.free] * self.cpu_nodes

    @property
    def pools(self) -> Pools:
        """What the preflight makes of it."""
        return fit_for(self.videos_of_scan, wishes_of(self.device), self.nodes, on_cluster=True)

    @property
    def videos_per_s(self) -> float:
        """Of one scan: as many as cores, GPUs and driver do."""
        return rate_of(self.pools, self.task)

    @property
    def expected_hours(self) -> float:
        """From the first video to the last."""
        return self.videos_of_scan / self.videos_per_s / 3600

    @property
    def num_cores(self) -> int:
        """Of the nodes of one scan."""
        return self.cpu_nodes * self.task.cpu_node.cores + self.gpu_nodes * self.task.gpu_node.cores

    @property
    def core_hours(self) -> float:
        """Of all nodes for that long."""
        return self.num_scans * self.num_cores * self.expected_hours

    @property
    def price(self) -> float | None:
        """Of all nodes for that long; None where one of their prices is not known."""
        used = [(self.cpu_nodes, self.task.cpu_node.price), (self.gpu_nodes, self.task.gpu_node.price)]
        prices = [number * price for number, price in used if number and price is not None]
        if len(prices) < sum(1 for number, _ in used if number):
            return None
        return self.num_scans * sum(prices) * self.expected_hours

    @property
    def crops_bytes_per_s(self) -> float:
        """Of one scan: crops on their way to GPU nodes, if all of them are prepared elsewhere."""
        made = Preparation()
        clip_bytes = made.frames_per_clip * made.crop_size_px**2 * 3
        return self.videos_per_s * self.task.costs.num_clips * clip_bytes if self.device == "gpu" else 0.0


def wishes_of(device: Literal["cpu", "gpu"]) -> Wishes:
    """Return what a scan with no other setting asks of the pools."""
    return ScanSettings(device=device).wishes


def rate_of(pools: Pools, task: Task) -> float:
    """Return the videos/s of one scan, which cores, GPUs or the driver bound."""
    rates = [videos_per_s_at(pools, task.costs), DRIVER_VIDEOS_PER_S]
    if pools.gpus_per_score_actor and task.gpu_clips_per_s and task.costs.num_clips:
        rates.append(pools.score_actors * task.gpu_clips_per_s / task.costs.num_clips)
    return min(rates)


def size(task: Task, *, device: Literal["cpu", "gpu"]) -> Sizing:
    """Return the fewest nodes that do a task in time: GPU nodes for the network first, then CPU nodes for the rest.

    Args:
        task: What is to be done.
        device: Where the network runs.

    Raises:
        ConfigError: If no number of nodes does it in time. A number that cannot be is one as well.
    """
    _check(task, device)
    seconds = task.hours * 3600
    most_of_scan = math.floor(DRIVER_VIDEOS_PER_S * seconds)
    if not most_of_scan:
        raise ConfigError(f"--hours is {task.hours:g}, in which no driver does one video; accepted: more time")
    num_scans = math.ceil(task.num_videos / most_of_scan)
    needed = math.ceil(task.num_videos / num_scans) / seconds
    gpu_nodes = _gpu_nodes(needed, task) if device == "gpu" else 0

    def sizing(cpu_nodes: int) -> Sizing:
        return Sizing(task=task, device=device, num_scans=num_scans, cpu_nodes=cpu_nodes, gpu_nodes=gpu_nodes)

    def is_enough(cpu_nodes: int) -> bool:
        return bool(cpu_nodes + gpu_nodes) and sizing(cpu_nodes).videos_per_s >= needed * (1 - _ROUNDING)

    most = 1
    while not is_enough(most):
        if most >= MOST_NODES:
            raise ConfigError(
                f"--hours is {task.hours:g}, too few for {task.num_videos} videos: {most} CPU nodes do "
                f"{sizing(most).videos_per_s:.3g} videos/s of {needed:.3g}; accepted: more hours, or larger nodes"
            )
        most *= 2
    least = 0
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if is_enough(middle) else (middle + 1, most)
    return sizing(least)


def _gpu_nodes(needed: float, task: Task) -> int:
    """As many as the network needs; one where it is not known what a GPU does."""
    if task.gpu_clips_per_s is None:
        return 1
    gpus = math.ceil(needed * task.costs.num_clips / task.gpu_clips_per_s * (1 - _ROUNDING))
    return max(1, math.ceil(gpus / task.gpu_node.num_gpus))


def _check(task: Task, device: Literal["cpu", "gpu"]) -> None:
    """Refuse numbers that cannot be.

    Raises:
        ConfigError: One of them.
    """
    if task.num_videos < 1:
        raise ConfigError(f"--videos is {task.num_videos}; accepted: at least 1")
    if not 0 < task.hours < math.inf:
        raise ConfigError(f"--hours is {task.hours}; accepted: above 0")
    if task.gpu_clips_per_s is not None and not 0 < task.gpu_clips_per_s < math.inf:
        raise ConfigError(f"--gpu-clips-per-s is {task.gpu_clips_per_s}; accepted: above 0")
    _check_node("cpu", task.cpu_node, least_bytes=JOINT_BYTES)
    if device == "gpu":
        if task.gpu_node.num_gpus < 1:
            raise ConfigError(f"--gpus-per-node is {task.gpu_node.num_gpus}; accepted: at least 1")
        _check_node("gpu", task.gpu_node, least_bytes=PREPARE_BYTES + task.gpu_node.num_gpus * SCORE_BYTES)


def _check_node(kind: str, node: NodeShape, *, least_bytes: int) -> None:
    if node.cores < 1:
        raise ConfigError(f"--{kind}-node-cores is {node.cores}; accepted: at least 1")
    if not least_bytes <= node.memory_gib * ACTORS_SHARE * GIB < math.inf:
        least_gib = math.ceil(10 * least_bytes / GIB / ACTORS_SHARE) / 10
        raise ConfigError(
            f"--{kind}-node-memory-gib is {node.memory_gib:g}; accepted: at least {least_gib:g}, for one actor of each "
            "stage and Ray's object store"
        )
    if node.price is not None and not 0 <= node.price < math.inf:
        raise ConfigError(f"--{kind}-node-price is {node.price}; accepted: 0 or more, of an hour")
