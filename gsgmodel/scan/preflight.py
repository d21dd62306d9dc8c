"""Fit the pools of actors to the machine before any work: in Ray 2.60 a plan that does not fit hangs without a word."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import takewhile
from pathlib import Path
from typing import Literal

import joblib
import psutil

from gsgmodel.errors import ConfigError

GIB = 1 << 30
PREPARE_BYTES = int(1.75 * GIB)
"""Memory of a prepare actor; 1.65 GB at most over 25 videos up to 1080p (tests/bench/scan.py)."""
SCORE_BYTES = int(1.4 * GIB)
"""Memory of a score actor with ResNet-34 on a CPU; 1.32 GB at most (tests/bench/scan.py)."""
JOINT_BYTES = int(2.25 * GIB)
"""Memory of an actor that prepares and scores, and of its decoder; the actor took 0.9 GB of its own at most over 25
videos up to 1080p (tests/bench/scan.py)."""
DRIVER_BYTES = int(1.25 * GIB)
"""Memory of the driver, which reads the weights; 1.18 GB at most (tests/bench/scan.py)."""
ROW_BYTES = 64 << 20
"""The largest prepared row: 32 clips of 12 crops."""
MIN_OBJECT_STORE_BYTES = 256 << 20
CORES_PER_KEEPER = 16
"""Without a network the second stage writes a clip in 7 ms; a core prepares one in 0.8 s (tests/bench/shards.py)."""
_STEPS = 1000
"""Shares of a core are whole thousandths; Ray counts in ten-thousandths."""
GPUS = Path("/proc/driver/nvidia/gpus")
"""Holds a folder for each GPU of the machine, where its driver is loaded."""
ACTORS_PER_CORE = Fraction(3, 4)
"""That prepare, where score actors on CPUs are asked for: either stage takes 40 to 60 % of the time, depending on the
faces in a video, so both pools together outnumber the cores. On two cores 2 + 2 actors keep 0.94 of them busy, 2 + 1
only 0.69 (tests/bench/scan.py over 25 real videos with 52 clips)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a plan has to fit into: this machine, or what is free of one node of a cluster."""

    cores: float
    memory_bytes: int
    num_gpus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user asks of the pools."""

    device: Literal["auto", "cpu", "gpu", "none"]
    """Where the network runs; none where the second stage has no network and next to nothing to do."""
    prepare_actors: int | None
    """None to choose."""
    score_actors: int | None
    """None to choose: one a GPU, and none of their own where the network runs on the cores that prepare."""
    batch_clips: int
    """Clips of one forward pass; a call of the second stage takes as many rows, unless it runs on a CPU's cores."""

    @property
    def second(self) -> str:
        """What the second stage is called."""
        return "keep" if self.device == "none" else "score"

    @property
    def advice(self) -> str:
        """What to do where the actors do not fit."""
        return "set fewer --prepare-actors" + ("" if self.device == "none" else " or --score-actors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """How many actors of each stage, and what each reserves. The second stage scores, or keeps what was prepared.

    Without actors of its own it runs in those that prepare.
    """

    prepare_actors: int
    score_actors: int
    cpus_per_actor: float
    """Of a prepare actor, and of a score actor on a CPU."""
    gpus_per_score_actor: float
    has_network: bool = True
    """Whether the second stage runs one."""
    rows_per_score_call: int
    object_store_bytes: int
    """Of the Ray that is started here; a cluster's is as it is."""
    memory_per_actor_bytes: int = 0
    """What an actor reserves on a cluster, so that no node gets more than it holds; nothing on one machine."""

    @property
    def is_joint(self) -> bool:
        """Whether the actors that prepare also score."""
        return not self.score_actors

    @property
    def cpus_per_score_actor(self) -> float:
        """One that needs none reserves none: waiting for a core that prepare actors hold would never end."""
        return self.cpus_per_actor if self.scores_on_cores else 0.0

    @property
    def scores_on_cores(self) -> bool:
        """Whether the network runs on the cores that prepare."""
        return self.has_network and not self.gpus_per_score_actor

    @property
    def max_in_work(self) -> int:
        """Videos between their start and their arrival: every actor busy, one more batch waiting at each."""
        return self.prepare_actors * 2 + self.score_actors * self.rows_per_score_call * 3


def this_machine() -> Machine:
    """Return the cores and memory that this process may use, container limits included, and the GPUs."""
    memory_bytes = psutil.virtual_memory().total
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text().strip()).isdigit():
        memory_bytes = min(memory_bytes, int(text))
    return Machine(cores=joblib.cpu_count(), memory_bytes=memory_bytes, num_gpus=_count_gpus())


