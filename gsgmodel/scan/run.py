"""A run over an archive, whatever it does with the videos: where it keeps what it finds, and what ends it early."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from gsgmodel.archive.candidates import LeftOut
from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.records import VideoRef
from gsgmodel.redact import redact
from gsgmodel.results.done import DoneIds
from gsgmodel.results.runs import RunFolder
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.commit import Sink
from gsgmodel.scan.notify import notify
from gsgmodel.scan.parts import IsDone
from gsgmodel.scan.plan import TO_SCORE, PlanKind
from gsgmodel.scan.planner import Planner, planning
from gsgmodel.scan.settings import RunSettings, deadline_time
from gsgmodel.scan.stop import Patience, StopRequest
from gsgmodel.scan.submitted import drain_within

FAILED, USAGE = 1, 2
SHOW_EVERY_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Run:
    """An opened run: its settings, and where rows go."""

    inputs: tuple[str, ...]
    settings: RunSettings
    sink: Sink
    plan_folder: Path
    run_folder: RunFolder | None
    """None where nothing is kept."""
    identity: Mapping[str, Any]
    """What the run's files say of how its rows came about; with ``run_id``."""
    resolved: Mapping[str, Any]
    """The settings as they were resolved, and the identity of the run."""
    notes: tuple[str, ...]
    """What the user should know of although the run goes on; in the summary too."""
    recount: Callable[[DoneIds], IsDone]
    """Looks anew which of some videos the sink holds."""
    started_at: datetime

    @property
    def deadline_s(self) -> float | None:
        """Seconds from now until the deadline, or None."""
        if self.settings.deadline is None:
            return None
        then = deadline_time(self.settings.deadline, now=self.started_at.astimezone())
        return max(0.0, (then - datetime.now(UTC)).total_seconds())

    @cached_property
    def stop(self) -> StopRequest:
        """What ends the run early."""
        return StopRequest(deadline_s=self.deadline_s, drain_s=drain_within(self.settings.drain_s))

    def patience(self, note: Callable[[str], None]) -> Patience:
        """How long to wait for a cluster's room."""
        return Patience(
            timeout_s=self.settings.start_timeout_s, note=note, is_stopped=lambda: self.stop.reason is not None
        )

    def contains(self, video_ids: pa.Array) -> Bool[np.ndarray, "N"]:
        """Say which videos need no work."""
        return self.sink.contains(video_ids)

    def planning(
        self, listed: Iterable[VideoRef | LeftOut], *, kind: PlanKind = TO_SCORE
    ) -> AbstractContextManager[Planner]:
        """Begin the plan of what is listed, until something asks to stop (``gsgmodel.scan.planner.planning``)."""
        return planning(
            self.stop.passing(listed),
            is_done=self.contains,
            limit=self.settings.limit,
            folder=self.plan_folder,
            kind=kind,
            keep=self.keep_plan,
        )

    def keep_plan(self, part: Path) -> None:
        """Keep a part of the plan with the run, where it does not lie there already."""
        if self.run_folder:
            self.run_folder.keep_plan(part)

    @property
    def commit_s(self) -> float:
        """How often finished rows leave the driver; what is only shown is shown soon."""
        return self.settings.commit_s if self.run_folder else SHOW_EVERY_S


def make_run_folder(output: str, resolved: Mapping[str, Any], *, s3_endpoint: str | None) -> RunFolder:
    """Make the folder of a run with its settings in it.

    Args:
        output: The place that results go to.
        resolved: The settings, with the run's id in ``identity``.
        s3_endpoint: Of the store, or None for the environment's.
    """
    folder = RunFolder.create(output, resolved["identity"]["run_id"], s3_endpoint=s3_endpoint)
    folder.write_settings(resolved)
    return folder


def recount(table: VideoTable, planned: DoneIds, *, done: DoneIds, key: str) -> IsDone:
    """Look anew which planned videos the table holds; a row that was to be replaced and still stands does not count."""
    held = table.look_up(planned, key=key)
    held.stale = set(done.stale)
    return held.contains


@contextmanager
def last_word(run: Run, *, what: str, tell: Callable[[dict[str, Any]], object] | None = None) -> Iterator[None]:
    """See to it that a run that an error ends has a summary: whoever watches runs by their summaries must see it.

    Args:
        run: Of which ``summary.json`` is written where it is not there at the end.
        what: Kind of run, for those who are notified.
        tell: Given that summary too.

    Yields:
        For as long as the run lasts.

    Raises:
        ConfigError: As it came.
    """
    ended = {"exit_code": FAILED, "reason": "ended by an error"}
    try:
        yield
    except ConfigError as error:
        ended = {"exit_code": USAGE, "reason": redact(str(error))}
        raise
    finally:
        if run.run_folder and not run.run_folder.has_summary:
            summary = {**ended, **run.identity}
            with suppress(OutputError):
                run.run_folder.write_summary(summary)
            if tell:
                tell(summary)
            notify(run.settings.notify, summary, what=what)
