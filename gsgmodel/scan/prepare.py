"""Stage 2: from a planned row to the crops of its faces, in one actor, because frames must not cross a process.

Decoding, finding faces and cropping share an actor: split, every frame would be copied through the object store (5 GB a
minute of 720p, against 10 MB of crops). One call takes one video and returns one row. A video that fails is the same
row with a status and no crops.
"""

import ctypes
import time
from typing import Any, BinaryIO, Literal, cast

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, Dataset

from gsgmodel.archive.reading import ObjectReader, open_object
from gsgmodel.errors import Status, VideoError
from gsgmodel.faces.clips import ClipMaker
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.records import Preparation, VideoRef
from gsgmodel.scan.rows import PreparedVideo, held_back_row, prepared_row
from gsgmodel.scan.session import Session
from gsgmodel.video.container import DECODER_VERSION
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.reader import open_video

WINDOWS_WIDENED = "windows_widened"
"""Note in the row: the cap on clips made each stand for more than the window that was asked for."""
CROP_REDUCED = "crop_reduced"
"""Note in the row: a face so near the frame's edge that its crop lost more than a fifth of its side."""
FACES_DROPPED = "faces_dropped"
"""Note in the row: faces without any clip, because of the cap on clips."""
CLIPS_DROPPED = "clips_dropped"
"""Note in the row: clips of a face left out, because of the cap on clips."""


def prepare(
    rows: Dataset,
    session: Session,
    *,
    preparation: Preparation,
    faces: Literal["all", "largest"],
    window_s: float,
    max_clips: int,
) -> Dataset:
    """Add to each planned row what is known of the video and its clips.

    Args:
        rows: Planned rows, one a block.
        session: Ray, with the size of the pool and the gate that is asked before each video.
        preparation: How frames become crops.
        faces: All tracks, or the largest one.
        window_s: Length of video that one clip stands for.
        max_clips: Most clips of a video.
    """
    return rows.map_batches(
        PrepareActor,
        fn_constructor_kwargs={
            "preparation": preparation,
            "faces": faces,
            "window_s": window_s,
            "max_clips": max_clips,
            "gate": session.gate,
        },
        batch_size=1,
        batch_format="pyarrow",
        num_cpus=session.pools.cpus_per_actor,
        # One task in flight: a killed actor takes no neighbours along.
        compute=ActorPoolStrategy(size=session.pools.prepare_actors, max_tasks_in_flight_per_actor=1),
    )


TRIM_EVERY = 20
"""Videos between two times that an actor gives free memory back."""


class PrepareActor:
    """Holds the face detector of one process and prepares one video a call."""

    def __init__(
        self,
        *,
        preparation: Preparation,
        faces: Literal["all", "largest"],
        window_s: float,
        max_clips: int,
        gate: Any,
    ) -> None:
        self._preparation = preparation
        self._faces = faces
        self._window_s = window_s
        self._max_clips = max_clips
        self._gate = gate
        self._num_started = 0
        self._detector = FaceDetector(
            long_side_px=preparation.detect_long_side_px,
            min_face_px=preparation.min_face_px,
            thresholds=preparation.detect_thresholds,
        )

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Prepare the one video of a batch."""
        planned = batch.to_pylist()[0]
        if not ray.get(self._gate.enter.remote(planned["video_id"])):
            return held_back_row(planned)
        self._num_started += 1
        if self._num_started % TRIM_EVERY == 0:
            return_free_memory()
        started_s = time.thread_time()
        video = prepare_video(
            VideoRef(**planned),
            detector=self._detector,
            preparation=self._preparation,
            faces=self._faces,
            window_s=self._window_s,
            max_clips=self._max_clips,
        )
        return prepared_row(planned, video, cpu_s=time.thread_time() - started_s)


def return_free_memory() -> None:
    """Give memory that the allocator holds but nobody uses back to the system, where the C library can.

    Frames of many sizes leave glibc's heap in pieces: without this an actor grows by 0.1 MB a video while its memory
    in use stays the same (mallinfo2 over 700 videos: 190 MB in use, 35 and then 141 MB free).
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def prepare_video(
    ref: VideoRef,
    *,
    detector: FaceDetector,
    preparation: Preparation,
    faces: Literal["all", "largest"],
    window_s: float,
    max_clips: int,
) -> PreparedVideo:
    """Read, decode and crop one video; what goes wrong with it becomes its status."""
    source: ObjectReader | None = None
    try:
        with open_object(ref) as source:
            try:
                video = _clips_of(
                    source,
                    maker=ClipMaker(
                        detector,
                        frames_per_clip=preparation.frames_per_clip,
                        crop_scale=preparation.crop_scale,
                        crop_size_px=preparation.crop_size_px,
                        faces=faces,
                        max_clips=max_clips,
                    ),
                    frames_per_clip=preparation.frames_per_clip,
                    window_s=window_s,
                    max_clips=max_clips,
                )
            finally:
                # Also after an error: what was replaced under the decoder is not to be called unreadable.
                source.verify()
    except VideoError as error:
        return PreparedVideo(
            decoder=DECODER_VERSION,
            status=error.status,
            error_class=type(error).__name__,
            error_text=str(error),
            bytes_read=source.bytes_read if source else 0,
        )
    return video


def _clips_of(
    source: ObjectReader, *, maker: ClipMaker, frames_per_clip: int, window_s: float, max_clips: int
) -> PreparedVideo:
    with open_video(
        cast("BinaryIO", source),
        frames_per_clip=frames_per_clip,
        window_s=window_s,
        max_clips=max_clips,
        limits=DecodeLimits(),
    ) as reader:
        for window in reader.read():
            maker.add(window.start_s, window.end_s, window.time_s, window.frames, window.positions)
        clips, counts = maker.finish()
        facts = {
            WINDOWS_WIDENED: reader.is_widened,
            CROP_REDUCED: any(clip.is_reduced for clip in clips),
            FACES_DROPPED: counts.faces_dropped > 0,
            CLIPS_DROPPED: counts.clips_dropped > 0,
        }
        return PreparedVideo(
            decoder=reader.info.decoder,
            status=None if clips else Status.NO_FACE,
            info=reader.info,
            clips=clips,
            frames_decoded=reader.frames_decoded,
            frames_missing=reader.frames_missing,
            bytes_read=source.bytes_read,
            notes=[note for note, is_true in facts.items() if is_true],
        )
