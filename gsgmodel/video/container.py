"""Opening untrusted bytes: which containers and codecs are read, which stream is the video, and what errors mean.

Everything that FFmpeg could do beside decoding a picture is shut: playlists and scripts that name other files,
image sequences, network protocols, rarely used parsers. What is left is about what browsers play, and what
real archives hold beside it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from gsgmodel.errors import TooLargeError, UnreadableError, UnsupportedError
from gsgmodel.video.limits import DecodeClock
from gsgmodel.video.source import CountedSource

if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]
else:
    VideoPacket = Packet  # cannot be subscripted at run time

DECODER_VERSION = f"av {av.__version__}"
FFMPEG_VERSION: str = av.ffmpeg_version_info
"""Of the library that PyAV brings, as it calls itself."""
FORMATS = ("mov", "mp4", "matroska", "webm", "avi", "flv", "mpegts", "mpeg", "ogg", "gif")
"""Demuxers that may open a file, by FFmpeg's names; never concat, hls, sdp or image pipes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderRule:
    """What may be left out when one decoder must give the same pictures as decoding everything."""

    restarts: bool
    """Whether a packet that is flagged as a key gives a picture that depends on nothing before it."""
    skips_unreferenced: bool
    """Whether pictures that no other refers to can be dropped before decoding, without any trace in the others."""


DECODERS = {
    "h264": DecoderRule(restarts=True, skips_unreferenced=True),
    "hevc": DecoderRule(restarts=True, skips_unreferenced=True),
    # VP8, VP9 and AV1 carry probabilities, motion or segments over from frames that are not referred to.
    "vp8": DecoderRule(restarts=True, skips_unreferenced=False),
    "vp9": DecoderRule(restarts=True, skips_unreferenced=False),
    "libdav1d": DecoderRule(restarts=True, skips_unreferenced=False),
    "mpeg4": DecoderRule(restarts=True, skips_unreferenced=True),
    "mpeg2video": DecoderRule(restarts=True, skips_unreferenced=True),
    "mpeg1video": DecoderRule(restarts=True, skips_unreferenced=True),
    "mjpeg": DecoderRule(restarts=True, skips_unreferenced=False),
    "prores": DecoderRule(restarts=True, skips_unreferenced=False),
    "ffv1": DecoderRule(restarts=True, skips_unreferenced=False),
    "theora": DecoderRule(restarts=True, skips_unreferenced=False),
    "flv": DecoderRule(restarts=True, skips_unreferenced=False),
    # These draw on what the screen shows.
    "gif": DecoderRule(restarts=False, skips_unreferenced=False),
    "qtrle": DecoderRule(restarts=False, skips_unreferenced=False),
}
"""Decoders that may be used, by FFmpeg's names."""

OUT_OF_MEMORY = "it asks for more memory than there is"
_NOT_VIDEO = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails


@contextmanager
def blaming(source: CountedSource, what: str) -> Iterator[None]:
    """Turn what FFmpeg raises into an ``UnreadableError``, unless it was the source that failed.

    Args:
        source: Where FFmpeg reads from; what it raised goes through unchanged.
        what: What did not work, the start of the message.

    Raises:
        UnreadableError: FFmpeg failed on these bytes.
        TooLargeError: They ask for more memory than there is, as one flipped bit in an index may.
    """
    try:
        yield
    except MemoryError as error:
        source.check()
        raise TooLargeError(f"{what}: {OUT_OF_MEMORY}") from error
    except (av.FFmpegError, UnicodeError) as error:
        source.check()
        raise UnreadableError(f"{what}: {getattr(error, 'strerror', None) or type(error).__name__}") from error
    source.check()


@contextmanager
def open_container(source: CountedSource, *, max_pixels: int) -> Iterator[InputContainer]:
    """Open a source as one of ``FORMATS``, and close it in the end (the container, not the source's file).

    Args:
        source: Where to read from; it is read from its beginning.
        max_pixels: Of one picture, while the streams are probed.

    Raises:
        UnsupportedError: The bytes are in no container that is read here. (A broken container ends as in ``blaming``.)
    """
    av.logging.set_level(av.logging.PANIC)
    source.seek(0)
    allowed = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "none"}
    probing = {"codec_whitelist": ",".join(DECODERS), "max_pixels": str(max_pixels)}
    with blaming(source, "the container cannot be read"):
        try:
            container = av.open(source, mode="r", options=probing, container_options=allowed, metadata_errors="replace")
        except av.ArgumentError as error:
            source.check()
            raise UnsupportedError("not in a container that is read here") from error
    with container:
        yield container


def choose_stream(container: InputContainer) -> VideoStream:
    """Return the stream that is the video: FFmpeg's choice among those that move.

    Raises:
        UnsupportedError: There is no video stream, or only still pictures, or its codec is not allowed.
    """
    moving = [stream for stream in container.streams.video if not stream.disposition & _NOT_VIDEO]
    if not moving:
        still = "only a still picture" if container.streams.video else "no video stream"
        raise UnsupportedError(f"{still} in the container")
    best = container.streams.best("video")
    stream = best if best in moving else max(moving, key=lambda each: each.width * each.height)
    # PyAV gives no codec context where the wheel has no decoder.
    if stream.codec_context is None or stream.codec_context.name not in DECODERS:
        name = "unknown" if stream.codec_context is None else stream.codec_context.name
        raise UnsupportedError(f"codec {name} is not decoded here")
    return stream


def prepare_stream(container: InputContainer, stream: VideoStream, *, max_pixels: int) -> None:
    """Set the stream's decoder up: one thread, bounded pictures, no packets of other streams.

    Threads would delay frames, and one video per core is faster anyway.

    Raises:
        TooLargeError: The picture has more pixels than ``max_pixels``.
    """
    context = stream.codec_context
    if context.width * context.height > max_pixels:
        raise TooLargeError(f"pictures of {context.width} x {context.height} exceed {max_pixels} pixels")
    context.thread_type = "NONE"
    context.thread_count = 1
    # In the options of av.open these two count for probing only, not for decoding.
    context.options = {"max_pixels": str(max_pixels), "codec_whitelist": context.name}
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all


def read_packets(
    container: InputContainer, stream: VideoStream, *, source: CountedSource, clock: DecodeClock
) -> Iterator[VideoPacket]:
    """Yield the stream's packets in the container's order, to its end or to damage that stops the demuxer.

    Raises:
        UnsupportedError: The packets are encrypted.
    """
    demuxer = container.demux(stream)
    while True:
        clock.check()
        try:
            packet = next(demuxer, None)
        except (av.FFmpegError, MemoryError, IndexError):
            # IndexError: PyAV at its end looks up a stream that turned up only while packets were read.
            packet = None
        source.check()
        if packet is None:
            return
        if packet.has_sidedata("encryption_info"):
            raise UnsupportedError("the video is encrypted")
        # Empty packets say "the same picture again", and PyAV ends with one.
        if packet.size:
            yield packet
