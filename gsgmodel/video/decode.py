"""Decoding only what is needed: packets of one stretch in, the wanted frames out.

The pictures are bit for bit those of decoding everything. A stretch begins at a key, pictures that nothing refers to
are dropped before decoding unless they are wanted, and after the last wanted packet the decoder is drained instead
of fed: in decoding order everything that a picture refers to comes before it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from gsgmodel.errors import TooLargeError
from gsgmodel.video.container import OUT_OF_MEMORY, DecoderRule, VideoPacket
from gsgmodel.video.opened import OpenedVideo
from gsgmodel.video.track import Span

HVCC_LAYERS_BYTE = 21
"""Of the decoder configuration record: bits 3 to 5 count temporal layers (ISO/IEC 14496-15, 8.3.3.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedFrame:
    """A wanted frame that decoded without damage."""

    rank: int
    frame: VideoFrame


def has_one_layer(extradata: bytes | None) -> bool:
    """Whether an HEVC track is known to have a single temporal layer.

    With more, a picture that none of its own layer refers to may still be referred to from a higher one.

    Args:
        extradata: The decoder configuration record of MP4 and Matroska; anything else is not known.
    """
    if extradata is None or len(extradata) <= HVCC_LAYERS_BYTE or extradata[0] != 1:
        return False
    return (extradata[HVCC_LAYERS_BYTE] >> 3) & 7 == 1


class Decoder:
    """One stream's decoder, from first to last packet.

    Args:
        opened: The video; its clock is checked before every packet, and if its source failed, that is raised rather
            than what FFmpeg makes of it.
        rule: What may be left out with this decoder.
    """

    def __init__(self, opened: OpenedVideo, *, rule: DecoderRule) -> None:
        self._opened = opened
        self._context: VideoCodecContext = opened.stream.codec_context
        extradata = self._context.extradata
        self._skips = rule.skips_unreferenced and (self._context.name != "hevc" or has_one_layer(extradata))
        self.fed: list[VideoPacket] = []
        """The packets that ``first_frame`` took."""
        self._ahead: list[VideoFrame] | None = None

    def first_frame(self, packets: Iterable[VideoPacket]) -> VideoFrame | None:
        """Decode until a frame comes out, from the track's first packet.

        Before any seek, always: some decoders learn from the first packet how to read all others (old x264 in
        4:4:4 turns to green garbage otherwise, without an error).
        """
        self._restart()
        self.fed = []
        failed = _Sieve(Span(packets=(), targets={}))
        for packet in packets:
            self.fed.append(packet)
            frames = self._decode(packet, failed)
            if frames:
                # Decoding can go on from here, if nothing went wrong.
                self._ahead = None if failed.is_damaged else frames
                return frames[0]
        return next(iter(self._decode(None, failed)), None)

    def frames(self, span: Span) -> Iterator[DecodedFrame]:
        """Yield the wanted frames of a span in order of display; damaged ones are left out.

        A frame is damaged if the decoder flags it, or if a packet between its key and itself failed.
        """
        sieve = _Sieve(span)
        goes_on = self._ahead is not None and span.from_start and not self._opened.num_seeks
        num_fed = len(self.fed) if goes_on else 0
        if goes_on:
            yield from sieve.keep(self._ahead or [])
        else:
            self._restart()
        self._ahead = None
        for i, packet in enumerate(span.packets):
            wanted = sieve.expects(packet)
            if i >= num_fed:
                if self._skips:
                    self._context.skip_frame = "DEFAULT" if wanted else "NONREF"
                yield from sieve.keep(self._decode(packet, sieve))
            if sieve.is_fed:
                break
        yield from sieve.keep(self._decode(None, sieve))

    def _restart(self) -> None:
        if self._context.is_open:
            self._context.flush_buffers()
            self._context.skip_frame = "DEFAULT"

    def _decode(self, packet: VideoPacket | None, sieve: "_Sieve") -> list[VideoFrame]:
        self._opened.clock.check()
        try:
            return self._context.decode(packet)
        except MemoryError as error:
            self._opened.source.check()
            raise TooLargeError(f"a frame does not decode: {OUT_OF_MEMORY}") from error
        except av.FFmpegError:
            self._opened.source.check()
            sieve.fail(packet)
            return []


class _Sieve:
    """Knows which frames of a span are wanted, which packets carry them, and what damage spoils."""

    def __init__(self, span: Span) -> None:
        self._by_count = span.by_count
        self._targets = span.targets
        self._unfed = set(span.targets)
        self._spoilt: set[int | None] = set()
        self.is_damaged = False
        self._num_out = 0

    @property
    def is_fed(self) -> bool:
        """Whether every wanted packet went in; by count that is known only when the frames are out."""
        return not self._unfed

    def expects(self, packet: VideoPacket) -> bool:
        """Note a packet that goes in, and return whether its frame is wanted."""
        if packet.is_keyframe:
            self.is_damaged = False
        if self.is_damaged:
            self._spoilt.add(packet.pts)
        if self._by_count:
            return True
        wanted = packet.pts in self._targets
        if packet.pts is not None:
            self._unfed.discard(packet.pts)
        return wanted

    def fail(self, packet: VideoPacket | None) -> None:
        """Note that a packet could not be decoded: what refers to it is damaged, up to the next key."""
        self.is_damaged = True
        self._spoilt.add(None if packet is None else packet.pts)

    def keep(self, frames: list[VideoFrame]) -> Iterator[DecodedFrame]:
        """Yield those that are wanted and sound."""
        for frame in frames:
            key = self._num_out if self._by_count else frame.pts
            self._num_out += 1
            if self._by_count:
                self._unfed.discard(self._num_out - 1)
                is_spoilt = self.is_damaged
            else:
                is_spoilt = frame.pts in self._spoilt
            if key in self._targets and not frame.is_corrupt and not is_spoilt:
                yield DecodedFrame(rank=self._targets[key], frame=frame)
