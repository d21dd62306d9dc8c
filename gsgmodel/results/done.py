"""Which videos a table holds, compactly enough for tens of millions."""

from collections.abc import Collection, Iterable, Iterator, Set
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from jaxtyping import Bool, UInt64

from gsgmodel.errors import Status
from gsgmodel.results.kinds import VIDEO_ID_BYTES, RowKind
from gsgmodel.results.places import Place
from gsgmodel.results.schema import VIDEO_ROWS

_FOLD_ROWS = 1 << 16
_OF_DECODER = pa.array([Status.CRASHED.value, Status.TIMEOUT.value])
"""What a decoder of another version may do better."""


_Halves: TypeAlias = tuple[UInt64[np.ndarray, "N"], UInt64[np.ndarray, "N"]]


def _halves(video_ids: pa.Array) -> _Halves:
    """The first and last eight bytes of each id as numbers, in the ids' own order."""
    fixed = video_ids.cast(pa.binary(VIDEO_ID_BYTES))
    start = fixed.offset * VIDEO_ID_BYTES
    data = np.frombuffer(fixed.buffers()[1], np.uint8)[start : start + len(fixed) * VIDEO_ID_BYTES]
    words = data.view(">u8").reshape(-1, 2).astype(np.uint64)
    return words[:, 0].copy(), words[:, 1].copy()


class DoneIds:
    """The ids of the videos that a table holds for one scoring, or for what else their key names, and which are stale.

    Ids lie in two arrays of 8 bytes each, sorted by the first half; new ones in a set that is folded into them now
    and then. Ten million take 160 MB. One thread may add ids while others ask.
    """

    def __init__(self, *, stale: Iterable[bytes] = ()) -> None:
        self.stale: set[bytes] = set(stale)
        """Ids that the table holds but whose rows are to be replaced."""
        self._sorted: _Halves = (np.empty(0, np.uint64), np.empty(0, np.uint64))
        self._recent: set[bytes] = set()

    def __len__(self) -> int:
        """How many ids the table holds, stale ones included."""
        return len(self._sorted[0]) + len(self._recent)

    def contains(self, video_ids: pa.Array) -> Bool[np.ndarray, "N"]:
        """Which videos are done: in the table, and not to be scored again.

        Args:
            video_ids: Binary, 16 bytes each, without nulls.

        Returns:
            True where a video needs no work.
        """
        held = self.holds(video_ids)
        if self.stale:
            held &= ~_among(video_ids, self.stale)
        return held

    def holds(self, video_ids: pa.Array) -> Bool[np.ndarray, "N"]:
        """Which videos have a row in the table, be it done or stale; arguments and result as of ``contains``."""
        high, low = _halves(video_ids)
        # In this order, so that a thread that adds ids meanwhile moves none of them past this one.
        recent, (sorted_high, sorted_low) = self._recent, self._sorted
        place = np.searchsorted(sorted_high, high)
        held = np.zeros(len(high), bool)
        open_ = np.flatnonzero(place < len(sorted_high))
        while len(open_):
            same = sorted_high[place[open_]] == high[open_]
            open_ = open_[same]
            found = sorted_low[place[open_]] == low[open_]
            held[open_[found]] = True
            # Several ids may share their first half.
            open_ = open_[~found]
            place[open_] += 1
            open_ = open_[place[open_] < len(sorted_high)]
        if recent:
            held |= _among(video_ids, recent)
        return held

    def add(self, video_ids: pa.Array) -> None:
        """Note that videos have a row in the table; known ones stay as they are."""
        new = video_ids.filter(pa.array(~self.holds(video_ids)))
        self._recent.update(new.to_pylist())
        if len(self._recent) > max(_FOLD_ROWS, len(self._sorted[0]) // 8):
            self._fold([pa.array(list(self._recent), pa.binary())])
            self._recent = set()

    def _fold(self, batches: Iterable[pa.Array]) -> None:
        """Merge ids that are not yet held into the sorted arrays."""
        parts = [self._sorted, *(_halves(batch) for batch in batches)]
        high, low = (np.empty(sum(len(part[0]) for part in parts), np.uint64) for _ in range(2))
        start = 0
        # One after the other is let go: of tens of millions there is no room for everything twice.
        while parts:
            some = parts.pop()
            stop = start + len(some[0])
            high[start:stop], low[start:stop] = some
            start = stop
        order = np.argsort(high).astype(np.uint32)
        high = high[order]
        self._sorted = (high, low[order])

    @classmethod
    def of_rows(
        cls,
        batches: Iterable[pa.RecordBatch],
        *,
        retry: Set[Status] = frozenset(),
        decoder: str = "",
        among: "DoneIds | None" = None,
    ) -> "DoneIds":
        """Gather the ids of a table's rows, each video's once.

        Args:
            batches: With the columns of ``id_batches``.
            retry: Rows with these statuses are stale.
            decoder: ``timeout`` and ``crashed`` rows of another decoder are stale; empty: of none.
            among: Only videos that these hold are gathered; None for all.

        Returns:
            Their ids.
        """
        ids = cls()

        def without_stale() -> Iterator[pa.Array]:
            for every in batches:
                batch = every if among is None else every.filter(pa.array(among.holds(every.column("video_id"))))
                video_ids = batch.column("video_id")
                is_stale = pc.is_in(batch.column("status"), pa.array(sorted(retry), pa.string()))
                if decoder:
                    is_other = pc.invert(pc.fill_null(pc.equal(batch.column("decoder"), decoder), fill_value=False))
                    is_stale = pc.or_(is_stale, pc.and_(is_other, pc.is_in(batch.column("status"), _OF_DECODER)))
                ids.stale.update(video_ids.filter(is_stale).to_pylist())
                yield video_ids

        ids._fold(without_stale())
        return ids


def id_batches(
    place: Place, names: Collection[str], *, key: str, kind: RowKind = VIDEO_ROWS
) -> Iterator[pa.RecordBatch]:
    """Read which videos have rows of one scoring, batch by batch.

    Args:
        place: Of the table.
        names: Of its Parquet files that are to be read.
        key: What the rows in question carry in the key column: the scoring.
        kind: Of the table.

    Yields:
        Batches with the columns ``video_id``, ``status`` and ``decoder``.
    """
    if not names:
        return
    paths = [place.file_path(name) for name in sorted(names)]
    files = ds.dataset(paths, schema=kind.schema, format="parquet", filesystem=place.files)
    scanner = files.scanner(
        columns=["video_id", "status", "decoder"],
        filter=ds.field(kind.key_column) == key,
        use_threads=False,
        batch_readahead=1,
        fragment_readahead=place.files_ahead,
    )
    yield from scanner.to_batches()


def _among(video_ids: pa.Array, members: Set[bytes]) -> Bool[np.ndarray, "N"]:
    return np.fromiter((value in members for value in video_ids.to_pylist()), bool, len(video_ids))
