"""Rows of every stage as the stages make them, and sinks that remember."""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gsgmodel.errors import Status
from gsgmodel.records import VideoRef
from gsgmodel.scan import commit
from gsgmodel.scan.commit import Committer
from gsgmodel.scan.plan import TO_SCORE, Plan
from gsgmodel.scan.planner import Planner, make_plan
from gsgmodel.scan.progress import Progress
from gsgmodel.scan.rows import SCORED_SCHEMA


def id_of(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def make_ref(number: int, **changes: Any) -> VideoRef:
    facts = {
        "uri": f"file:///archive/{number}.mp4",
        "etag": "1",
        "size_bytes": 1000 + number,
        "last_modified_s": 1_700_000_000.25,
        "video_id": id_of(number),
    }
    return VideoRef(**(facts | changes))


def make_scored(numbers: Any, *, status: str = Status.SCORED, score: float | None = 0.75, **changes: Any) -> pa.Table:
    is_scored = status == Status.SCORED
    rows = []
    for number in numbers:
        ref = make_ref(number)
        rows.append(
            {name: getattr(ref, name) for name in ("video_id", "uri", "etag", "size_bytes", "last_modified_s")}
            | {"status": status, "score": score if is_scored else None, "num_clips": 2 if is_scored else 0}
            | {"prepare_cpu_s": 0.5, "score_cpu_s": 0.25, "decoder": "av 1", "notes": [], "faces": [], "num_faces": 1}
            | changes
        )
    return pa.Table.from_pylist(rows, schema=SCORED_SCHEMA)


class RememberingSink:
    """Keeps what is committed, commit by commit."""

    def __init__(self) -> None:
        self.commits: list[list[bytes]] = []
        self.rows: list[dict[str, Any]] = []

    @property
    def ids(self) -> list[bytes]:
        return [video_id for commit in self.commits for video_id in commit]

    def contains(self, video_ids: pa.Array) -> np.ndarray:
        return np.array([video_id in self.ids for video_id in video_ids.to_pylist()], bool)

    def commit(self, rows: pa.Table) -> None:
        self.commits.append(rows["video_id"].to_pylist())
        self.rows += rows.to_pylist()


class RememberingGate:
    """A gate that is asked by nobody and remembers what the driver tells it."""

    def __init__(self, *, in_work: int = 0) -> None:
        self.left: list[bytes] = []
        self.in_work = in_work
        self.num_closed = 0

    def leave(self, video_ids: list[bytes]) -> None:
        self.left += video_ids

    def close(self) -> int:
        self.num_closed += 1
        return max(0, self.in_work - len(self.left))


@pytest.fixture
def video_id() -> Callable[[int], bytes]:
    return id_of


@pytest.fixture
def ref() -> Callable[..., VideoRef]:
    return make_ref


@pytest.fixture
def scored() -> Callable[..., pa.Table]:
    return make_scored


@pytest.fixture
def sink() -> RememberingSink:
    return RememberingSink()


@pytest.fixture
def gate() -> RememberingGate:
    return RememberingGate()


class StreamedRows:
    """A data set as far as the driver needs one: an iterator over blocks."""

    def __init__(self, blocks: Iterable[pa.Table]) -> None:
        self._blocks = blocks

    def iter_batches(self, *, batch_size: int | None, batch_format: str, prefetch_batches: int) -> Iterator[pa.Table]:
        assert (batch_size, batch_format, prefetch_batches) == (None, "pyarrow", 0)
        yield from self._blocks


@pytest.fixture
def _brief_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "POLL_S", 0.01)
    monkeypatch.setattr(commit, "CLOSE_S", 0.1)


@pytest.fixture
def said() -> io.StringIO:
    """What the progress of ``committer`` prints."""
    return io.StringIO()


@pytest.fixture
def committer(sink, said) -> Committer:
    return Committer(sink=sink, progress=Progress(num_planned=10, out=said), commit_s=3600.0)


@pytest.fixture
def plan_of(tmp_path) -> Callable[..., Plan]:
    """``plan_of(3)``: a plan of the videos 0 to 2, of which none is done."""

    def plan(num_videos: int, *, folder: Path | None = None) -> Plan:
        return make_plan(
            (make_ref(number) for number in range(num_videos)),
            is_done=lambda ids: np.zeros(len(ids), bool),
            limit=None,
            folder=folder or tmp_path / "plan",
        )

    return plan


@pytest.fixture
def planner_of() -> Callable[[Plan], Planner]:
    """A planner whose listing is over."""
    return lambda plan: Planner(plan=plan, kind=TO_SCORE, is_done=lambda ids: np.zeros(len(ids), bool), keep=None)
