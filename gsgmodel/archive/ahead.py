"""Ranges of an object that will be read, fetched before they are: several at a time, and few ahead of the reader."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from operator import itemgetter

PIECE_BYTES = 2**20
"""Of a request."""
GAP_BYTES = 2**16
"""Ranges that lie closer are one: a request costs more than so many bytes."""
REQUESTS = 4
"""On their way at once."""
PIECES_AHEAD = 8
"""Fetched and not yet reached by the reader; the memory that waits is at most this many pieces."""
PIECES_BEHIND = 2
"""Kept once the reader is past them: decoders go back a little."""


class ReadAhead:
    """Fetches expected ranges of one object in threads.

    Args:
        fetch: Returns the bytes from a start to a stop; called from several threads.
        size_bytes: Of the object.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], *, size_bytes: int) -> None:
        self._fetch = fetch
        self._size_bytes = size_bytes
        self._pieces: list[tuple[int, int]] = []
        self._coming: dict[int, Future[bytes]] = {}
        self._threads: ThreadPoolExecutor | None = None

    def expect(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Begin to fetch ranges ``(start, stop)`` that will be read, in their order; those expected before are let go.

        Parts outside of the object are left out.
        """
        self._let_go(set(self._coming))
        self._pieces = pieces_of([(max(0, start), min(stop, self._size_bytes)) for start, stop in ranges])
        self._fetch_from(0)

    def read(self, offset: int, size_bytes: int) -> bytes | None:
        """Bytes at an offset, fewer where a piece ends; None where they are not expected.

        What fetching raised is raised here.
        """
        place = self._place_of(offset)
        if place is None:
            return None
        self._let_go({each for each in self._coming if each < place - PIECES_BEHIND})
        self._fetch_from(place)
        start = self._pieces[place][0]
        return self._coming[place].result()[offset - start : offset - start + size_bytes]

    def whole(self, start: int, stop: int) -> bytes | None:
        """All bytes of a range where a request under way or done brings them, else None; for any thread."""
        place = self._place_of(start)
        coming = None if place is None else self._coming.get(place)
        if place is None or coming is None or self._pieces[place][1] < stop:
            return None
        first = self._pieces[place][0]
        try:
            return coming.result()[start - first : stop - first]
        except CancelledError:
            return None

    def close(self) -> None:
        """Stop fetching; requests on their way come to their end, and nobody waits for them."""
        self._let_go(set(self._coming))
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    def _place_of(self, offset: int) -> int | None:
        pieces = self._pieces
        place = bisect_right(pieces, offset, key=itemgetter(0)) - 1
        return place if place >= 0 and offset < pieces[place][1] else None

    def _fetch_from(self, place: int) -> None:
        for each in range(place, min(place + PIECES_AHEAD, len(self._pieces))):
            if each not in self._coming:
                self._threads = self._threads or ThreadPoolExecutor(REQUESTS, thread_name_prefix="read-ahead")
                self._coming[each] = self._threads.submit(self._fetch, *self._pieces[each])

    def _let_go(self, places: set[int]) -> None:
        for place in places:
            self._coming.pop(place).cancel()


def pieces_of(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges as requests, ascending and apart: those that are close joined, and none longer than ``PIECE_BYTES``.

    >>> pieces_of([(0, 10), (5, 20), (20 + GAP_BYTES + 1, 20 + GAP_BYTES + 2)])
    [(0, 20), (65557, 65558)]
    """
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(each for each in ranges if each[0] < each[1]):
        if joined and start <= joined[-1][1] + GAP_BYTES:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return [
        (first, min(first + PIECE_BYTES, stop)) for start, stop in joined for first in range(start, stop, PIECE_BYTES)
    ]


def without(ranges: Sequence[tuple[int, int]], held: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of ranges that lie in none of the held ones.

    >>> without([(0, 10), (20, 30)], [(5, 22), (24, 25)])
    [(0, 5), (22, 24), (25, 30)]
    """
    left: list[tuple[int, int]] = []
    for start, stop in ranges:
        at = start
        for held_start, held_stop in sorted(held):
            if held_start < stop and held_stop > at:
                left.append((at, held_start))
                at = held_stop
        left.append((at, stop))
    return [(start, stop) for start, stop in left if start < stop]
