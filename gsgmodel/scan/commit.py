"""The last stage: the driver takes finished rows as they stream and commits them; no row is lost, none stands twice.

Ray's word is not enough: it reports success with rows missing. What is planned is held against what is in the sink, and
what never arrived is sent through once more.
"""

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Container, Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing.pool import AsyncResult, ThreadPool
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool

from gsgmodel.errors import TERMINAL, ConfigError, DecoderError, DriftError, OutputError, Status
from gsgmodel.scan.progress import Progress
from gsgmodel.scan.rows import DRIFTED, HELD_BACK, UNKEPT, UNSAFE
from gsgmodel.scan.stop import StopRequest

COMMIT_ROWS = 500
QUEUE_BLOCKS = 64
POLL_S = 0.2
CLOSE_S = 5.0
FEWEST_JUDGED = 50
"""Videos that must have arrived before the share of crashes says anything."""
STAGE_COLUMNS = ("prepare_cpu_s", "score_cpu_s")
ENDS_RUN = {UNKEPT: OutputError, UNSAFE: ConfigError, DRIFTED: DriftError}
END = None


@runtime_checkable
class Sink(Protocol):
    """Where finished rows go."""

    def contains(self, video_ids: pa.Array) -> Bool[np.ndarray, "N"]:
        """Say which videos are committed and need no work."""

    def commit(self, rows: pa.Table) -> None:
        """Keep finished rows for good; rows that are there already are left out."""


@runtime_checkable
class GateKeeper(Protocol):
    """What the driver asks of the gate."""

    def leave(self, video_ids: list[bytes]) -> None:
        """Give back the slots of videos that arrived."""

    def close(self) -> int:
        """Let nothing new start, and return how many videos in work may still arrive."""


