"""An open container and the packets of its video: from the start, from a place within, or once more."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from gsgmodel.video.container import VideoPacket, choose_stream, open_container, prepare_stream, read_packets
from gsgmodel.video.limits import DecodeClock
from gsgmodel.video.source import CountedSource
from gsgmodel.video.track import MistrustError

FFMPEG_MAX_PIXELS = (1 << 31) - 1
"""FFmpeg's own bound."""


class OpenedVideo:
    """A container and its video stream, ready to be read.

    Args:
        source: Where the bytes come from.
        stack: Closes what is opened here.
        clock: Running; checked before every packet and every read.
        max_pixels: Of one picture.
    """

    def __init__(self, source: CountedSource, *, stack: ExitStack, clock: DecodeClock, max_pixels: int) -> None:
        self.source, self.clock = source, clock
        self._stack, self._max_pixels = stack, max_pixels
        self.container, self.stream = self._open()
        self.num_seeks = 0
        """Each of them makes the decoder forget what it was fed."""
        self.was_read = False
        """Whether ``start`` was used."""
        self._start = self._read(self.container, self.stream)
        self._head: list[VideoPacket] = []

    def start(self) -> Iterator[VideoPacket]:
        """Read from the first packet."""
        self.was_read = True
        return self._start

    def give_back(self, packets: list[VideoPacket]) -> None:
        """Take packets that were read from ``start`` once more, for a first ``seek`` to where they begin."""
        self._head = packets

    def seek(self, pts: int) -> Iterator[VideoPacket]:
        """Read packets in order from the key at or before a time of display.

        Raises:
            MistrustError: The container does not seek.
        """
        head, self._head = self._head, []
        if head and head[0].pts is not None and pts <= head[0].pts:
            return chain(head, self._start)
        self.num_seeks += 1
        try:
            self.container.seek(pts, stream=self.stream)
        except av.FFmpegError as error:
            self.source.check()
            raise MistrustError("the container cannot be sought in") from error
        return self._read(self.container, self.stream)

    def again(self) -> Iterator[VideoPacket]:
        """Read all packets in order from the start, in a container opened anew: seeking is not exact everywhere."""
        return self._read(*self._open())

    def check_size(self) -> None:
        """Find out whether pictures are too large where none decodes: while probing, FFmpeg does not say so.

        A ``TooLargeError`` if they are.
        """
        container = self._stack.enter_context(open_container(self.source, max_pixels=FFMPEG_MAX_PIXELS))
        prepare_stream(container, choose_stream(container), max_pixels=self._max_pixels)

    def _open(self) -> tuple[InputContainer, VideoStream]:
        container = self._stack.enter_context(open_container(self.source, max_pixels=self._max_pixels))
        stream = choose_stream(container)
        prepare_stream(container, stream, max_pixels=self._max_pixels)
        return container, stream

    def _read(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoPacket]:
        return read_packets(container, stream, source=self.source, clock=self.clock)
