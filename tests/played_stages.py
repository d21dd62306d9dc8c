"""The stages of a scan played by a generator, for tests of what is around them."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from gsgmodel.scan.parts import planned_rows
from gsgmodel.scan.rows import SCORED_SCHEMA
from gsgmodel.scan.session import NO_POOLS

STATUS = {"broken": "unreadable", "denied": "denied", "nobody": "no_face"}
"""What becomes of a video, by the beginning of its name; every other one is scored."""


class Session:
    """Stands for a running Ray."""

    pools = NO_POOLS

    def leave(self, video_ids: list[bytes]) -> None:
        """Has no slots to give back."""

    def close(self) -> int:
        """Nothing is in work."""
        return 0


class Stages:
    """Scores by names: ``fake-1.mp4`` is fake. Drops the names in ``lost`` and interrupts itself before one."""

    def __init__(self) -> None:
        self.let_go = lambda: None
        """Called when Ray would be."""
        self.path = Path()
        self.scored: list[str] = []
        self.stages: list[str] = []
        self.lost: set[str] = set()
        self.interrupt_before: str | None = None
        self.signum = signal.SIGINT

    def iter_batches(self, **_: Any) -> Iterator[pa.Table]:
        """Rows as they would arrive."""
        for planned in planned_rows(self.path):
            row = planned.to_pylist()[0]
            name = row["uri"].rpartition("/")[2]
            if name == self.interrupt_before:
                os.kill(os.getpid(), self.signum)
                return
            if name in self.lost:
                continue
            self.scored.append(name)
            status = STATUS.get(name.partition("-")[0], "scored")
            score = {"scored": 0.9 if name.startswith("fake") else 0.25}.get(status)
            found = {"status": status, "score": score, "num_faces": int(score is not None), "num_clips": 1}
            yield pa.Table.from_pylist([row | found | {"decoder": "av 1"}], schema=SCORED_SCHEMA)
