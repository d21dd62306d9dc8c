"""Why a scan stops early: a signal, or its deadline; and how long it waits before it starts."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TypeVar

Item = TypeVar("Item")
WAIT_STEP_S = 0.1
LISTED_S = 5.0
"""An archive that is listed in this time is listed whole, so that a run says how many videos its deadline left."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a scan waits for its room, and who is told."""

    timeout_s: float
    note: Callable[[str], None]
    """Told in a sentence what is waited for."""
    is_stopped: Callable[[], bool]
    """Whether to wait no longer."""


class StopRequest:
    """Set by a signal or by the clock; the scan looks at it between rows."""

    def __init__(self, *, drain_s: float, deadline_s: float | None = None) -> None:
        """Watch the clock.

        Args:
            drain_s: How long videos in work may take to finish after a stop request.
            deadline_s: Seconds from now after which nothing new is started; None for no deadline.
        """
        self._deadline = None if deadline_s is None else time.monotonic() + deadline_s
        self.drain_s = drain_s
        self.signum: int | None = None
        """The first signal that asked to stop."""
        self.is_urgent = False
        """Whether a second signal asked not to wait for what is in work."""
        self.has_cut = False
        """Whether something was cut off by ``passing``."""

    @property
    def is_deadline_reached(self) -> bool:
        """Whether the deadline has passed."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    @property
    def reason(self) -> str | None:
        """The reason in words, or None while the scan may go on."""
        if self.signum is not None:
            return signal.Signals(self.signum).name
        return "the deadline" if self.is_deadline_reached else None

    def passing(self, items: Iterable[Item]) -> Iterator[Item]:
        """Hand things on until something asks to stop; a deadline leaves ``LISTED_S`` to find out what there is."""
        until_s = time.monotonic() + LISTED_S
        for item in items:
            if self.signum is not None or (self.is_deadline_reached and time.monotonic() >= until_s):
                self.has_cut = True
                return
            yield item

    def wait(self, most_s: float) -> None:
        """Sleep, but no longer than until something asks to stop."""
        until_s = time.monotonic() + most_s
        while self.reason is None and time.monotonic() < until_s:
            time.sleep(WAIT_STEP_S)

    @contextmanager
    def watching_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM while the block runs; enter it anew after ``ray.init``, which installs its own."""
        before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, signum: int, _frame: FrameType | None) -> None:
        if self.is_urgent:
            # Whoever asks a third time does not want to wait for anything.
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)
        self.is_urgent = self.signum is not None
        self.signum = self.signum or signum
