"""What reading one video may cost, and the clock that holds it to its time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

from gsgmodel.errors import DecodeTimeoutError

Level = Literal["require", "best-effort", "off"]
"""Only with all measures of ``gsgmodel.video.confine.FULL``; in a process of its own with what the kernel has; or in
the caller's own process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """Bounds on one video; beyond them it ends as ``too_large`` or ``timeout``."""

    max_pixels: int = 7680 * 4320
    """Of one picture; 8K UHD passes."""
    max_window_bytes: int = 1280 * 2**20
    """Of all RGB frames of one window; 12 frames of 8K UHD (1.19e9 bytes) pass."""
    max_index_bytes: int = 8 * 2**30
    """Read from the source while the container is opened and its frames are listed."""
    max_frames: int = 3_000_000
    """In the track; 33 hours at 25 frames a second."""
    max_kept_bytes: int = 64 * 2**20
    """Compressed packets that are kept in memory, so that they need not be read twice; more are read again."""
    max_decode_s: float = 600.0
    """Time spent decoding, on the wall clock; waiting for the source and time between windows do not count."""
    max_source_s: float = 3600.0
    """Time spent waiting for the source; beyond it the store is unavailable, which is no fault of the video."""
    max_memory_bytes: int = 3 * 2**30
    """Address space that decoding may take in a process of its own, beside the frames that it hands over."""


@dataclass(slots=True, kw_only=True)
class DecodeClock:
    """Counts the time spent inside ``with clock`` and ends the work when there is none left."""

    max_s: float
    spent_s: float = 0.0
    _since_s: float | None = field(default=None, init=False)

    def __enter__(self) -> "DecodeClock":
        self._since_s = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.spent_s = self._now_s()
        self._since_s = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time that is spent inside."""
        since_s = time.monotonic()
        try:
            yield
        finally:
            if self._since_s is not None:
                self._since_s += time.monotonic() - since_s

    def check(self) -> None:
        """Go on only while there is time.

        Raises:
            DecodeTimeoutError: The time is used up.
        """
        if self._now_s() > self.max_s:
            raise DecodeTimeoutError(f"decoding took longer than {self.max_s:g} s")

    def _now_s(self) -> float:
        return self.spent_s + (0.0 if self._since_s is None else time.monotonic() - self._since_s)
