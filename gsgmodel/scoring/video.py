"""One video at a time, from its name to its row, in one process: what a served model does and what stages share."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from gsgmodel.archive.candidates import LeftOut
from gsgmodel.archive.conditions import parse_filters
from gsgmodel.archive.identity import canonical_uri, is_s3, local_path
from gsgmodel.archive.local import named_file
from gsgmodel.archive.objects import named_object
from gsgmodel.archive.reading import open_object
from gsgmodel.errors import ConfigError, DeniedError, MissingError, Status, UnavailableError, VideoError
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.model.reference import build_network
from gsgmodel.model.weights import ModelFiles
from gsgmodel.records import FaceClip, VideoRef
from gsgmodel.redact import redact
from gsgmodel.scoring.network import ClipScorer, combine_with
from gsgmodel.scoring.prepare import PreparedVideo, VideoPreparer
from gsgmodel.scoring.verdict import Combine, ScoredClip, judge
from gsgmodel.video.reader import Opener
from gsgmodel.video.sandbox import Sandbox

COLUMNS = (
    *("uri", "status", "error_class", "error_text", "score", "score_global", "score_fusion"),
    *("num_faces", "num_clips", "faces", "duration_s", "width_px", "height_px", "codec", "native_fps"),
    *("frames_decoded", "frames_missing", "notes", "model_version", "model_digest"),
)
"""Of a video's row, in the order of the table: all that does not concern a run."""
_GONE: dict[str, type[VideoError]] = {
    "missing": MissingError,
    "not_a_file": MissingError,
    "denied": DeniedError,
    "unavailable": UnavailableError,
}


class VideoScorer:
    """Scores one video after the other on the CPU, without Ray, as a scan in float32 does."""

    def __init__(
        self,
        files: ModelFiles,
        *,
        faces: Literal["all", "largest"] = "all",
        window_s: float = 60.0,
        max_clips: int = 32,
        batch_clips: int = 4,
        wrap: Callable[[Opener], Opener] | None = None,
    ) -> None:
        """Load the networks.

        Args:
            files: The model.
            faces: Which faces are scored.
            window_s: Length of video that one clip stands for.
            max_clips: Most clips of a video.
            batch_clips: Clips that the network judges at once.
            wrap: Makes of what opens videos something else that does.
        """
        self._files = files
        preparation = files.settings.preparation
        self._sandbox = Sandbox()
        self._preparer = VideoPreparer(
            detector=FaceDetector.of(preparation),
            preparation=preparation,
            faces=faces,
            window_s=window_s,
            max_clips=max_clips,
            opener=wrap(self._sandbox.open) if wrap else self._sandbox.open,
        )
        self._network = ClipScorer(build_network(files), batch_clips=batch_clips, device="cpu")
        self._combine = combine_with(files)

    def score(self, ref: VideoRef) -> dict[str, Any]:
        """Return the row of a listed video, with every one of ``COLUMNS``."""
        return self.judge(ref.uri, self.prepare(ref))

    def prepare(self, ref: VideoRef, *, s3_endpoint: str | None = None) -> PreparedVideo:
        """Return what becomes of a listed video before the network; the address is that of its store, if it has one."""
        return self._preparer.prepare(partial(open_object, ref, s3_endpoint=s3_endpoint))

    def judge(self, uri: str, video: PreparedVideo) -> dict[str, Any]:
        """Return the row of a prepared video."""
        prepared = prepared_facts(video)
        scored: list[ScoredClip] = []
        if video.clips:
            (scored,) = self._network.score([np.stack([clip.crops for clip in video.clips])])
        return self._row(uri, prepared | scored_facts(prepared, scored, combine=self._combine))

    def score_named(self, name: str) -> dict[str, Any]:
        """Return the row of a video by its path or URI; one that cannot be found has a row too."""
        try:
            ref = find_video(name)
        except (VideoError, ConfigError) as error:
            status = error.status if isinstance(error, VideoError) else Status.MISSING
            facts = {"status": status, "error_class": type(error).__name__, "error_text": redact(str(error))}
            return self._row(redact(name), facts)
        return self.score(ref)

    def _row(self, uri: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        model = {"model_version": self._files.version, "model_digest": self._files.digest}
        row = dict.fromkeys(COLUMNS) | {"num_faces": 0, "num_clips": 0, "faces": [], "notes": []}
        row |= {"frames_decoded": 0, "frames_missing": 0, "uri": uri, **model, **facts}
        return {name: row[name] for name in COLUMNS}


def find_video(name: str, *, s3_endpoint: str | None = None) -> VideoRef:
    """Look up one video; whatever it is called, and whether or not it is one.

    Args:
        name: A path, or a ``file://`` or ``s3://`` URI; any other scheme is a ``ConfigError``.
        s3_endpoint: Of the store, or None for the environment's.

    Returns:
        The file as it is now. One that is not there, is a folder, may not be read, or whose store does not answer
        is a ``VideoError``.
    """
    filters = parse_filters(())
    if is_s3(name):
        found = named_object(canonical_uri(name), filters=filters, endpoint=s3_endpoint)
    else:
        found = named_file(local_path(name), filters=filters)
    if isinstance(found, LeftOut):
        reason = found.reason.replace("_", " ")
        raise _GONE.get(found.reason, UnavailableError)(f"{reason} when it was looked up")
    return found


def prepared_facts(video: PreparedVideo) -> dict[str, Any]:
    """Return what a row says of a prepared video, its crops apart."""
    info = video.info
    return {
        "status": video.status,
        "error_class": video.error_class,
        "error_text": video.error_text,
        "duration_s": info.duration_s if info else None,
        "width_px": info.width_px if info else None,
        "height_px": info.height_px if info else None,
        "codec": info.codec if info else None,
        "native_fps": info.native_fps if info else None,
        "frames_decoded": video.frames_decoded,
        "frames_missing": video.frames_missing,
        "bytes_read": video.bytes_read,
        "decoder": video.decoder,
        "notes": video.notes,
        "crash_signal": video.crash_signal,
        "crash_stage": video.crash_stage,
        "attempts": video.attempts,
        "clips": [_clip_facts(clip) for clip in video.clips],
    }


def scored_facts(prepared: Mapping[str, Any], scored: Sequence[ScoredClip], *, combine: Combine) -> dict[str, Any]:
    """Return what scoring adds to a prepared row; of a video without clips, that it has no faces.

    Args:
        prepared: With ``status``, ``notes`` and ``clips`` as in ``prepared_facts``.
        scored: What the network says of each clip.
        combine: As in ``judge``.
    """
    if prepared["status"] is not None:
        return {"num_faces": 0, "num_clips": 0, "faces": []}
    columns, notes = judge(prepared["clips"], scored, combine=combine)
    return columns | {"status": Status.SCORED, "notes": prepared["notes"] + notes}


def _clip_facts(clip: FaceClip) -> dict[str, Any]:
    return {
        "track_id": clip.track_id,
        "start_s": clip.start_s,
        "end_s": clip.end_s,
        "time_s": clip.time_s.tolist(),
        "boxes_px": clip.boxes_px.ravel().tolist(),
        "detected": clip.detected.tolist(),
    }
