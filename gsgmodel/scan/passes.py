"""The scan from its plan to its account: a pass over all rows, one more over what never arrived, and the proof.

Every run ends by holding planned = committed + unfinished + left. Ray Data has been measured to report success with
rows missing, so the account is taken from the plan's file and from what the sink really has.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import ray
from ray.data import Dataset

from gsgmodel.results.done import DoneIds
from gsgmodel.scan.commit import Committer, GateKeeper, commit_stream
from gsgmodel.scan.parts import IsDone, rows_left
from gsgmodel.scan.plan import Plan
from gsgmodel.scan.planner import Planner
from gsgmodel.scan.stop import StopRequest

MAX_PASSES = 2
CUT_S = 5.0
"""How long the listing of a run that stops may take to notice."""
AGAIN_AFTER_S = 20.0
"""Before videos whose store did not answer are tried again, once the others are done."""
DYING_CLUSTER = (ray.exceptions.RayError, ConnectionError)


@dataclass(frozen=True, kw_only=True)
class Account:
    """What became of the planned videos."""

    num_planned: int
    num_unfinished: int
    """The world kept them from being scored; the next run tries them."""
    num_left: int
    """Not started, or not finished in time, because the run was asked to stop."""
    num_lost: int
    """Never arrived in any pass, or said to be committed and not found: our fault, the run has failed."""
    broke_off: str = ""
    """Why the plan is not all that there was to do; then the run has failed too."""

    @property
    def num_committed(self) -> int:
        """In the sink, by this run or by another one at the same time."""
        return self.num_planned - self.num_unfinished - self.num_left - self.num_lost


NOTHING_PLANNED = Account(num_planned=0, num_unfinished=0, num_left=0, num_lost=0)


def run_passes(
    planner: Planner,
    stream: Callable[[Path], Dataset],
    committer: Committer,
    *,
    gate: GateKeeper,
    stop: StopRequest,
    recount: Callable[[DoneIds], IsDone],
) -> Account:
    """Send the plan through the stages until everything has arrived, and return the account.

    The first pass goes on for as long as the archive is listed.

    Args:
        planner: Of what is to be scored; may still be listing.
        stream: Makes the stages over a plan's file.
        committer: Takes what arrives.
        gate: Lets videos start.
        stop: Ends the run early.
        recount: Looks anew which of the planned videos the sink holds, for the proof.
    """
    plan, path = planner.plan, planner.plan.path
    planner.follow(committer.progress.expect)
    num_left = plan.num_videos
    for attempt in range(1, MAX_PASSES + 1):
        if not num_left or stop.reason is not None:
            break
        if attempt > 1:
            committer.progress.note(f"{num_left} videos are missing; sending them through once more")
        commit_stream(
            blocks_of(stream(path)),
            committer,
            gate=gate,
            stop=stop,
            errors_of_a_dying_cluster=DYING_CLUSTER,
        )
        planner.finish(CUT_S if stop.reason is not None else None)
        if attempt < MAX_PASSES and stop.reason is None and (num_again := committer.try_again()):
            committer.progress.note(f"the store did not answer for {num_again} videos; trying them again in a moment")
            stop.wait(AGAIN_AFTER_S)
        following = plan.path / f"pass-{attempt + 1}.parquet"
        num_left = rows_left(path, is_finished=committer.contains, out_path=following)
        path = following
    planner.finish(CUT_S)
    held = recount(planner.planned)
    num_missing = rows_left(
        plan.path,
        is_finished=lambda ids: held(ids) | committer.is_unfinished(ids),
        out_path=plan.path / "missing.parquet",
    )
    # Another run may have committed what this one did not get to.
    num_stopped = min(num_left, num_missing) if stop.reason is not None else 0
    return Account(
        num_planned=plan.num_videos,
        num_unfinished=len(committer.unfinished),
        num_left=num_stopped,
        num_lost=num_missing - num_stopped,
        broke_off=str(plan.failure or ""),
    )


def missing_rows(plan: Plan) -> list[dict[str, Any]]:
    """Return the planned rows that are neither in the sink nor unfinished, after ``run_passes``."""
    rows: list[dict[str, Any]] = pq.read_table(plan.path / "missing.parquet").to_pylist()
    return rows


def blocks_of(rows: Dataset) -> Generator[pa.Table]:
    """Yield what arrives at the end of the stages, as it comes."""
    yield from rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