@dataclass
class Committer:
    """Collects rows as they arrive and commits them in batches."""

    sink: Sink
    progress: Progress
    commit_s: float
    final: frozenset[str] = TERMINAL
    """Statuses whose rows are committed; the others are the world's fault."""
    max_crashed: float = 1.0
    """Share of crashed videos, of ``FEWEST_JUDGED`` or more, above which the decoder is at fault."""
    threshold: float | None = None
    """Videos that score at least this are counted as flagged."""
    report: Callable[[Mapping[str, float], int], None] | None = None
    """Told after each commit how far the scan is, and how many videos that is; must return at once."""
    num_flagged: int = 0
    unfinished: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    """Rows of videos that the world kept from being scored, by video id."""
    stage_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGE_COLUMNS, 0.0))
    """CPU seconds by stage, of all rows that arrived; the names are columns of theirs."""
    _pending: list[pa.Table] = field(default_factory=list)
    _pending_ids: set[bytes] = field(default_factory=set)
    _committed_at: float = field(default_factory=time.monotonic)

    def contains(self, video_ids: pa.Array) -> Bool[np.ndarray, "N"]:
        """Say which videos arrived, for good or for this run."""
        finished: Bool[np.ndarray, "N"] = self.is_unfinished(video_ids) | self.sink.contains(video_ids)
        return finished

    def is_unfinished(self, video_ids: pa.Array) -> Bool[np.ndarray, "N"]:
        """Say which videos the world kept from being scored."""
        return among(video_ids, self.unfinished)

    def take(self, block: pa.Table) -> list[bytes]:
        """Count a block of rows, keep the terminal ones for the next commit, and return whose rows they were.

        What ends the run is raised once what is waiting is committed: an ``OutputError`` if crops could not be written,
        a ``ConfigError`` if a machine cannot confine decoders as was asked for, a ``DriftError`` if one judges the
        model's own clips otherwise, a ``DecoderError`` if a larger share of the videos crashed than ``max_crashed``.
        """
        # Filtering a row of many columns costs a millisecond, and most blocks are one row that needs none of it.
        statuses = set(block["status"].to_pylist())
        self._check_ends(block, statuses)
        if HELD_BACK in statuses:
            block = block.filter(pc.not_equal(block["status"], HELD_BACK))
        ids = block["video_id"].combine_chunks()
        arrived: list[bytes] = ids.to_pylist()
        is_new = ~self.contains(ids) & ~among(ids, self._pending_ids) & _is_first(arrived)
        if not is_new.all():
            block = block.filter(pa.array(is_new))
        is_final = pc.is_in(block["status"], pa.array(sorted(self.final)))
        if not statuses <= self.final:
            self.unfinished.update({row["video_id"]: row for row in block.filter(pc.invert(is_final)).to_pylist()})
        for stage in self.stage_s:
            self.stage_s[stage] += pc.sum(block[stage]).as_py() or 0.0
        self.progress.add(statuses=block["status"].to_pylist(), num_clips=pc.sum(block["num_clips"]).as_py() or 0)
        if self.threshold is not None:
            self.num_flagged += pc.sum(pc.greater_equal(block["score"], self.threshold)).as_py() or 0
        final = block if statuses <= self.final else block.filter(is_final)
        if final.num_rows:
            self._pending.append(final)
            self._pending_ids.update(final["video_id"].to_pylist())
        self._check_crashes()
        return arrived

    def _check_ends(self, block: pa.Table, statuses: set[str]) -> None:
        for ends_run, kind in ENDS_RUN.items():
            if ends_run in statuses:
                self.commit()
                raise kind(block.filter(pc.equal(block["status"], ends_run))["error_text"][0].as_py())

    def _check_crashes(self) -> None:
        """Go on only while crashes are few.

        Raises:
            DecoderError: They are not.
        """
        num_crashed, num = self.progress.counts.get(Status.CRASHED, 0), self.progress.num_finished
        if num < FEWEST_JUDGED or num_crashed / num <= self.max_crashed:
            return
        # Their rows would keep these videos from being tried again.
        self._pending = [rows.filter(pc.not_equal(rows["status"], Status.CRASHED)) for rows in self._pending]
        self.commit()
        raise DecoderError(
            f"the decoder died at {num_crashed} of {num} videos, more than --max-crashed {self.max_crashed:g}: it is "
            "broken, not the videos; once it is mended, score those that have a row again with --retry crashed"
        )

    def try_again(self) -> int:
        """Forget the videos whose store did not answer, so that they count as not arrived; how many they are."""
        again = [key for key, row in self.unfinished.items() if row["status"] == Status.UNAVAILABLE]
        for key in again:
            del self.unfinished[key]
        self.progress.counts.subtract({Status.UNAVAILABLE: len(again)})
        self.progress.counts += Counter()
        return len(again)

    def commit_if_due(self) -> None:
        """Commit when enough rows, or old enough ones, are waiting."""
        if len(self._pending_ids) >= COMMIT_ROWS or time.monotonic() - self._committed_at >= self.commit_s:
            self.commit()

    def commit(self) -> None:
        """Commit everything that is waiting."""
        rows = pa.concat_tables(self._pending) if self._pending else None
        if rows is not None and rows.num_rows:
            self.sink.commit(rows)
            self._report()
        self._pending, self._pending_ids = [], set()
        self._committed_at = time.monotonic()

    def _report(self) -> None:
        if self.report is not None:
            counts = self.progress
            done = {"videos": counts.num_finished, "clips": counts.num_clips, "flagged": self.num_flagged}
            done["planned"] = counts.num_planned
            self.report(done | self.stage_s | dict(counts.counts), counts.num_finished)


