"""One open video: its container, decoder and track, and the pictures at given ranks."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import av
import numpy as np
from av.container import InputContainer
from jaxtyping import UInt8

from gsgmodel.errors import TooLargeError, TooShortError, UnreadableError, UnsupportedError
from gsgmodel.records import VideoInfo
from gsgmodel.video.container import (
    DECODER_VERSION,
    DECODERS,
    VideoPacket,
    blaming,
    choose_stream,
    open_container,
    prepare_stream,
    read_packets,
)
from gsgmodel.video.decode import Decoder
from gsgmodel.video.indexed import IndexedTrack, is_fragmented
from gsgmodel.video.limits import DecodeClock, DecodeLimits
from gsgmodel.video.listed import ListedTrack, Listing, list_packets
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
        self._source, self._stack, self._clock, self._limits = source, stack, clock, limits
        self._container = self._open()
        self._stream = choose_stream(self._container)
        prepare_stream(self._container, self._stream, max_pixels=limits.max_pixels)
        self._name = self._container.format.name.split(",")[0]
        context = self._stream.codec_context
        self._rule = DECODERS[context.name]
        self._decoder = Decoder(context, rule=self._rule, clock=clock, source=source)
        self._listing: Listing | None = None
        self._was_read = False
        with blaming(source, "the video track cannot be read"):
            self.track = self._indexed() or self._listed(restarts=self._rule.restarts)
        if context.name == "gif" and len(self.track.time_s) == 1:
            raise UnsupportedError("a GIF with a single picture")
        self._painter = Painter(self._shown)

    @property
    def info(self) -> VideoInfo:
        """What container and decoder say of the picture."""
        time_s = self.track.time_s
        span_s = float(time_s[-1] - time_s[0])
        return VideoInfo(
            container=self._name,
            codec=self._stream.codec_context.codec.canonical_name,
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
                except (av.FFmpegError, MemoryError):
                    continue
                time_s = track.frame_time_s(decoded.rank, decoded.frame.pts)
                yield Picture(rank=decoded.rank, time_s=time_s, rgb=rgb)
            if not span.from_start and next(expected, None) is not None:
                raise MistrustError("a frame did not come out")

    def _open(self) -> InputContainer:
        return self._stack.enter_context(open_container(self._source, max_pixels=self._limits.max_pixels))

    def _indexed(self) -> IndexedTrack | None:
        """Return the track by the container's index, if there is one that can be trusted."""
        entries = len(self._stream.index_entries)
        if self._name != "mov" or self._stream.frames != entries or not entries or is_fragmented(self._source):
            return None
        first_pts = self._see_first(self._packets())
        if first_pts is None:
            return None
        try:
            return IndexedTrack(self._stream, first_pts=first_pts, reread=self._seek, limits=self._limits)
        except MistrustError:
            return None

    def _listed(self, *, restarts: bool) -> ListedTrack:
        """Return the track by all of its packets.

        Raises:
            TooShortError: There are none that are shown.
        """
        if self._listing is None:
            self._listing = list_packets(self._again() if self._was_read else self._packets(), limits=self._limits)
            if not self._listing.is_shown.any():
                raise TooShortError("the video track holds no frames")
            self._see_first(self._again() if self._listing.kept is None else iter(self._listing.kept))
        return ListedTrack(
            self._listing,
            reread=self._again,
            tick_s=float(self._stream.time_base or 0),
            frame_s=nominal_frame_s(self._stream),
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
            raise UnreadableError("no frame of the video decodes")
        self._shown = shown_size(frame, self._stream.sample_aspect_ratio)
        if self._shown.width_px * self._shown.height_px > self._limits.max_pixels:
            raise TooLargeError(f"pictures exceed {self._limits.max_pixels} pixels once their pixels are square")
        return frame.pts

    def _again(self) -> Iterator[VideoPacket]:
        """Read all packets in order from the start, in a container opened anew: seeking is not exact everywhere."""
        container = self._open()
        stream = choose_stream(container)
        prepare_stream(container, stream, max_pixels=self._limits.max_pixels)
        return read_packets(container, stream, source=self._source, clock=self._clock)

    def _seek(self, pts: int) -> Iterator[VideoPacket]:
        """Read packets in order from the key at or before a time of display.

        Raises:
            MistrustError: The container does not seek.
        """
        try:
            self._container.seek(pts, stream=self._stream)
        except av.FFmpegError as error:
            self._source.check()
            raise MistrustError("the container cannot be sought in") from error
        return self._packets()

    def _packets(self) -> Iterator[VideoPacket]:
        """Read packets in order from where the container stands."""
        self._was_read = True
        return read_packets(self._container, self._stream, source=self._source, clock=self._clock)
