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
from gsgmodel.faces.replay import MaskMaker, Replay, SeenFaces
from gsgmodel.records import FaceClip, Preparation, VideoInfo
from gsgmodel.redact import redact
from gsgmodel.video.container import DECODER_VERSION
from gsgmodel.video.reader import Opener, WindowReader, open_video
from gsgmodel.video.sandbox import DecoderLostError

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


ATTEMPTS = 2
"""At a video whose decoder dies, hangs or has no memory left."""
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
    crash_signal: str | None = None
    """What killed the decoder, such as ``SIGSEGV``."""
    crash_stage: str | None = None
    """What the decoder did when it was lost: ``opening`` or ``decoding``."""
    attempts: int = 1
    """How often it was tried; more than once only where a decoder was lost."""
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
    opener: Opener = open_video
    """Decodes, here or in a process of its own."""

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
        tally = _Tally()
        try:
            seen = None if original is None else self._with(original, partial(self._see, name=original.name), tally)
            video = self._opened(open_source, partial(self._clips_of, original=seen), tally)
            if mask is not None and video.clips:
                masks = self._with(mask, partial(self._masks_of, video=video), tally)
                video = replace(video, masks=masks)
        except VideoError as error:
            video = failed_video(error)
        return replace(video, bytes_read=sum(source.bytes_read for source in tally.read), attempts=1 + tally.num_lost)

    def _with(self, companion: Companion, use: Callable[[WindowReader], T], tally: "_Tally") -> T:
        """Use a companion; the message of what goes wrong with it names it."""
        try:
            return self._opened(companion.open_source, use, tally)
        except DecoderLostError as error:
            raise error.of(companion.name) from error
        except VideoError as error:
            raise type(error)(f"{companion.name}: {error}") from error

    def _opened(self, open_source: Callable[[], ObjectReader], use: Callable[[WindowReader], T], tally: "_Tally") -> T:
        """Use an open video; one whose decoder is lost is opened once more, for it need not have been its fault."""
        for _ in range(ATTEMPTS - 1):
            try:
                return self._opened_once(open_source, use, tally)
            except DecoderLostError:
                tally.num_lost += 1
        return self._opened_once(open_source, use, tally)

    def _opened_once(
        self, open_source: Callable[[], ObjectReader], use: Callable[[WindowReader], T], tally: "_Tally"
    ) -> T:
        with open_source() as source:
            tally.read.append(source)
            try:
                with self.opener(
                    cast("BinaryIO", source),
                    frames_per_clip=self.preparation.frames_per_clip,
                    window_s=self.window_s,
                    max_clips=self.max_clips,
                ) as reader:
                    return use(reader)
            finally:
                # Also after an error: what was replaced under the decoder is not to be called unreadable.
                source.verify()

    def _see(self, reader: WindowReader, *, name: str) -> "_Original":
        seen = SeenFaces()
        for window in reader.read():
            seen.add(window.time_s, window.frames, self.detector.detect(window.frames))
        return _Original(name=name, info=reader.info, seen=seen)

    def _clips_of(self, reader: WindowReader, *, original: "_Original | None") -> PreparedVideo:
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

    def _masks_of(self, reader: WindowReader, *, video: PreparedVideo) -> list[UInt8[np.ndarray, "T S S"]]:
        info = video.info
        assert info is not None
        _check_length("it", reader.info, info)
        maker = MaskMaker(
            video.clips, width_px=info.width_px, height_px=info.height_px, scale=self.preparation.crop_scale
        )
        for window in reader.read():
            maker.add(window.time_s, window.frames)
        return maker.finish()


def failed_video(error: VideoError) -> PreparedVideo:
    """Return what a row says of a video that could not be prepared."""
    return PreparedVideo(
        decoder=DECODER_VERSION,
        status=error.status,
        error_class=type(error).__name__,
        error_text=redact(str(error)),
        crash_signal=(error.signal_name or None) if isinstance(error, DecoderLostError) else None,
        crash_stage=error.stage if isinstance(error, DecoderLostError) else None,
    )


@dataclass(slots=True)
class _Tally:
    """What preparing one video took."""

    read: list[ObjectReader] = field(default_factory=list)
    num_lost: int = 0
    """Decoders after which there was another try."""


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
