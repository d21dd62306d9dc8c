"""Where the workers of a training and its driver leave word for each other: one small Ray actor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

MOST_POINTS = 10_000
"""Points that wait for a driver that does not take them; what comes after them is dropped."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """How far training was at a moment."""

    step: int
    """Steps done since the beginning of the training; of an epoch's results, the epochs that are done."""
    metrics: Mapping[str, float]


@dataclass(kw_only=True)
class Desk:
    """Holds what was said until it is heard; runs as an actor."""

    points: list[Point] = field(default_factory=list)
    failure: str | None = None
    """Why training cannot go on, whoever said it first."""
    is_asked_to_stop: bool = False

    def tell(self, point: Point) -> None:
        """Leave a point for the driver."""
        if len(self.points) < MOST_POINTS:
            self.points.append(point)

    def fail(self, reason: str) -> None:
        """Say that training cannot go on."""
        self.failure = self.failure or reason

    def has_failed(self) -> bool:
        """Whether anybody said so."""
        return self.failure is not None

    def ask_to_stop(self) -> None:
        """Ask the workers to end with a checkpoint."""
        self.is_asked_to_stop = True

    def is_to_stop(self) -> bool:
        """Whether the workers are to end."""
        return self.is_asked_to_stop

    def take(self) -> tuple[list[Point], str | None]:
        """Return the points that were left since, and why training cannot go on if it cannot."""
        points, self.points = self.points, []
        return points, self.failure


def open_desk() -> Any:
    """Start the desk on the driver's node, as an actor that needs no core."""
    here = NodeAffinitySchedulingStrategy(node_id=ray.get_runtime_context().get_node_id(), soft=True)
    return ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1, scheduling_strategy=here)(Desk).remote()
