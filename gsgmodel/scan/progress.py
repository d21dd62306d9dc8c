"""Our own progress: what a person wants to know of a scan, as a live line on a terminal and a plain one elsewhere."""

import shutil
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO

from gsgmodel.errors import Status

PLAIN_EVERY_S = 30.0
LIVE_EVERY_S = 0.5
RATE_OVER_S = 60.0
"""The rate shown, and the time that is left, follow the last minute."""


@dataclass
class Progress:
    """Counts finished videos and says where the scan stands."""

    num_planned: int
    is_all: bool = True
    """Whether no more will be planned."""
    out: TextIO = field(default_factory=lambda: sys.stderr)
    started_s: float = field(default_factory=time.monotonic)
    counts: Counter[str] = field(default_factory=Counter)
    num_clips: int = 0
    success: str = Status.SCORED
    """The status that need not be told."""
    _recent: list[tuple[float, int]] = field(default_factory=list)
    _printed_s: float = 0.0
    _line_length: int = 0

    @property
    def num_finished(self) -> int:
        """Videos that arrived with a status."""
        return sum(self.counts.values())

    def expect(self, num_planned: int, *, is_all: bool) -> None:
        """Note how many videos are planned by now, and whether that is all."""
        self.num_planned, self.is_all = num_planned, is_all

    def add(self, *, statuses: list[str], num_clips: int) -> None:
        """Count videos that arrived."""
        self.counts.update(statuses)
        self.num_clips += num_clips

    def tick(self, *, now_s: float | None = None) -> None:
        """Show the line if it is time for one."""
        now_s = time.monotonic() if now_s is None else now_s
        every_s = LIVE_EVERY_S if self.out.isatty() else PLAIN_EVERY_S
        if now_s - max(self._printed_s, self.started_s if not self.out.isatty() else 0.0) < every_s:
            return
        self._printed_s = now_s
        self._write(self.line(now_s=now_s))

    def line(self, *, now_s: float) -> str:
        """Return where the scan stands: videos, rates, failures by status, and the time that is left."""
        elapsed_s = max(now_s - self.started_s, 1e-9)
        rate = self._rate(now_s)
        parts = [
            f"{self.num_finished}/{self.num_planned}{'' if self.is_all else '+'} videos",
            f"{rate:.2f} videos/s",
            f"{self.num_clips / elapsed_s:.2f} clips/s",
        ]
        others = {name: count for name, count in sorted(self.counts.items()) if name != self.success}
        parts += [f"{name} {count}" for name, count in others.items()]
        left = self.num_planned - self.num_finished
        if left and rate and self.is_all:
            parts.append(f"{duration_text(left / rate)} left")
        return ", ".join(parts)

    def note(self, text: str) -> None:
        """Print a sentence on a line of its own."""
        self._clear()
        print(text, file=self.out, flush=True)

    def close(self) -> None:
        """End the live line."""
        self._clear()

    def _rate(self, now_s: float) -> float:
        self._recent.append((now_s, self.num_finished))
        while len(self._recent) > 1 and self._recent[0][0] < now_s - RATE_OVER_S:
            self._recent.pop(0)
        since_s, count = self._recent[0] if len(self._recent) > 1 else (self.started_s, 0)
        return (self.num_finished - count) / max(now_s - since_s, 1e-9)

    def _write(self, line: str) -> None:
        if not self.out.isatty():
            print(line, file=self.out, flush=True)
            return
        self._clear()
        line = line[: shutil.get_terminal_size().columns - 1]
        self.out.write(line)
        self.out.flush()
        self._line_length = len(line)

    def _clear(self) -> None:
        if self._line_length:
            self.out.write("\r" + " " * self._line_length + "\r")
            self._line_length = 0


def duration_text(seconds: float) -> str:
    """Return a duration as a person says it.

    Example:
        >>> duration_text(42), duration_text(150), duration_text(7260)
        ('42 s', '2 min', '2 h 1 min')
    """
    hours, minutes = divmod(int(seconds) // 60, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"
