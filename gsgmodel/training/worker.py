"""What the loop asks of the process that it runs in: alone, or one of many."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
import torch.distributed as dist
from torch import Tensor


@runtime_checkable
class Worker(Protocol):
    """One of the processes that train together. All of them call ``keep`` equally often."""

    rank: int
    world_size: int
    device: torch.device
    threads: int
    """Threads that read clips."""

    def read_latest(self, read: Callable[[Path], None]) -> bool:
        """Bring the latest checkpoint here and have its folder read; False where there is none."""
        ...

    def keep(self, folder: Path | None, metrics: Mapping[str, float]) -> None:
        """Keep a checkpoint.

        Args:
            folder: Holds it, and is the callee's from now on; None of all workers but the first.
            metrics: Of the last epoch.
        """
        ...

    def tell(self, metrics: Mapping[str, float], *, step: int) -> None:
        """Say how far training is; asked of the first worker only, returns at once."""
        ...

    def is_to_stop(self) -> bool:
        """Whether training is to end here with a checkpoint; asked of the first worker only."""
        ...


def add_up(values: Tensor, worker: Worker) -> Tensor:
    """Return the sum of all workers' values, on the host, the same for each."""
    if worker.world_size == 1:
        return values
    shared = values.to(worker.device)
    dist.all_reduce(shared)
    return shared.cpu()
