"""How many workers train and what each of them gets, so that all can be placed at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gsgmodel.errors import ConfigError
from gsgmodel.scan.preflight import Machine

QUARTERS = 4
"""Cores are given in quarters."""
MOST_CORES = 16
"""What one worker can use: one thread for each computes on a CPU, and reads and changes clips for a GPU."""


@dataclass(frozen=True, kw_only=True)
class Crew:
    """The workers of a training."""

    least: int
    """Fewer do not train; training goes on with as many as are left."""
    most: int
    cpus: float
    """Of each."""
    on_gpu: bool
    """Whether each has a GPU."""

    @property
    def threads(self) -> int:
        """Of each: so many compute, and as many read clips."""
        return max(1, int(self.cpus))


def fit_crew(
    nodes: Sequence[Machine], workers: tuple[int, int] | None, *, device: Literal["auto", "cpu", "gpu"]
) -> Crew:
    """Choose the workers.

    Args:
        nodes: This machine alone, or what is free of each node of a cluster.
        workers: The least and the most that are wanted; None for one a GPU, or one where there is none.
        device: Where they train.

    Returns:
        As many as are wanted, each with as many cores as all of them can have.

    Raises:
        ConfigError: If there is no GPU where one is wanted, or the nodes do not hold the least number.
    """
    num_gpus = sum(node.num_gpus for node in nodes)
    if device == "gpu" and not num_gpus:
        raise ConfigError("--device is gpu, but no GPU is free; accepted: auto or cpu")
    on_gpu = device != "cpu" and num_gpus > 0
    least, most = workers or ((num_gpus, num_gpus) if on_gpu else (1, 1))
    room = _num_placed(nodes, 1 / QUARTERS, on_gpu=on_gpu)
    if room < least:
        cores = sum(node.cores for node in nodes)
        what = f"{num_gpus} GPUs and {cores:g} cores" if on_gpu else f"{cores:g} cores"
        raise ConfigError(f"--workers asks for {least}, and {what} hold {room}; accepted: up to that")
    wanted = min(most, room)
    quarters = max(
        n for n in range(1, MOST_CORES * QUARTERS + 1) if _num_placed(nodes, n / QUARTERS, on_gpu=on_gpu) >= wanted
    )
    # Parts of a core only where a whole one is not to be had.
    cpus = math.floor(quarters / QUARTERS) if quarters >= QUARTERS else quarters / QUARTERS
    return Crew(least=least, most=most, cpus=float(cpus), on_gpu=on_gpu)


def _num_placed(nodes: Sequence[Machine], cpus: float, *, on_gpu: bool) -> int:
    placed = [int(node.cores / cpus) for node in nodes]
    return sum(min(n, node.num_gpus) if on_gpu else n for n, node in zip(placed, nodes, strict=True))
