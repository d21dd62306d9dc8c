"""One run in MLflow for each scan or training, which never stops, slows or fails it.

Whatever talks to MLflow happens in one daemon thread behind a bounded queue, the import of MLflow and the making of its
database too. Nobody waits for it but ``finish``, and that only for a stated time.
"""

import logging
import queue
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gsgmodel.redact import redact
from gsgmodel.tracking.failures import reason_of
from gsgmodel.tracking.messages import Beginning, End, Point, beginning_of, end_of, point_of

if TYPE_CHECKING:
    from gsgmodel.tracking.recorder import Recorder

EXPERIMENT = "gsg-scans"
QUEUE_LENGTH = 64
"""Points that wait for a slow MLflow; what comes after them is dropped."""
logger = logging.getLogger(__name__)


class TrackedRun:
    """The run of one job in MLflow, as far as MLflow takes it; ``start`` makes it."""

    def __init__(self, address: str, beginning: Beginning) -> None:
        self._address = address
        self._beginning = beginning
        self._waiting: queue.Queue[Point | End] = queue.Queue(QUEUE_LENGTH)
        self._num_lost = 0
        self._reason = ""
        self._is_incomplete = True
        self._recorder: Recorder | None = None
        self._has_ended = threading.Event()

    @classmethod
    def start(
        cls,
        settings: Mapping[str, Any],
        *,
        tracking_uri: str,
        experiment: str = EXPERIMENT,
        run_name: str | None = None,
        parent_run: str | None = None,
    ) -> "TrackedRun":
        """Begin a run; returns at once.

        Args:
            settings: As resolved: the run's parameters. ``identity`` among them becomes tags.
            tracking_uri: MLflow's address, as ``tracking_address`` returns it.
            experiment: Holds the runs; it is made where there is none.
            run_name: What MLflow shows; None takes the ``run_id`` of ``identity``.
            parent_run: MLflow's name of the run below which it is shown.
        """
        beginning = beginning_of(settings, experiment=experiment, run_name=run_name, parent_run=parent_run)
        run = cls(tracking_uri, beginning)
        # A daemon, which no process waits for when it exits.
        threading.Thread(target=run.record, name="mlflow", daemon=True).start()
        return run

    @property
    def run_id(self) -> str | None:
        """MLflow's own name of this run; None until MLflow has made it."""
        return self._recorder.run_id if self._recorder else None

    def wait_for_run_id(self, wait_s: float) -> str | None:
        """MLflow's own name of this run, for which MLflow may take so long; None where it has not made it by then."""
        until_s = time.monotonic() + wait_s
        while self.run_id is None and not self._has_ended.is_set() and not self._reason and time.monotonic() < until_s:
            time.sleep(0.05)
        return self.run_id

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Say how far the job is; dropped where MLflow does not keep up. Returns at once."""
        try:
            self._waiting.put_nowait(point_of(metrics, step=step))
        except queue.Full:
            self._num_lost += 1

    def finish(
        self,
        summary: Mapping[str, Any],
        files: Mapping[str, bytes] | None = None,
        *,
        failed: bool = False,
        wait_s: float = 30.0,
    ) -> str | None:
        """End the run.

        Args:
            summary: Its numbers become metrics and its texts tags; the whole is kept as ``summary.json``.
            files: What the run keeps besides, by name.
            failed: Whether the job failed. One that a signal ended, by its ``exit_code``, counts as killed.
            wait_s: How long MLflow may take for all that is still to be sent.

        Returns:
            None, or one sentence about what MLflow does not have.
        """
        end = end_of(summary, files or {}, failed=failed)
        while not self._has_room_for(end):
            self._drop_oldest()
        where = f"MLflow at {redact(self._address)}"
        if not self._has_ended.wait(wait_s):
            because = f": it {self._reason}" if self._reason else ""
            return f"{where} did not take the end of this run within {wait_s:g} s{because}"
        if self._is_incomplete:
            return f"{where} does not have all of this run: it {self._reason or 'failed'}"
        if self._num_lost:
            because = f": it {self._reason}" if self._reason else ""
            return f"{where} lacks some of this run's progress ({self._num_lost} points){because}"
        return None

    def record(self) -> None:
        """Tell MLflow what comes, until the end; a beginning that failed is tried again with what comes next."""
        try:
            self._take(self._beginning)
            while not isinstance(message := self._waiting.get(), End):
                self._num_lost += not self._take(message)
            self._is_incomplete = not self._take(message)
        finally:
            # Whatever ended this thread, nobody is to wait for it.
            self._has_ended.set()

    def _take(self, message: Beginning | Point | End) -> bool:
        """Tell MLflow one thing; False if it did not take it."""
        # It brings MLflow along, which takes a second to import.
        from gsgmodel.tracking.recorder import Recorder  # noqa: PLC0415
        from gsgmodel.tracking.store import FAILURES  # noqa: PLC0415

        try:
            self._recorder = self._recorder or Recorder(self._address, self._beginning)
            self._recorder.take(message)
        except FAILURES as error:
            logger.debug("MLflow failed", exc_info=True)
            self._reason = reason_of(error)
            return False
        return True

    def _has_room_for(self, end: End) -> bool:
        try:
            self._waiting.put_nowait(end)
        except queue.Full:
            return False
        return True

    def _drop_oldest(self) -> None:
        try:
            self._waiting.get_nowait()
        except queue.Empty:
            return
        self._num_lost += 1
