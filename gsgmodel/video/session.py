"""One open video: its container, decoder and track, and the pictures at given ranks."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import av
import numpy as np
from jaxtyping import UInt8

from gsgmodel.errors import TooLargeError, TooShortError, UnreadableError, UnsupportedError
from gsgmodel.records import VideoInfo
from gsgmodel.video.container import DECODER_VERSION, DECODERS, OUT_OF_MEMORY, VideoPacket, blaming
from gsgmodel.video.decode import Decoder
from gsgmodel.video.indexed import IndexedTrack, is_fragmented
from gsgmodel.video.limits import DecodeClock, DecodeLimits
from gsgmodel.video.listed import ListedTrack, Listing, list_packets
from gsgmodel.video.opened import OpenedVideo
from gsgmodel.video.pictures import Painter, shown_size
from gsgmodel.video.source import CountedSource
from gsgmodel.video.track import MistrustError, Track, nominal_frame_s

GUESSED_TIMES = frozenset({"avi"})
"""Containers that store no time of display: FFmpeg guesses it, and guesses wrong where frames are reordered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A decoded frame as it is shown."""

    rank: int
    """In order of display, among all frames of the track."""
    time_s: float
    """From the track's first frame."""
    rgb: UInt8[np.ndarray, "H W 3"]


class Session:
    """An open video.

    Args:
        source: Where its bytes come from.
        stack: Closes what is opened here.
        clock: Running; checked before every packet and every read.
        limits: What it may cost.

    Raises:
        VideoError: As ``open_video`` says.
    """

    def __init__(self, source: CountedSource, *, stack: ExitStack, clock: DecodeClock, limits: DecodeLimits) -> None:
        self._limits = limits
        self._opened = OpenedVideo(source, stack=stack, clock=clock, max_pixels=limits.max_pixels)
        self._name = self._opened.container.format.name.split(",")[0]
        self._codec = self._opened.stream.codec_context.codec
        self._rule = DECODERS[self._codec.name]
        self._decoder = Decoder(self._opened, rule=self._rule)
        self._listing: Listing | None = None
        with blaming(source, "the video track cannot be read"):
            self.track = self._indexed() or self._listed(restarts=self._rule.restarts)
        if self._codec.name == "gif" and len(self.track.time_s) == 1:
            raise UnsupportedError("a GIF with a single picture")
        self._painter = Painter(self._shown)

    @property
    def info(self) -> VideoInfo:
        """What container and decoder say of the picture."""
        time_s = self.track.time_s
        span_s = float(time_s[-1] - time_s[0])
        return VideoInfo(
            container=self._name,
            codec=self._codec.canonical_name,
            decoder=DECODER_VERSION,
            width_px=self._shown.width_px,
            height_px=self._shown.height_px,
            duration_s=self.track.duration_s,
            native_fps=(len(time_s) - 1) / span_s if span_s > 0 else 0.0,
            num_frames=len(time_s),
        )

    def pictures(self, ranks: tuple[int, ...]) -> Iterator[Picture]:
        """Yield the frames of these ranks, ascending; those that do not decode are left out.

        Where a shortcut does not lead to a frame, decoding starts over from the first packet, once.
        """
        done = -1
        try:
            for picture in self._decode(self.track, ranks):
                done = picture.rank
                yield picture
        except MistrustError:
            pass
        else:
            return
        # Outside of the handler: a generator that stops in it would keep the exception and with it the video.
        slow = self._listed(restarts=False)
        yield from self._decode(slow, tuple(rank for rank in ranks if done < rank < len(slow.time_s)))

    def _decode(self, track: Track, ranks: tuple[int, ...]) -> Iterator[Picture]:
        for span in track.spans(ranks):
            expected = iter(sorted(span.targets.values()))
            for decoded in self._decoder.frames(span):
                if not span.from_start and next(expected, None) != decoded.rank:
                    raise MistrustError("a frame did not come out")
                try:
                    rgb = self._painter.paint(decoded.frame)
                except MemoryError as error:
                    raise TooLargeError(f"a frame cannot be shown: {OUT_OF_MEMORY}") from error
                except av.FFmpegError:
                    continue
                time_s = track.frame_time_s(decoded.rank, decoded.frame.pts)
                yield Picture(rank=decoded.rank, time_s=time_s, rgb=rgb)
            if not span.from_start and next(expected, None) is not None:
                raise MistrustError("a frame did not come out")

    def _indexed(self) -> IndexedTrack | None:
        """Return the track by the container's index, if there is one that can be trusted."""
        stream = self._opened.stream
        entries = len(stream.index_entries)
        if self._name != "mov" or stream.frames != entries or not entries or is_fragmented(self._opened.source):
            return None
        first_pts = self._see_first(self._opened.start())
        if first_pts is None:
            return None
        self._opened.give_back(self._decoder.fed)
        try:
            return IndexedTrack(
                stream,
                first_pts=first_pts,
                reread=self._opened.seek,
                expect=self._opened.source.expect,
                limits=self._limits,
            )
        except MistrustError:
            return None

    def _listed(self, *, restarts: bool) -> ListedTrack:
        """Return the track by all of its packets.

        Raises:
            TooShortError: There are none that are shown, and the container claims none.
            UnreadableError: There are none where the container claims some.
        """
        opened = self._opened
        if self._listing is None:
            self._listing = list_packets(opened.again() if opened.was_read else opened.start(), limits=self._limits)
            if not self._listing.is_shown.any():
                if opened.container.duration:
                    raise UnreadableError("no frame of the video can be found")
                raise TooShortError("the video track holds no frames")
            self._see_first(opened.again() if self._listing.kept is None else iter(self._listing.kept))
        return ListedTrack(
            self._listing,
            reread=opened.again,
            tick_s=float(opened.stream.time_base or 0),
            frame_s=nominal_frame_s(opened.stream),
            restarts=restarts,
            by_time=self._name not in GUESSED_TIMES,
        )

    def _see_first(self, packets: Iterator[VideoPacket]) -> int | None:
        """Decode the first frame, which every decoder must see before any other, and note the size it is shown at.

        Returns:
            Its time stamp, if it has one.

        Raises:
            UnreadableError: No frame decodes.
            TooLargeError: It is shown with too many pixels.
        """
        frame = self._decoder.first_frame(packets)
        if frame is None:
            self._opened.check_size()
            raise UnreadableError("no frame of the video decodes")
        self._shown = shown_size(frame, self._opened.stream.sample_aspect_ratio)
        if self._shown.width_px * self._shown.height_px > self._limits.max_pixels:
            raise TooLargeError(f"pictures exceed {self._limits.max_pixels} pixels once their pixels are square")
        return frame.pts