def commit_stream(
    blocks: Generator[pa.Table],
    committer: Committer,
    *,
    gate: GateKeeper,
    stop: StopRequest,
    errors_of_a_dying_cluster: tuple[type[Exception], ...],
) -> None:
    """Take every block of a stream, committing as it goes; on a stop request, drain what is in work and return.

    The stream is read in a thread behind a bounded queue, so that commits and signals work while nothing arrives.

    Args:
        blocks: Finished rows; closed when the run ends before the stream does.
        committer: Takes them.
        gate: Told what arrived; closed on a stop request.
        stop: Looked at between blocks.
        errors_of_a_dying_cluster: Raised by the stream when Ray itself was taken down; expected while draining.
    """
    with closing(committer.progress), closing(_Arriving(blocks)) as arriving:
        while stop.reason is None and not arriving.is_over:
            _take_arrived(arriving, committer, gate)
        committer.commit()
        if stop.reason is None:
            arriving.raise_failure()
            return
        committer.progress.note(f"stopping for {stop.reason}: finishing what is in work, at most {stop.drain_s:.0f} s")
        try:
            _drain(arriving, committer, gate, stop=stop, until=time.monotonic() + stop.drain_s)
            arriving.raise_failure()
        except errors_of_a_dying_cluster as error:
            committer.progress.note(f"Ray stopped while draining ({type(error).__name__})")
        finally:
            committer.commit()


def _drain(arriving: "_Arriving", committer: Committer, gate: GateKeeper, *, stop: StopRequest, until: float) -> None:
    # What waits in the queue is taken first: the gate may be gone.
    _take_arrived(arriving, committer, gate)
    while gate.close() and not arriving.is_over and not stop.is_urgent and time.monotonic() < until:
        _take_arrived(arriving, committer, gate)


def _take_arrived(arriving: "_Arriving", committer: Committer, gate: GateKeeper) -> None:
    arrived = [video_id for block in arriving.take() for video_id in committer.take(block)]
    if arrived:
        gate.leave(arrived)
    committer.commit_if_due()
    committer.progress.tick()


def among(video_ids: pa.Array, members: Container[bytes]) -> Bool[np.ndarray, "N"]:
    """Say which videos are among some."""
    return np.fromiter((video_id in members for video_id in video_ids.to_pylist()), bool, len(video_ids))


def _is_first(video_ids: list[bytes]) -> Bool[np.ndarray, "N"]:
    """Of several rows for one video, say which is the first."""
    places = {video_id: index for index, video_id in reversed(list(enumerate(video_ids)))}
    return np.array([places[video_id] == index for index, video_id in enumerate(video_ids)], bool)


class _Arriving:
    """A stream read by a daemon thread into a bounded queue."""

    def __init__(self, blocks: Generator[pa.Table]) -> None:
        self._queue: queue.Queue[pa.Table | None] = queue.Queue(maxsize=QUEUE_BLOCKS)
        self._over = threading.Event()
        self._is_unwanted = threading.Event()
        # A ThreadPool's threads are daemons and its result carries any exception to whoever asks for it.
        self._pool = ThreadPool(1)
        self._result: AsyncResult[None] = self._pool.apply_async(self._read, (blocks,))

    @property
    def is_over(self) -> bool:
        """Whether the stream ended and every block was taken."""
        return self._over.is_set()

    def take(self) -> Iterator[pa.Table]:
        """Yield what is there, waiting a moment if nothing is."""
        timeout: float | None = POLL_S
        for _ in range(QUEUE_BLOCKS):
            try:
                block = self._queue.get(block=timeout is not None, timeout=timeout)
            except queue.Empty:
                return
            if block is END:
                self._over.set()
                return
            timeout = None
            yield block

    def raise_failure(self) -> None:
        """Raise what ended the stream early, if anything did."""
        if self.is_over:
            self._result.get()

    def close(self) -> None:
        """Let the stream go, and wait a little for it: Ray must not be shut down under it."""
        self._is_unwanted.set()
        self._result.wait(CLOSE_S)

    def _read(self, blocks: Generator[pa.Table]) -> None:
        try:
            with closing(blocks):
                for block in blocks:
                    self._put(block)
                    if self._is_unwanted.is_set():
                        break
        finally:
            self._put(END)

    def _put(self, block: pa.Table | None) -> None:
        while not self._is_unwanted.is_set():
            with suppress(queue.Full):
                self._queue.put(block, timeout=POLL_S)
                return
