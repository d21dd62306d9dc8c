"""Stage 2: from a planned row to the crops of its faces, in one actor, because frames must not cross a process.

Decoding, finding faces and cropping share an actor: split, every frame would be copied through the object store (5 GB a
minute of 720p, against 10 MB of crops). One call takes one video and returns one row. A video that fails is the same
row with a status and no crops.
"""

import ctypes
import time
from functools import partial
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, Dataset

from gsgmodel.archive.reading import open_object
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.records import Preparation, VideoRef
from gsgmodel.redact import hide_credentials
from gsgmodel.scan.plan import PLAN_SCHEMA
from gsgmodel.scan.rows import held_back_row, prepared_row, unsafe_row
from gsgmodel.scan.session import Session
from gsgmodel.scan.settings import RunSettings
from gsgmodel.scoring.prepare import Companion, VideoPreparer
from gsgmodel.video.process import SandboxError
from gsgmodel.video.reader import open_video
from gsgmodel.video.sandbox import Sandbox


def prepare(rows: Dataset, session: Session, *, preparation: Preparation, settings: RunSettings) -> Dataset:
    """Add to each planned row what is known of the video and its clips.

    Args:
        rows: Planned rows, one a block; a row may name an original and a mask (``scan.labelled``).
        session: Ray, with the size of the pool and the gate that is asked before each video.
        preparation: How frames become crops.
        settings: Which faces and how many clips; how the videos' store is reached.
    """
    return rows.map_batches(
        PrepareActor,
        fn_constructor_kwargs=prepare_arguments(session, preparation=preparation, settings=settings),
        batch_size=1,
        batch_format="pyarrow",
        num_cpus=session.pools.cpus_per_actor,
        memory=session.pools.memory_per_actor_bytes or None,
        # One task in flight: a killed actor takes no neighbours along.
        compute=ActorPoolStrategy(size=session.pools.prepare_actors, max_tasks_in_flight_per_actor=1),
    )


def prepare_arguments(session: Session, *, preparation: Preparation, settings: RunSettings) -> dict[str, Any]:
    """What a ``PrepareActor`` is made with."""
    return {"preparation": preparation, "settings": settings, "gate": session.gate}


TRIM_EVERY = 20
"""Videos between two times that an actor gives free memory back."""


class PrepareActor:
    """Holds the face detector of one process and prepares one video a call."""

    def __init__(self, *, preparation: Preparation, settings: RunSettings, gate: Any) -> None:
        self._s3_endpoint = settings.s3_endpoint
        self._gate = gate
        self._num_started = 0
        hide_credentials()
        detector = FaceDetector.of(preparation)
        self._sandbox = None if settings.sandbox == "off" else Sandbox(is_required=settings.sandbox == "require")
        self._preparer = VideoPreparer(
            detector=detector,
            preparation=preparation,
            faces=settings.faces,
            window_s=settings.window_s,
            max_clips=settings.max_clips,
            opener=self._sandbox.open if self._sandbox else open_video,
        )

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Prepare the one video of a batch."""
        planned = batch.to_pylist()[0]
        if not ray.get(self._gate.enter.remote(planned["video_id"])):
            return held_back_row(planned)
        self._num_started += 1
        if self._num_started % TRIM_EVERY == 0:
            return_free_memory()
        started_s = self._cpu_s()
        ref = VideoRef(**{name: planned[name] for name in PLAN_SCHEMA.names})
        try:
            measures = self._sandbox.measures if self._sandbox else ("off",)
            video = self._preparer.prepare(
                partial(open_object, ref, s3_endpoint=self._s3_endpoint),
                original=self._companion("original", planned),
                mask=self._companion("mask", planned),
            )
        except SandboxError as error:
            return unsafe_row(planned, str(error))
        return prepared_row(planned, video, cpu_s=self._cpu_s() - started_s, sandbox="+".join(measures))

    def _cpu_s(self) -> float:
        return time.thread_time() + (self._sandbox.cpu_s if self._sandbox else 0.0)

    def _companion(self, column: str, planned: dict[str, Any]) -> Companion | None:
        facts = planned.get(column)
        if facts is None:
            return None
        ref = VideoRef(**facts)
        return Companion(
            name=f"{column} {ref.uri}", open_source=partial(open_object, ref, s3_endpoint=self._s3_endpoint)
        )


def return_free_memory() -> None:
    """Give memory that the allocator holds but nobody uses back to the system, where the C library can.

    Frames of many sizes leave glibc's heap in pieces: without this an actor grows by 0.1 MB a video while its memory
    in use stays the same (mallinfo2 over 700 videos: 190 MB in use, 35 and then 141 MB free).
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
