"""One version of an object of S3, read by blocks with the next block on its way, and never bytes of another."""

from fsspec.caching import BackgroundBlockCache

from gsgmodel.archive.identity import split_uri
from gsgmodel.archive.s3 import read_range
from gsgmodel.records import VideoRef

BLOCK_BYTES = 2**20
"""Of a request; a seek costs one block and the one read ahead."""
BLOCKS_KEPT = 16
"""Of one object in memory, so that an index at its end and a few places between are read once."""
LARGE_BYTES = 2**27
"""Of larger objects a few places are read: there the rest of a block and the one read ahead are read in vain."""
SMALL_BLOCK_BYTES, SMALL_BLOCKS_KEPT = 2**17, 128
"""Of a large object. 12 frames of an hour at 0.9 Mbit/s cost 4.0 % of its bytes, not 10 % (tests/bench/remote.py)."""


class S3Source:
    """An object of S3, pinned to the etag that was listed; nothing is sent before the first read."""

    def __init__(self, ref: VideoRef, *, s3_endpoint: str | None, block_bytes: int | None = None) -> None:
        is_large = block_bytes is None and ref.size_bytes > LARGE_BYTES
        self._ref = ref
        self._endpoint = s3_endpoint
        self._block_bytes = block_bytes or (SMALL_BLOCK_BYTES if is_large else BLOCK_BYTES)
        kept = SMALL_BLOCKS_KEPT if is_large else BLOCKS_KEPT
        self._cache = BackgroundBlockCache(self._block_bytes, self._fetch, ref.size_bytes, maxblocks=kept)

    def read_into(self, offset: int, target: memoryview) -> int:
        """Fill ``target`` from ``offset`` on, all of it as a file does: short reads make decoders read parts twice.

        Errors are those of ``read_range``, also where the block was read ahead: a replaced object is a
        ``ChangedError``.
        """
        filled = 0
        while filled < len(target):
            start = offset + filled
            stop = min(offset + len(target), (start // self._block_bytes + 1) * self._block_bytes)
            content: bytes = self._cache._fetch(start, stop)  # noqa: SLF001 - how fsspec's files read from their caches
            if not content:
                break
            target[filled : filled + len(content)] = content
            filled += len(content)
        return filled

    def verify(self) -> None:
        """Nothing is left to prove: each answer named the listed version, or it was an error."""

    def close(self) -> None:
        """Stop reading ahead and let go of the blocks."""
        self._cache.close()

    def _fetch(self, start: int, stop: int) -> bytes:
        # The cache asks for whole blocks, also where the object ends within one.
        stop = min(stop, self._ref.size_bytes)
        return read_range(*split_uri(self._ref.uri), start, stop, etag=self._ref.etag, endpoint=self._endpoint)
