"""Fit the pools of actors to the machine before any work: in Ray 2.60 a plan that does not fit hangs without a word."""

import math
import os
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile
from pathlib import Path
from typing import Literal

import joblib
import psutil

from gsgmodel.errors import ConfigError

GIB = 1 << 30
READ_CPUS = 0.05
"""Share of a core that the task that reads the plan reserves; it does next to nothing."""
PREPARE_BYTES = int(1.75 * GIB)
"""Memory of a prepare actor; 1.65 GB at most over 25 videos up to 1080p (tests/bench/scan.py)."""
SCORE_BYTES = int(1.4 * GIB)
"""Memory of a score actor with ResNet-34 on a CPU; 1.32 GB at most (tests/bench/scan.py)."""
DRIVER_BYTES = int(1.25 * GIB)
"""Memory of the driver, which reads the weights; 1.18 GB at most (tests/bench/scan.py)."""
ROW_BYTES = 64 << 20
"""The largest prepared row: 32 clips of 12 crops."""
MIN_OBJECT_STORE_BYTES = 256 << 20
GPUS = Path("/proc/driver/nvidia/gpus")
"""Holds a folder for each GPU of the machine, where its driver is loaded."""
ACTORS_PER_CORE = Fraction(3, 4)
"""Of each stage, where both run on the CPU: either takes 40 to 60 % of the time, depending on the faces in a video, so
both pools together outnumber the cores. On two cores 2 + 2 actors keep 0.94 of them busy, 2 + 1 only 0.69
(tests/bench/scan.py over 25 real videos with 52 clips)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a plan has to fit into."""

    cores: int
    memory_bytes: int
    num_gpus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """How many actors of each stage, and what each reserves."""

    prepare_actors: int
    score_actors: int
    cpus_per_actor: float
    gpus_per_score_actor: float
    rows_per_score_call: int
    object_store_bytes: int

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


def fit_pools(
    machine: Machine,
    *,
    device: Literal["auto", "cpu", "gpu"],
    prepare_actors: int | None,
    score_actors: int | None,
    batch_clips: int,
) -> Pools:
    """Choose how many actors run and what each reserves, so that all of them can be placed at once.

    Args:
        machine: What there is.
        device: Where the network runs.
        prepare_actors: As asked for, or None to choose.
        score_actors: As asked for, or None to choose.
        batch_clips: Clips of one forward pass; a score call takes as many rows.

    Raises:
        ConfigError: If a GPU is asked for and there is none, or if the memory or the cores cannot hold the actors.
    """
    if device == "gpu" and machine.num_gpus == 0:
        raise ConfigError("--device is gpu, but no GPU is visible here; accepted: auto or cpu")
    on_gpu = device != "cpu" and machine.num_gpus > 0
    score = score_actors or (machine.num_gpus if on_gpu else _score_actors(machine, prepare_actors=prepare_actors))
    if on_gpu and score > machine.num_gpus:
        raise ConfigError(f"--score-actors is {score}, but there are {machine.num_gpus} GPUs; accepted: up to that")
    room = _free_bytes(machine, prepare=0, score=score) // PREPARE_BYTES
    prepare = prepare_actors or max(1, min(machine.cores if on_gpu else _actors_for(machine.cores), room))
    _check_memory(machine, prepare=prepare, score=score)
    # Ray counts in steps of 0.0001; rounding down keeps the sum within the cores.
    cpus_per_actor = int(min(1.0, (machine.cores - READ_CPUS) / (prepare + score)) * 1000) / 1000
    if cpus_per_actor <= 0:
        raise ConfigError(f"{prepare + score} actors do not fit {machine.cores} cores: set fewer --prepare-actors")
    return Pools(
        prepare_actors=prepare,
        score_actors=score,
        cpus_per_actor=cpus_per_actor,
        gpus_per_score_actor=1.0 if on_gpu else 0.0,
        # On a CPU a batch of one video is as fast and keeps fewer videos in work.
        rows_per_score_call=batch_clips if on_gpu else 1,
        object_store_bytes=min(
            MIN_OBJECT_STORE_BYTES + _free_bytes(machine, prepare=prepare, score=score),
            _object_store_bytes(machine, rows=prepare * 2 + score * batch_clips * 3),
        ),
    )


def _score_actors(machine: Machine, *, prepare_actors: int | None) -> int:
    """As many as keep up with the prepare actors, of those that the memory holds together with them."""
    if prepare_actors is not None:
        by_memory = _free_bytes(machine, prepare=prepare_actors, score=0) // SCORE_BYTES
    else:
        by_memory = _free_bytes(machine, prepare=0, score=0) // (PREPARE_BYTES + SCORE_BYTES)
    return max(1, min(_actors_for(machine.cores), by_memory))


def _actors_for(cores: int) -> int:
    return math.ceil(cores * ACTORS_PER_CORE)


def _check_memory(machine: Machine, *, prepare: int, score: int) -> None:
    if _free_bytes(machine, prepare=prepare, score=score) < 0:
        need = prepare * PREPARE_BYTES + score * SCORE_BYTES + DRIVER_BYTES + MIN_OBJECT_STORE_BYTES
        raise ConfigError(
            f"{prepare} prepare and {score} score actors need about {need / GIB:.1f} GiB of memory, and there are "
            f"{machine.memory_bytes / GIB:.1f}: set fewer --prepare-actors or --score-actors"
        )


def _free_bytes(machine: Machine, *, prepare: int, score: int) -> int:
    fixed = DRIVER_BYTES + MIN_OBJECT_STORE_BYTES
    return machine.memory_bytes - fixed - prepare * PREPARE_BYTES - score * SCORE_BYTES


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
