"""The memory of a scan's processes by the number of videos that have passed."""

import threading
from collections import defaultdict
from typing import Any

import psutil

from tests.bench.scan import own_bytes, processes_below, spilled_bytes
from tests.bench.side_by_side import picture

EVERY_S = 1.0
KINDS = {
    "SleepPrepare": "prepare",
    "SleepScore": "score",
    "ray::Gate": "gate",
    "gcs_server": "gcs",
    "raylet/raylet": "raylet",
}
MARKS = (100, 1000, 10_000)


class Memory:
    """Samples every process below this one while its block runs."""

    def __init__(self) -> None:
        self.samples: dict[str, list[tuple[int, float]]] = defaultdict(list)
        """Of the largest process of each kind: videos so far, and MB of its own."""
        self.spilled_bytes = 0
        self._num_videos = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def note(self, num_videos: int) -> None:
        """Say how many videos have passed."""
        self._num_videos = num_videos

    def text(self) -> str:
        """The largest process of each kind after 100, 1,000 and 10,000 videos."""
        return "; ".join(f"{kind} {', '.join(self._until(kind, mark) for mark in MARKS)}" for kind in self.samples)

    def picture(self) -> bytes:
        """MB over videos, a line a kind."""

        def draw(axes: Any) -> None:
            for kind, seen in self.samples.items():
                axes.plot([max(count, 1) for count, _ in seen], [size for _, size in seen], label=kind)
            axes.set(xlabel="videos", ylabel="MB of its own", xscale="log", xlim=(10, None), ylim=(0, None))

        return picture(draw)

    def _until(self, kind: str, mark: int) -> str:
        """The last sample before so many videos."""
        return f"{[size for count, size in self.samples[kind] if count <= mark][-1]:.0f}"

    def _sample(self) -> None:
        driver = psutil.Process()
        while not self._is_over.wait(EVERY_S):
            largest: dict[str, int] = {"driver": own_bytes(driver)}
            for kind, _, size_bytes in processes_below(driver, KINDS):
                largest[kind] = max(largest.get(kind, 0), size_bytes)
            self.spilled_bytes = max(self.spilled_bytes, spilled_bytes())
            for kind, size_bytes in largest.items():
                self.samples[kind].append((self._num_videos, size_bytes / 2**20))
