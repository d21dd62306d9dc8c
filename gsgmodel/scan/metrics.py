"""Figures of a run for a cluster's dashboards, by way of Ray's own metrics."""

from collections.abc import Mapping
from functools import cached_property

from ray.util import metrics

from gsgmodel.clips.schema import PREPARED
from gsgmodel.errors import Status

VIDEOS, PLANNED, CLIPS, FLAGGED = "gsg_videos", "gsg_planned_videos", "gsg_clips", "gsg_flagged"
CPU_S = "gsg_stage_cpu_seconds"
"""Counters; Prometheus has them as ``ray_gsg_videos_total`` and so on. How many videos are in work is a gauge of the
gate's (``gsgmodel.scan.gate``). What is planned only grows, and a counter stays where nobody tells it anew."""
_STAGES = ("prepare_cpu_s", "score_cpu_s", "keep_cpu_s")


class ClusterMetrics:
    """Counts what a run has finished: videos by status, clips, flagged videos, CPU seconds by stage."""

    def __init__(self, run_id: str) -> None:
        """Begin at nothing.

        Args:
            run_id: Of the run, which every count bears.
        """
        self._run_id = run_id
        self._told: dict[tuple[str, str], float] = {}

    @cached_property
    def _counters(self) -> dict[str, metrics.Counter]:
        """Made when the first is needed: by then Ray runs."""
        return {
            VIDEOS: _counter(VIDEOS, "Finished videos.", "status"),
            PLANNED: _counter(PLANNED, "Videos to do, with those that are done."),
            CLIPS: _counter(CLIPS, "Clips of finished videos."),
            FLAGGED: _counter(FLAGGED, "Videos at the threshold or above."),
            CPU_S: _counter(CPU_S, "CPU seconds of the work on finished videos.", "stage"),
        }

    def tell(self, done: Mapping[str, float]) -> None:
        """Count what is new.

        Args:
            done: Of the whole run until now: ``planned``, ``clips``, ``flagged``, CPU seconds by stage, and how many
                videos have each status.
        """
        self._count(PLANNED, "", done.get("planned", 0))
        self._count(CLIPS, "", done.get("clips", 0))
        self._count(FLAGGED, "", done.get("flagged", 0))
        for stage in _STAGES:
            self._count(CPU_S, stage.removesuffix("_cpu_s"), done.get(stage, 0.0))
        for status in (*(each.value for each in Status), PREPARED):
            self._count(VIDEOS, status, done.get(status, 0))

    def _count(self, name: str, which: str, total: float) -> None:
        more = total - self._told.get((name, which), 0.0)
        # What was unavailable is tried again, and counted down then; counters only go up.
        if more > 0:
            tag = {VIDEOS: "status", CPU_S: "stage"}.get(name)
            self._counters[name].inc(more, tags={"run_id": self._run_id} | ({tag: which} if tag else {}))
            self._told[name, which] = total


def _counter(name: str, description: str, *tags: str) -> metrics.Counter:
    return metrics.Counter(name, description=description, tag_keys=("run_id", *tags))
