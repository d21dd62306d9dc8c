"""The gate that prepare actors ask before each video: it bounds what is in work and stops new work at once."""

import asyncio
import contextlib
from typing import Any

import ray
from ray.util.metrics import Gauge
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

IN_WORK = "gsg_videos_in_work"
SHOW_EVERY_S = 5.0
"""Ray forgets a gauge that nobody sets within 20 s."""
WAIT_S = 120.0
"""A slot that is not given back in this time no longer holds others up: a lost row must not become a hang."""


class Gate:
    """Counts the videos between their start and their arrival at the driver; runs as one small Ray actor.

    Ray Data's own back-pressure counts bytes and lets hundreds of prepared videos queue before the network. Bounding
    videos keeps what a stop has to drain, and what a kill throws away, to a few seconds of work.
    """

    def __init__(self, max_in_work: int, run_id: str = "") -> None:
        self._max_in_work = max_in_work
        self._run_id = run_id
        self._in_work: set[bytes] = set()
        self._is_closed = False
        self._changed = asyncio.Condition()

    async def enter(self, video_id: bytes) -> bool:
        """Wait for room and say whether the video may start; a video that was let in before may start again."""
        async with self._changed:
            if not self._has_room(video_id):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait_for(lambda: self._has_room(video_id)), WAIT_S)
            if self._is_closed and video_id not in self._in_work:
                return False
            self._in_work.add(video_id)
            return True

    async def leave(self, video_ids: list[bytes]) -> None:
        """Give back the slots of videos that arrived at the driver."""
        async with self._changed:
            self._in_work.difference_update(video_ids)
            self._changed.notify_all()

    async def show(self) -> None:
        """Show for as long as the gate is there how many videos are in work, among the cluster's metrics."""
        shown = Gauge(IN_WORK, description="Videos that have begun and not arrived.", tag_keys=("run_id",))
        while True:
            shown.set(len(self._in_work), tags={"run_id": self._run_id})
            await asyncio.sleep(SHOW_EVERY_S)

    async def close(self) -> int:
        """Let nothing new start, and return how many videos are in work."""
        async with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            return len(self._in_work)

    def _has_room(self, video_id: bytes) -> bool:
        return self._is_closed or video_id in self._in_work or len(self._in_work) < self._max_in_work


def open_gate(*, max_in_work: int, run_id: str | None = None) -> Any:
    """Start the gate as an actor that needs no core and comes back if its process dies.

    Args:
        max_in_work: Most videos between their start and their arrival.
        run_id: Of the run as which their number is shown among the cluster's metrics; not by default.
    """
    # On the driver's node: losing another one must not forget what is in work.
    here = NodeAffinitySchedulingStrategy(node_id=ray.get_runtime_context().get_node_id(), soft=True)
    actor = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1, scheduling_strategy=here)(Gate)
    gate = actor.remote(max_in_work, run_id or "")
    if run_id is not None:
        gate.show.remote()
    return gate
