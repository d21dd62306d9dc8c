"""From a listed video to the crops of its faces, or to the status that says why there are none."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO, Literal, TypeVar, cast

import numpy as np
from jaxtyping import UInt8

from gsgmodel.archive.reading import ObjectReader
from gsgmodel.errors import Status, UnreadableError, VideoError
from gsgmodel.faces.clips import ClipMaker, Finder
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.faces.replay import MaskMaker, Replay, SeenFaces
from gsgmodel.records import FaceClip, Preparation, VideoInfo
from gsgmodel.redact import redact
from gsgmodel.video.container import DECODER_VERSION
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.reader import VideoReader, open_video

T = TypeVar("T")

WINDOWS_WIDENED = "windows_widened"
"""Note in the row: the cap on clips made each stand for more than the window that was asked for."""
CROP_REDUCED = "crop_reduced"
"""Note in the row: a face so near the frame's edge that its crop lost more than a fifth of its side."""
FACES_DROPPED = "faces_dropped"
"""Note in the row: faces without any clip, because of the cap on clips."""
CLIPS_DROPPED = "clips_dropped"
"""Note in the row: clips of a face left out, because of the cap on clips."""
BOXES_FROM_ORIGINAL = "boxes_from_original"
"""Note in the row: the video was cropped where the faces are of the video that it was made from."""


MOST_SHORTER, MOST_SHORTER_S = 0.1, 1.0
"""An original or a mask that ends earlier than its video by more than this share and these seconds is not of it."""


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
    masks: list[UInt8[np.ndarray, "T S S"]] = field(default_factory=list)
    """Of each clip, how much of a pixel is forged, 0 to 255; none at all where no mask was given."""
    frames_decoded: int = 0
    frames_missing: int = 0
    bytes_read: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Companion:
    """Another video that shows the same as one that is prepared: what a fake was made from, or its mask."""

    name: str
    """For messages: what it is, and its uri."""
    open_source: Callable[[], ObjectReader]


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
    preparer = VideoPreparer(
        detector=detector, preparation=preparation, faces=faces, window_s=window_s, max_clips=max_clips
    )
    return preparer.prepare(open_source)


@dataclass(frozen=True, kw_only=True)
class VideoPreparer:
    """Prepares one video after the other in the same way."""

    detector: Finder
    """Finds the faces."""
    preparation: Preparation
    """How frames become crops."""
    faces: Literal["all", "largest"]
    """All tracks, or the largest one."""
    window_s: float
    """Length of video that one clip stands for."""
    max_clips: int
    """Most clips of a video."""

    def prepare(
        self,
        open_source: Callable[[], ObjectReader],
        *,
        original: Companion | None = None,
        mask: Companion | None = None,
    ) -> PreparedVideo:
        """Read, decode and crop one video; what goes wrong with it, or with a companion, becomes its status.

        Args:
            open_source: Opens the listed object (``open_object``); may raise what happened to it since.
            original: Whose faces are looked for in place of the video's own.
            mask: Cropped as the video is.
        """
        read: list[ObjectReader] = []
        try:
            seen = None if original is None else self._with(original, partial(self._see, name=original.name), read)
            video = self._opened(open_source, partial(self._clips_of, original=seen), read)
            if mask is not None and video.clips:
                masks = self._with(mask, partial(self._masks_of, video=video), read)
                video = replace(video, masks=masks)
        except VideoError as error:
            video = PreparedVideo(
                decoder=DECODER_VERSION,
                status=error.status,
                error_class=type(error).__name__,
                error_text=redact(str(error)),
            )
        return replace(video, bytes_read=sum(source.bytes_read for source in read))

    def _with(self, companion: Companion, use: Callable[[VideoReader], T], read: list[ObjectReader]) -> T:
        """Use a companion; the message of what goes wrong with it names it."""
        try:
            return self._opened(companion.open_source, use, read)
        except VideoError as error:
            raise type(error)(f"{companion.name}: {error}") from error

    def _opened(
        self, open_source: Callable[[], ObjectReader], use: Callable[[VideoReader], T], read: list[ObjectReader]
    ) -> T:
        with open_source() as source:
            read.append(source)
            try:
                with open_video(
                    cast("BinaryIO", source),
                    frames_per_clip=self.preparation.frames_per_clip,
                    window_s=self.window_s,
                    max_clips=self.max_clips,
                    limits=DecodeLimits(),
                ) as reader:
                    return use(reader)
            finally:
                # Also after an error: what was replaced under the decoder is not to be called unreadable.
                source.verify()

    def _see(self, reader: VideoReader, *, name: str) -> "_Original":
        seen = SeenFaces()
        for window in reader.read():
            seen.add(window.time_s, window.frames, self.detector.detect(window.frames))
        return _Original(name=name, info=reader.info, seen=seen)

    def _clips_of(self, reader: VideoReader, *, original: "_Original | None") -> PreparedVideo:
        finder: Finder = self.detector
        if original is not None:
            finder = Replay(original.seen)
            _check_length(f"{original.name}: it", original.info, reader.info)
        maker = ClipMaker(
            finder,
            frames_per_clip=self.preparation.frames_per_clip,
            crop_scale=self.preparation.crop_scale,
            crop_size_px=self.preparation.crop_size_px,
            faces=self.faces,
            max_clips=self.max_clips,
        )
        for window in reader.read():
            if isinstance(finder, Replay):
                finder.expect(window.time_s)
            maker.add(window.start_s, window.end_s, window.time_s, window.frames, window.positions)
        clips, counts = maker.finish()
        facts = {
            WINDOWS_WIDENED: reader.is_widened,
            CROP_REDUCED: any(clip.is_reduced for clip in clips),
            FACES_DROPPED: counts.faces_dropped > 0,
            CLIPS_DROPPED: counts.clips_dropped > 0,
            BOXES_FROM_ORIGINAL: original is not None,
        }
        return PreparedVideo(
            decoder=reader.info.decoder,
            status=None if clips else Status.NO_FACE,
            info=reader.info,
            clips=clips,
            frames_decoded=reader.frames_decoded,
            frames_missing=reader.frames_missing,
            notes=[note for note, is_true in facts.items() if is_true],
        )

    def _masks_of(self, reader: VideoReader, *, video: PreparedVideo) -> list[UInt8[np.ndarray, "T S S"]]:
        info = video.info
        assert info is not None
        _check_length("it", reader.info, info)
        maker = MaskMaker(
            video.clips, width_px=info.width_px, height_px=info.height_px, scale=self.preparation.crop_scale
        )
        for window in reader.read():
            maker.add(window.time_s, window.frames)
        return maker.finish()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Original:
    """What is known of a fake's original once it was read."""

    name: str
    info: VideoInfo
    seen: SeenFaces


def _check_length(name: str, companion: VideoInfo, video: VideoInfo) -> None:
    """Make sure that a companion shows what its video shows, to the end.

    Raises:
        UnreadableError: If it is much shorter.
    """
    shorter_s = video.duration_s - companion.duration_s
    if shorter_s > max(MOST_SHORTER_S, MOST_SHORTER * video.duration_s):
        raise UnreadableError(
            f"{name} lasts {companion.duration_s:.1f} s, and what is made from it {video.duration_s:.1f} s"
        )
