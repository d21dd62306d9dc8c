"""Stage 1: list the archive, leave out what is done, and write what is left as Parquet before Ray reads it.

An archive that takes longer to list than ``FIRST_PART_S`` gets a plan of several parts, and the first ones are scored
while the others are listed. In each part the largest video comes first, so that no long one starts last.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import compress, islice
from multiprocessing.pool import AsyncResult, ThreadPool
from pathlib import Path

import pyarrow as pa

from gsgmodel.archive.candidates import LeftOut
from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.records import VideoRef
from gsgmodel.results.done import DoneIds
from gsgmodel.results.storage import output_errors
from gsgmodel.scan.parts import IsDone, end_parts, write_part
from gsgmodel.scan.plan import PLAN_SCHEMA, TO_SCORE, Plan, PlanKind

BATCH_ROWS = 1000
"""As many as a store lists at a time."""
BATCH_S = 1.0
"""How long to wait for as many."""
_AT_ONCE = 20
"""Taken between two looks at the clock."""
FIRST_PART_S, PART_S = 5.0, 20.0
"""How long the listing goes on before what it found becomes a part: the first one, and the others."""
PART_ROWS = 200_000
"""So few that they are sorted in memory."""


def make_plan(
    listed: Iterable[VideoRef | LeftOut],
    *,
    is_done: IsDone,
    limit: int | None,
    folder: Path,
    kind: PlanKind = TO_SCORE,
    keep: Callable[[Path], object] | None = None,
) -> Plan:
    """Write the videos of a listing that are not done, each once, and return when the listing is over.

    Args:
        listed: The archive's listing; read once and never held.
        is_done: Says of video ids whether the table has them.
        limit: Plan at most this many, the first in listing order; the listing is not read further.
        folder: Where the plan's files go; made if missing.
        kind: Of its rows.
        keep: Given each part once it is written. What breaks the listing off is raised.
    """
    with planning(listed, is_done=is_done, limit=limit, folder=folder, kind=kind, keep=keep) as planner:
        planner.wait()
        return planner.plan


@contextmanager
def planning(
    listed: Iterable[VideoRef | LeftOut],
    *,
    is_done: IsDone,
    limit: int | None,
    folder: Path,
    kind: PlanKind = TO_SCORE,
    keep: Callable[[Path], object] | None = None,
) -> Iterator["Planner"]:
    """Begin a plan as ``make_plan`` does, and go on listing in a thread.

    Yields:
        The planner, once there is something to do or the listing is over; it plans no more afterwards. What breaks the
        listing off before anything is planned is raised.
    """
    folder.mkdir(parents=True, exist_ok=True)
    planner = Planner(plan=Plan(path=folder, done=kind.done), kind=kind, is_done=is_done, keep=keep)
    planner.start(listed, limit=limit)
    try:
        yield planner
    finally:
        planner.close()


@dataclass(kw_only=True)
class Planner:
    """Writes a plan while it is being carried out; one that was not started has its plan already."""

    plan: Plan
    kind: PlanKind
    is_done: IsDone
    keep: Callable[[Path], object] | None
    """Given each part once it is written."""
    planned: DoneIds = field(default_factory=DoneIds)
    """The ids of all planned videos."""
    _waiting: list[VideoRef] = field(default_factory=list)
    _num_parts: int = 0
    _is_closed: bool = False
    _has_first: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _told: Callable[..., None] | None = None
    _pool: ThreadPool = field(default_factory=lambda: ThreadPool(1))
    _result: AsyncResult[None] | None = None

    def start(self, listed: Iterable[VideoRef | LeftOut], *, limit: int | None) -> None:
        """List in a thread, and return with the first part; an error that comes before it is raised.

        Args:
            listed: The archive's listing.
            limit: Plan at most this many.
        """
        # A ThreadPool's threads are daemons and its result carries any exception to whoever asks for it.
        self._result = self._pool.apply_async(self._list, (listed, limit))
        self._pool.close()
        self._has_first.wait()
        if not self.plan.num_videos:
            self.wait()

    def follow(self, told: Callable[..., None]) -> None:
        """Have somebody told now, and whenever it has grown, how many videos are planned, and whether that is all."""
        self._told = told
        self._tell()

    def wait(self, most_s: float | None = None) -> None:
        """Wait for the end of the listing.

        Args:
            most_s: Seconds after which to go on all the same; None for never. What broke the listing off, or kept the
                plan from being written, is raised.
        """
        if self._result is not None:
            self._result.wait(most_s)
            if self._result.ready():
                self._result.get()
        if self.plan.failure is not None:
            raise self.plan.failure

    def finish(self, most_s: float | None = None) -> None:
        """Wait as ``wait`` does, and plan no more; what broke the listing off stays in the plan."""
        with suppress(ConfigError, OutputError):
            self.wait(most_s)
        self.close()

    def close(self) -> None:
        """Plan no more, whether or not the listing is over; the plan stands as it is."""
        with self._lock:
            self._is_closed = True
            self._end()

    def _list(self, listed: Iterable[VideoRef | LeftOut], limit: int | None) -> None:
        try:
            self._read(listed, limit)
        except (ConfigError, OutputError) as error:
            self.plan.failure = error
        finally:
            with self._lock:
                self._end()
            self._has_first.set()

    def _read(self, listed: Iterable[VideoRef | LeftOut], limit: int | None) -> None:
        due_s = time.monotonic() + FIRST_PART_S
        for batch in self._unfinished_batches(listed, limit=limit):
            self._waiting += batch
            if self._is_closed:
                return
            if len(self._waiting) >= PART_ROWS or (self._waiting and time.monotonic() >= due_s):
                self._write()
                due_s = time.monotonic() + PART_S
        self._write()

    def _unfinished_batches(
        self, listed: Iterable[VideoRef | LeftOut], *, limit: int | None
    ) -> Iterator[list[VideoRef]]:
        candidates = self._candidates(listed)
        left = limit
        # A batch is never larger than what is still wanted, so that a listing is not read beyond the limit.
        while found := _batch(candidates, most=BATCH_ROWS if left is None else min(left, BATCH_ROWS)):
            named = {ref.video_id: ref for ref in found}
            batch, ids = list(named.values()), pa.array(list(named), pa.binary())
            is_new = ~self.planned.holds(ids)
            is_done = self.is_done(ids)
            self._leave_out_done([ref.size_bytes for ref in compress(batch, is_new & is_done)])
            self.planned.add(ids.filter(pa.array(is_new & ~is_done)))
            wanted = list(compress(batch, is_new & ~is_done))
            left = left if left is None else left - len(wanted)
            yield wanted

    def _candidates(self, listed: Iterable[VideoRef | LeftOut]) -> Iterator[VideoRef]:
        for item in listed:
            if isinstance(item, LeftOut):
                self.plan.leave_out(item)
            else:
                yield item

    def _leave_out_done(self, sizes_bytes: Sequence[int]) -> None:
        if sizes_bytes:
            self.plan.left_out[self.kind.done] += len(sizes_bytes)
            self.plan.left_out_bytes[self.kind.done] += sum(sizes_bytes)

    def _write(self) -> None:
        """Make a part of what is waiting."""
        refs, self._waiting = self._waiting, []
        # A plan without rows has one part too, which says what rows it would have.
        if not refs and self._num_parts:
            return
        rows = refs_table(refs, self.kind.schema)
        rows = rows.sort_by([("size_bytes", "descending"), ("uri", "ascending")])
        with self._lock:
            if self._is_closed:
                return
            with output_errors(str(self.plan.path)):
                part = write_part(self.plan.path, self._num_parts, rows)
            self._num_parts += 1
            self.plan.num_videos += len(refs)
            self.plan.num_bytes += sum(ref.size_bytes for ref in refs)
        if self.keep:
            self.keep(part)
        self._tell()
        if refs:
            self._has_first.set()

    def _end(self) -> None:
        if not self.plan.is_listed:
            if not self._num_parts:
                write_part(self.plan.path, 0, self.kind.schema.empty_table())
            end_parts(self.plan.path)
            self.plan.is_listed = True
            self._tell()

    def _tell(self) -> None:
        if self._told:
            self._told(self.plan.num_videos, is_all=self.plan.is_listed)


def _batch(candidates: Iterator[VideoRef], *, most: int) -> list[VideoRef]:
    """The next candidates, fewer than ``most`` where they come slowly; none at the end."""
    found: list[VideoRef] = []
    until_s = time.monotonic() + BATCH_S
    while len(found) < most and (not found or time.monotonic() < until_s):
        some = list(islice(candidates, min(_AT_ONCE, most - len(found))))
        if not some:
            break
        found += some
    return found


def refs_table(refs: Sequence[VideoRef], schema: pa.Schema = PLAN_SCHEMA) -> pa.Table:
    """Return references as rows of a plan."""
    columns = [[getattr(ref, name) for ref in refs] for name in schema.names]
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )
