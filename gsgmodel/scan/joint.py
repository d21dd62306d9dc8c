"""Stages 2 and 3 in one actor: where the network runs on the cores that prepare, a video stays in one process.

A process for each stage would import torch twice a core, 4 CPU s of a scan's start, and leave cores idle whenever the
one stage waits for the other; together every core works on whatever its video needs next.
"""

from typing import Any

import pyarrow as pa
from ray.data import ActorPoolStrategy, Dataset

from gsgmodel.model.weights import ModelFiles
from gsgmodel.scan.prepare import PrepareActor, prepare_arguments
from gsgmodel.scan.score import ScoreActor, score_arguments
from gsgmodel.scan.session import Session
from gsgmodel.scan.settings import ScanSettings


def prepare_and_score(
    rows: Dataset, session: Session, *, model: ModelFiles, settings: ScanSettings, canary: bytes | None = None
) -> Dataset:
    """Add to each planned row what is known of the video, and its scores.

    Args:
        rows: Planned rows, one a block.
        session: Ray, with the size of the pool and the gate that is asked before each video.
        model: The model's files; they go through the object store, so that a node fetches them once.
        settings: Which faces and how many clips, and what the backbone computes in.
        canary: Of the model, judged by every actor before its first video; None if it has none.
    """
    arguments = {
        "preparing": prepare_arguments(session, preparation=model.settings.preparation, settings=settings),
        "scoring": score_arguments(session, model=model, settings=settings, canary=canary),
    }
    return rows.map_batches(
        JointActor,
        fn_constructor_kwargs=arguments,
        batch_size=1,
        batch_format="pyarrow",
        num_cpus=session.pools.cpus_per_actor,
        memory=session.pools.memory_per_actor_bytes or None,
        # One task in flight: a killed actor takes no neighbours along.
        compute=ActorPoolStrategy(size=session.pools.prepare_actors, max_tasks_in_flight_per_actor=1),
    )


class JointActor:
    """Holds the face detector and the network of one process, and prepares and scores one video a call."""

    def __init__(self, *, preparing: dict[str, Any], scoring: dict[str, Any]) -> None:
        self._prepare = PrepareActor(**preparing)
        self._score = ScoreActor(**scoring)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Prepare and score the video of a planned row."""
        return self._score(self._prepare(batch))
