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

from gsgmodel.video.container import DecoderRule, VideoPacket
from gsgmodel.video.limits import DecodeClock
from gsgmodel.video.source import CountedSource

HVCC_LAYERS_BYTE = 21
"""Of the decoder configuration record: bits 3 to 5 count temporal layers (ISO/IEC 14496-15, 8.3.3.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of packets to decode in one go, from one that depends on nothing before it."""

    packets: Iterable[VideoPacket]
    """In decoding order."""
    targets: dict[int, int]
    """Rank of each wanted frame, by its time stamp in the track's ticks or, with ``by_count``, by its place among
    the frames that come out."""
    by_count: bool = False
    from_start: bool = False
    """Whether the stretch begins with the track's first packet."""


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
        context: Not opened yet; threads and limits set.
        rule: What may be left out with this decoder.
        clock: Checked before every packet.
        source: Where packets come from; if it failed, that is raised rather than what FFmpeg makes of it.
    """

    def __init__(
        self, context: VideoCodecContext, *, rule: DecoderRule, clock: DecodeClock, source: CountedSource
    ) -> None:
        self._context = context
        self._clock = clock
        self._source = source
        self._skips = rule.skips_unreferenced and (context.name != "hevc" or has_one_layer(context.extradata))

    def first_frame(self, packets: Iterable[VideoPacket]) -> VideoFrame | None:
        """Decode until a frame comes out, from the track's first packet.

        Before any seek, always: some decoders learn from the first packet how to read all others (old x264 in
        4:4:4 turns to green garbage otherwise, without an error).
        """
        self._restart()
        for packet in packets:
            for frame in self._decode(packet):
                return frame
        for frame in self._decode(None):
            return frame
        return None

    def frames(self, span: Span) -> Iterator[DecodedFrame]:
        """Yield the wanted frames of a span in order of display; damaged ones are left out.

        A frame is damaged if the decoder flags it, or if a packet between its key and itself failed.
        """
        self._restart()
        sieve = _Sieve(span)
        for packet in span.packets:
            wanted = sieve.expects(packet)
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

    def _decode(self, packet: VideoPacket | None, sieve: "_Sieve | None" = None) -> list[VideoFrame]:
        self._clock.check()
        try:
            return self._context.decode(packet)
        except (av.FFmpegError, MemoryError):
            self._source.check()
            if sieve is not None:
                sieve.fail(packet)
            return []


class _Sieve:
    """Knows which frames of a span are wanted, which packets carry them, and what damage spoils."""

    def __init__(self, span: Span) -> None:
        self._by_count = span.by_count
        self._targets = span.targets
        self._unfed = set(span.targets)
        self._spoilt: set[int | None] = set()
        self._is_damaged = False
        self._num_out = 0

    @property
    def is_fed(self) -> bool:
        """Whether every wanted packet went in; by count that is known only when the frames are out."""
        return not self._unfed

    def expects(self, packet: VideoPacket) -> bool:
        """Note a packet that goes in, and return whether its frame is wanted."""
        if packet.is_keyframe:
            self._is_damaged = False
        if self._is_damaged:
            self._spoilt.add(packet.pts)
        if self._by_count:
            return True
        wanted = packet.pts in self._targets
        if packet.pts is not None:
            self._unfed.discard(packet.pts)
        return wanted

    def fail(self, packet: VideoPacket | None) -> None:
        """Note that a packet could not be decoded: what refers to it is damaged, up to the next key."""
        self._is_damaged = True
        self._spoilt.add(None if packet is None else packet.pts)

    def keep(self, frames: list[VideoFrame]) -> Iterator[DecodedFrame]:
        """Yield those that are wanted and sound."""
        for frame in frames:
            key = self._num_out if self._by_count else frame.pts
            self._num_out += 1
            if self._by_count:
                self._unfed.discard(self._num_out - 1)
                is_spoilt = self._is_damaged
            else:
                is_spoilt = frame.pts in self._spoilt
            if key in self._targets and not frame.is_corrupt and not is_spoilt:
                yield DecodedFrame(rank=self._targets[key], frame=frame)