def fit_for(num_videos: int, wishes: Wishes, nodes: Sequence[Machine], *, on_cluster: bool) -> Pools:
    """Choose the pools as ``fit_machine`` or ``fit_nodes`` does, without actors that no video would ever reach.

    Args:
        num_videos: What is to be scored; at least 1.
        wishes: What the user asks for.
        nodes: This machine alone, or what is free of each node of a cluster.
        on_cluster: Which of the two. What does not fit is a ``ConfigError``.
    """

    def fit(wanted: Wishes) -> Pools:
        return fit_nodes(nodes, wanted) if on_cluster else fit_machine(nodes[0], wanted)

    pools = fit(wishes)
    most = min(num_videos, max(pools.prepare_actors, pools.score_actors))
    if pools.prepare_actors <= most and pools.score_actors <= most:
        return pools
    prepare = wishes.prepare_actors or min(pools.prepare_actors, most)
    return fit(
        replace(
            wishes, prepare_actors=prepare, score_actors=wishes.score_actors or min(pools.score_actors, most) or None
        )
    )


def fit_machine(machine: Machine, wishes: Wishes) -> Pools:
    """Choose how many actors run and what each reserves, so that all of them can be placed at once.

    Args:
        machine: What there is.
        wishes: What the user asks for.

    Raises:
        ConfigError: If a GPU is asked for and there is none, or if the memory or the cores cannot hold the actors.
    """
    if wishes.device == "gpu" and machine.num_gpus == 0:
        raise ConfigError("--device is gpu, but no GPU is visible here; accepted: auto or cpu")
    on_gpu = _is_on_gpu(wishes.device, machine.num_gpus)
    score = _score_actors(wishes, cores=machine.cores, num_gpus=machine.num_gpus if on_gpu else 0)
    if on_gpu and score > machine.num_gpus:
        raise ConfigError(f"--score-actors is {score}, but there are {machine.num_gpus} GPUs; accepted: up to that")
    has_cores = on_gpu or not score or wishes.device == "none"
    room = _free_bytes(machine, prepare=0, score=score) // _prepare_bytes(score)
    most = math.floor(machine.cores) if has_cores else _actors_for(machine.cores)
    prepare = wishes.prepare_actors or max(1, min(most, room))
    _check_memory(machine, prepare=prepare, score=score, wishes=wishes)
    # Rounding down keeps the sum within the cores.
    cpus_per_actor = int(min(1.0, machine.cores / (prepare + score)) * _STEPS) / _STEPS
    if cpus_per_actor <= 0:
        raise ConfigError(f"{prepare + score} actors do not fit {machine.cores:g} cores: {wishes.advice}")
    return Pools(
        prepare_actors=prepare,
        score_actors=score,
        cpus_per_actor=cpus_per_actor,
        gpus_per_score_actor=1.0 if on_gpu else 0.0,
        has_network=wishes.device != "none",
        rows_per_score_call=(rows := _rows_per_call(wishes, on_gpu=on_gpu)),
        object_store_bytes=min(
            MIN_OBJECT_STORE_BYTES + _free_bytes(machine, prepare=prepare, score=score),
            _object_store_bytes(machine, rows=prepare * 2 + score * rows * 3),
        ),
    )


