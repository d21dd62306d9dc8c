"""Objects read by range, and proof that what was read is what was listed."""

import errno
import io
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, runtime_checkable

from gsgmodel.archive.identity import is_s3, local_path
from gsgmodel.errors import ChangedError, DeniedError, MissingError, UnavailableError, VideoError
from gsgmodel.records import VideoRef

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_REFUSED = frozenset({errno.EACCES, errno.EPERM})


@runtime_checkable
class _Source(Protocol):
    """Where the bytes of one object come from; it stays the version that was listed or says so."""

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Begin to fetch ranges ``(start, stop)`` that will be read, in their order."""

    def read_into(self, offset: int, target: memoryview) -> int:
        """Fill ``target`` from ``offset`` on; returns how many bytes, 0 only where the object ends."""

    def verify(self) -> None:
        """Raise a ``VideoError`` unless the object is still the listed version."""

    def close(self) -> None:
        """Let go of it; may be called again."""


def os_error_as_video_error(error: OSError) -> VideoError:
    """What an error of the operating system says about the object: missing, denied, or the store unavailable."""
    text = error.strerror or str(error)
    if error.errno in _GONE:
        return MissingError(text)
    if error.errno in _REFUSED:
        return DeniedError(text)
    return UnavailableError(text)


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise os_error_as_video_error(error) from error


class _LocalSource:
    """A local file, opened without ever waiting for a pipe or a device that took its place."""

    def __init__(self, ref: VideoRef) -> None:
        self._ref = ref
        self._path = local_path(ref.uri)
        with _named_errors():
            self._fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._compare(os.fstat(self._fd))
        except VideoError:
            self.close()
            raise

    def _compare(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise ChangedError("no longer a regular file")
        if found.st_size != self._ref.size_bytes:
            raise ChangedError(f"{found.st_size} bytes, listed with {self._ref.size_bytes}")
        if str(found.st_mtime_ns) != self._ref.etag:
            raise ChangedError("modified since it was listed")

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        # Advice that a file system does not take changes nothing.
        with suppress(OSError):
            for start, stop in ranges:
                os.posix_fadvise(self._fd, start, stop - start, os.POSIX_FADV_WILLNEED)

    def read_into(self, offset: int, target: memoryview) -> int:
        with _named_errors():
            return os.preadv(self._fd, [target], offset)

    def verify(self) -> None:
        with _named_errors():
            opened, named = os.fstat(self._fd), os.stat(self._path)  # noqa: PTH116 - keeps bytes and symmetry
        self._compare(opened)
        self._compare(named)
        if not os.path.samestat(opened, named):
            raise ChangedError("replaced since it was opened")

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class ObjectReader(io.RawIOBase):
    """The bytes of one listed object as a seekable binary file; never more than were listed.

    Not for use from several threads at once. ``bytes_read`` counts what was fetched, also twice where a range is
    read twice.
    """

    def __init__(self, source: _Source, size_bytes: int) -> None:
        super().__init__()
        self._source = source
        self._size_bytes = size_bytes
        self._offset = 0
        self.bytes_read = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The offset of the next byte."""
        return self._offset

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to an offset from the start, here or the end; beyond the end is allowed, before the start is not.

        Raises:
            ValueError: If the place is before the start or ``whence`` is unknown.
        """
        origins = {os.SEEK_SET: 0, os.SEEK_CUR: self._offset, os.SEEK_END: self._size_bytes}
        if whence not in origins:
            raise ValueError(f"whence is {whence}; accepted: 0, 1 or 2")
        place = origins[whence] + offset
        if place < 0:
            raise ValueError(f"offset {place} is before the start")
        self._offset = place
        return place

    def readinto(self, buffer: Any, /) -> int:
        """Read up to the length of a writable buffer; 0 only at the end that was listed.

        A store that fails is an ``UnavailableError``, lost permission a ``DeniedError``.

        Raises:
            ChangedError: If the object ends before the size that was listed.
            ValueError: If the reader is closed.
        """
        if self.closed:
            raise ValueError("the object is closed")
        with memoryview(buffer).cast("B") as view:
            wanted = min(len(view), self._size_bytes - self._offset)
            if wanted <= 0:
                return 0
            count = self._source.read_into(self._offset, view[:wanted])
        if count == 0:
            raise ChangedError(f"ends at byte {self._offset}, listed with {self._size_bytes}")
        self._offset += count
        self.bytes_read += count
        return count

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Say which ranges ``(start, stop)`` will be read, in their order, so that they are there by then.

        Nothing is read here, and nothing is promised: what lies elsewhere is read as before.
        """
        self._source.expect(ranges)

    def verify(self) -> None:
        """Prove that what was read is what was listed; to be called after the last read and before ``close``.

        Otherwise a ``ChangedError`` (modified or replaced), ``MissingError`` (gone), ``DeniedError`` or
        ``UnavailableError`` is raised.
        """
        self._source.verify()

    def close(self) -> None:
        """Let go of the object; does not verify, so that an error under way is not replaced by another."""
        self._source.close()
        super().close()


def open_object(ref: VideoRef, *, s3_endpoint: str | None = None) -> ObjectReader:
    """Open a listed object for reading by range.

    Args:
        ref: As listed.
        s3_endpoint: Of the store that ``s3://`` objects lie on, or None for the environment's.

    Returns:
        A seekable binary file; closed by the caller, best with ``with``. An object of another size or modification
        time than listed, or no longer a regular file, raises ``ChangedError``; one that is gone ``MissingError``,
        one that may not be read ``DeniedError``, a store that fails ``UnavailableError``; a scheme that is not
        supported ``ConfigError``. Of an object of S3, the first read that takes a request raises them.
    """
    return ObjectReader(_s3_source(ref, s3_endpoint) if is_s3(ref.uri) else _LocalSource(ref), ref.size_bytes)


def _s3_source(ref: VideoRef, s3_endpoint: str | None) -> _Source:
    # The client and what it stands on take a third of a second to load, in every process that opens videos.
    from gsgmodel.archive.pinned import S3Source  # noqa: PLC0415

    return S3Source(ref, s3_endpoint=s3_endpoint)
