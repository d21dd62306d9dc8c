"""From a listed video to the crops of its faces, or to the status that says why there are none."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, cast

from gsgmodel.archive.reading import ObjectReader
from gsgmodel.errors import Status, VideoError
from gsgmodel.faces.clips import ClipMaker
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.records import FaceClip, Preparation, VideoInfo
from gsgmodel.redact import redact
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


@dataclass(frozen=True, kw_only=True)
class PreparedVideo:
    """What became of a video before the network: its clips, or the status that says why there are none."""

    decoder: str
    status: Status | None = None
    """None while there are clips to score."""
    error_class: str | None = None
    error_text: str | None = None
    info: VideoInfo | None = None
    clips: list[FaceClip] = field(default_factory=list)
    frames_decoded: int = 0
    frames_missing: int = 0
    bytes_read: int = 0
    notes: list[str] = field(default_factory=list)


def prepare_video(
    open_source: Callable[[], ObjectReader],
    *,
    detector: FaceDetector,
    preparation: Preparation,
    faces: Literal["all", "largest"],
    window_s: float,
    max_clips: int,
) -> PreparedVideo:
    """Read, decode and crop one video; what goes wrong with it becomes its status.

    Args:
        open_source: Opens the listed object (``open_object``); may raise what happened to it since.
        detector: Finds the faces.
        preparation: How frames become crops.
        faces: All tracks, or the largest one.
        window_s: Length of video that one clip stands for.
        max_clips: Most clips of a video.
    """
    source: ObjectReader | None = None
    try:
        with open_source() as source:
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
            error_text=redact(str(error)),
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