def fit_nodes(nodes: Sequence[Machine], wishes: Wishes) -> Pools:
    """Choose the pools for a cluster, so that every actor can be placed whichever comes first.

    Actors on CPUs are alike in what they reserve; then any mix of them fits wherever their number does.

    Args:
        nodes: What is free of each node; its memory is what Ray gives to actors, the object store not among it.
        wishes: What the user asks for.

    Raises:
        ConfigError: If the nodes hold fewer actors than one of each stage, or fewer than were asked for.
    """
    num_gpus = sum(node.num_gpus for node in nodes)
    on_gpu = _is_on_gpu(wishes.device, num_gpus)
    score = _score_actors(wishes, cores=sum(node.cores for node in nodes), num_gpus=num_gpus if on_gpu else 0)
    has_cores = on_gpu or not score or wishes.device == "none"
    each_bytes = _prepare_bytes(score)
    pairs = [min(_actors_for(node.cores), node.memory_bytes // (PREPARE_BYTES + SCORE_BYTES)) for node in nodes]
    alone = [
        min(math.floor(node.cores), (node.memory_bytes - (node.num_gpus if on_gpu else 0) * SCORE_BYTES) // each_bytes)
        for node in nodes
    ]
    prepare = wishes.prepare_actors or max(1, sum(max(0, each) for each in (alone if has_cores else pairs)))
    if wishes.device == "gpu" and not on_gpu:
        raise ConfigError("--device is gpu, but no GPU of the cluster is free; accepted: auto or cpu")
    if on_gpu and score > num_gpus:
        raise ConfigError(f"--score-actors is {score}, but {num_gpus} GPUs are free; accepted: up to that")
    num_actors = prepare if has_cores else prepare + score
    steps = _largest_share(nodes, num_actors, each_bytes=each_bytes)
    if not steps:
        cores, memory_gib = sum(node.cores for node in nodes), sum(node.memory_bytes for node in nodes) / GIB
        raise ConfigError(
            f"{_actors_text(prepare, score, wishes)} do not fit what is free of the cluster, {cores:g} cores and "
            f"{memory_gib:.1f} GiB on {len(nodes)} nodes: {wishes.advice}"
        )
    return Pools(
        prepare_actors=prepare,
        score_actors=score,
        cpus_per_actor=steps / _STEPS,
        gpus_per_score_actor=1.0 if on_gpu else 0.0,
        has_network=wishes.device != "none",
        rows_per_score_call=_rows_per_call(wishes, on_gpu=on_gpu),
        object_store_bytes=0,
        memory_per_actor_bytes=each_bytes,
    )


def _rows_per_call(wishes: Wishes, *, on_gpu: bool) -> int:
    """A GPU gets two batches, so that one travels while it computes the other; a CPU is as fast with one video."""
    return wishes.batch_clips * 2 if on_gpu else wishes.batch_clips if wishes.device == "none" else 1


def _is_on_gpu(device: str, num_gpus: int) -> bool:
    return device in {"auto", "gpu"} and num_gpus > 0


def _largest_share(nodes: Sequence[Machine], num_actors: int, *, each_bytes: int) -> int:
    """The largest share of a core, in thousandths, at which the nodes hold so many actors; 0 if none does."""
    least, most = 0, _STEPS
    while least < most:
        steps = (least + most + 1) // 2
        room = sum(min(int(node.cores * _STEPS) // steps, node.memory_bytes // each_bytes) for node in nodes)
        least, most = (steps, most) if room >= num_actors else (least, steps - 1)
    return least


def _score_actors(wishes: Wishes, *, cores: float, num_gpus: int) -> int:
    """As many as are asked for, or one a GPU: none of their own on CPUs."""
    if wishes.device == "none":
        return wishes.score_actors or max(1, int(cores) // CORES_PER_KEEPER)
    return wishes.score_actors or num_gpus


def _prepare_bytes(score_actors: int) -> int:
    return PREPARE_BYTES if score_actors else JOINT_BYTES


def _actors_text(prepare: int, score: int, wishes: Wishes) -> str:
    return f"{prepare} prepare and {score} {wishes.second} actors" if score else f"{prepare} prepare actors"


def _actors_for(cores: float) -> int:
    return math.ceil(cores * float(ACTORS_PER_CORE))


def _check_memory(machine: Machine, *, prepare: int, score: int, wishes: Wishes) -> None:
    if _free_bytes(machine, prepare=prepare, score=score) < 0:
        need_bytes = machine.memory_bytes - _free_bytes(machine, prepare=prepare, score=score)
        raise ConfigError(
            f"{_actors_text(prepare, score, wishes)} need about {need_bytes / GIB:.1f} GiB of memory, and there are "
            f"{machine.memory_bytes / GIB:.1f}: {wishes.advice}"
        )


def _free_bytes(machine: Machine, *, prepare: int, score: int) -> int:
    fixed = DRIVER_BYTES + MIN_OBJECT_STORE_BYTES
    return machine.memory_bytes - fixed - prepare * _prepare_bytes(score) - score * SCORE_BYTES


def _object_store_bytes(machine: Machine, *, rows: int) -> int:
    return max(MIN_OBJECT_STORE_BYTES, min(rows * ROW_BYTES, int(machine.memory_bytes * 0.3)))


def _count_gpus() -> int:
    present = len(list(GPUS.glob("*")))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return present
    # CUDA reads the list up to the first name that is no device; -1 is the usual way to hide all.
    names = takewhile(lambda name: name and not name.startswith("-"), (name.strip() for name in visible.split(",")))
    return min(present, len(list(names)))
