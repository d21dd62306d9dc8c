"""The file object that FFmpeg reads from: counted, bounded, and remembered when it fails."""

import io
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, runtime_checkable

from gsgmodel.errors import TooLargeError, UnavailableError
from gsgmodel.video.limits import DecodeClock


@runtime_checkable
class ByteSource(Protocol):
    """What is needed of a seekable binary file; every raw or buffered one of Python will do."""

    def read(self, size: int = -1, /) -> bytes | None:
        """Return at most ``size`` bytes, fewer if need be, none only at the end."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move, and return the new position."""


@runtime_checkable
class ExpectingSource(Protocol):
    """A file that can fetch what will be read."""

    def expect(self, ranges: Sequence[tuple[int, int]], /) -> None:
        """Begin to fetch ranges ``(start, stop)`` that will be read, in their order."""


class _Remember:
    """Keeps the first exception that leaves its ``with`` block, and lets it through."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.error = self.error or error


class CountedSource:
    """Wraps a seekable binary file for PyAV.

    FFmpeg may swallow what a file raises, or turn it into an error about the video. So the first exception is
    kept, and ``check`` raises it unchanged: a store that is down must never be blamed on the video.
    """

    def __init__(
        self, file: ByteSource, *, clock: DecodeClock, max_bytes: int, max_source_s: float = float("inf")
    ) -> None:
        self.bytes_read = 0
        self.waited_s = 0.0
        """Time spent waiting for the file."""
        self.max_bytes: int | None = max_bytes
        """Most bytes that may be read; ``None`` lifts the bound."""
        self._file = file
        self._clock = clock
        self._max_source_s = max_source_s
        self._remember = _Remember()
        with self._remember:
            self.size_bytes = file.seek(0, io.SEEK_END)
            file.seek(0)
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes; PyAV copies what it gets without looking at its length.

        Raises:
            TooLargeError: More than ``max_bytes`` were read.
            UnavailableError: The file took more than its time to answer, all reads together.
            OSError: The file gave more than it was asked for.
        """
        with self._remember:
            self._clock.check()
            since_s = time.monotonic()
            with self._clock.paused():
                data = bytes(self._file.read(size) or b"")
            self.waited_s += time.monotonic() - since_s
            if self.waited_s > self._max_source_s:
                raise UnavailableError(f"the store took more than {self._max_source_s:g} s to give what was asked for")
            if 0 <= size < len(data):
                raise OSError(f"the source gave {len(data)} bytes where {size} were asked for")
            self.bytes_read += len(data)
            self._position += len(data)
            if self.max_bytes is not None and self.bytes_read > self.max_bytes:
                raise TooLargeError(f"more than {self.max_bytes} bytes must be read to find the video's frames")
            return data

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Tell the file which ranges ``(start, stop)`` will be read, if it wants to know."""
        if isinstance(self._file, ExpectingSource):
            within = [(start, min(stop, self.size_bytes)) for start, stop in ranges if start < self.size_bytes]
            with self._remember:
                self._file.expect(within)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to ``offset``; broken files ask for places before the start, which is no fault of the source."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size_bytes}[whence]
        if start + offset < 0:
            return -1
        with self._remember:
            self._position = self._file.seek(start + offset)
        return self._position

    def tell(self) -> int:
        """Return the position in the source."""
        return self._position

    def check(self) -> None:
        """Raise what reading the source raised first, if anything; ``BaseException`` included."""
        if self._remember.error is not None:
            raise self._remember.error
