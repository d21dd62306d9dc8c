"""One version of an object of S3, and never bytes of another: what is expected is fetched ahead, the rest by blocks."""

from collections import deque
from collections.abc import Sequence

from fsspec.caching import BackgroundBlockCache

from gsgmodel.archive.ahead import ReadAhead, without
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
        self._ahead = ReadAhead(self._fetch, size_bytes=ref.size_bytes)
        self._cache = BackgroundBlockCache(self._block_bytes, self._fetch_block, ref.size_bytes, maxblocks=kept)
        self._in_cache: deque[tuple[int, int]] = deque(maxlen=kept)

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Begin to fetch what will be read and is not there."""
        self._ahead.expect(without(ranges, tuple(self._in_cache)))

    def read_into(self, offset: int, target: memoryview) -> int:
        """Fill ``target`` from ``offset`` on, all of it as a file does: short reads make decoders read parts twice.

        Errors are those of ``read_range``, also where the block was read ahead: a replaced object is a
        ``ChangedError``.
        """
        filled = 0
        while filled < len(target):
            start = offset + filled
            content = self._ahead.read(start, len(target) - filled)
            if content is None:
                stop = min(offset + len(target), (start // self._block_bytes + 1) * self._block_bytes)
                content = self._cache._fetch(start, stop)  # noqa: SLF001 - how fsspec's files read from their caches
            if not content:
                break
            target[filled : filled + len(content)] = content
            filled += len(content)
        return filled

    def verify(self) -> None:
        """Nothing is left to prove: each answer named the listed version, or it was an error."""

    def close(self) -> None:
        """Stop reading ahead and let go of the blocks."""
        self._ahead.close()
        self._cache.close()

    def _fetch_block(self, start: int, stop: int) -> bytes:
        self._in_cache.append((start, stop))
        # The cache asks for whole blocks, also where the object ends within one.
        stop = min(stop, self._ref.size_bytes)
        on_its_way = self._ahead.whole(start, stop)
        return self._fetch(start, stop) if on_its_way is None else on_its_way

    def _fetch(self, start: int, stop: int) -> bytes:
        return read_range(*split_uri(self._ref.uri), start, stop, etag=self._ref.etag, endpoint=self._endpoint)
