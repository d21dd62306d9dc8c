"""Taking turns: what a run does where another one is writing to the same output."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from gsgmodel.errors import BusyError
from gsgmodel.results.lease import Holder, holding
from gsgmodel.results.storage import output_place

IfRunning = Literal["wait", "leave", "join"]


@dataclass(slots=True, kw_only=True)
class _Manners:
    """What is done where there is another run."""

    if_running: IfRunning
    tell: Callable[[str], None]
    is_stopped: Callable[[], bool]
    told: str = field(default="", init=False)

    def wait(self, holder: Holder) -> bool:
        """Say once who it is, and whether to wait for it.

        Raises:
            BusyError: If this run is to leave, or was asked to stop while it waited.
        """
        who = f"run {holder.run_id} on {holder.host} is writing to this output"
        if self.if_running == "leave":
            raise BusyError(f"{who}: leaving it to that, as --if-running leave asks")
        if self.is_stopped():
            raise BusyError(f"{who}, and this one waited for it until it was to stop")
        if self.told != holder.run_id:
            more = "both score, and each video gets one row" if self.if_running == "join" else "waiting for its end"
            self.tell(f"{who}: {more}")
            self.told = holder.run_id
        return self.if_running == "wait"


@contextmanager
def taking_turns(
    output: str,
    run_id: str,
    *,
    if_running: IfRunning,
    s3_endpoint: str | None,
    tell: Callable[[str], None],
    is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[bool]:
    """Keep other runs from the same work while the block runs.

    Args:
        output: That results go to.
        run_id: Of this run.
        if_running: What to do where another run is at it; a ``BusyError`` where this one leaves.
        s3_endpoint: Of the store, or None for the environment's.
        tell: Given a sentence about the other run.
        is_stopped: Whether to wait no longer.

    Yields:
        Whether this run is the only one that knows of itself.
    """
    manners = _Manners(if_running=if_running, tell=tell, is_stopped=is_stopped)
    with holding(output_place(output, s3_endpoint=s3_endpoint), run_id, wait=manners.wait) as is_alone:
        yield is_alone
