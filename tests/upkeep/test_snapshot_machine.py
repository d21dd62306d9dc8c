"""Whatever is done to a table, in whatever order and by however many, its rows are those that were committed."""

import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gsgmodel.errors import Status
from gsgmodel.results import delta, writer
from gsgmodel.results.table import VideoTable
from gsgmodel.upkeep import maintenance
from gsgmodel.upkeep.checkup import check_table
from gsgmodel.upkeep.maintenance import find_unneeded, vacuum
from gsgmodel.upkeep.snapshot import Snapshot
from tests.results.conftest import make_rows, video_id_of

VIDEOS = st.lists(st.integers(0, 12), min_size=1, max_size=4)
WRITERS = st.integers(0, 2)
SCORINGS = st.sampled_from("st")


class Killed(BaseException):
    """The process dies here."""


class TableMachine(RuleBasedStateMachine):
    """Three processes that write to one table, and a model of what it must hold."""

    @initialize()
    def begin(self) -> None:
        self.scratch = tempfile.TemporaryDirectory()
        self.uri = self.scratch.name
        self.writers = [VideoTable.open_or_create(self.uri) for _ in range(3)]
        self.expected: dict[tuple[int, str], str] = {}

    def teardown(self) -> None:
        if hasattr(self, "scratch"):
            self.scratch.cleanup()

    @rule(number=WRITERS, videos=VIDEOS, scoring=SCORINGS, status=st.sampled_from(["no_face", "crashed"]))
    def append(self, number: int, videos: list[int], scoring: str, status: str) -> None:
        rows = make_rows(videos, scoring_id=scoring, status=status, score=None, run_id=f"run {number}")
        new = {(video, scoring) for video in videos} - self.expected.keys()
        assert self.writers[number].append(rows, key=scoring) == len(new)
        self.expected |= dict.fromkeys(new, status)

    @rule(number=WRITERS, videos=VIDEOS, scoring=SCORINGS)
    def retry(self, number: int, videos: list[int], scoring: str) -> None:
        """A run that is told to do what crashed again."""
        done = self.writers[number].load_done(scoring, retry={Status.CRASHED})
        crashed = {key for key, status in self.expected.items() if status == "crashed" and key[1] == scoring}
        assert done.stale == {video_id_of(video) for video, _ in crashed}
        rows = make_rows(videos, scoring_id=scoring, status="no_face", score=None)
        wanted = {(video, scoring) for video in videos}
        changed = {key for key in wanted if key in crashed or key not in self.expected}
        assert self.writers[number].append(rows, key=scoring) == len(changed)
        self.expected |= dict.fromkeys(changed, "no_face")
        self.writers[number].load_done(scoring)

    @rule(number=WRITERS, videos=VIDEOS, scoring=SCORINGS)
    def die_before_the_commit(self, number: int, videos: list[int], scoring: str) -> None:
        """The file is written, the commit never happens."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(delta.DeltaTable, "create_write_transaction", _die)
            rows = make_rows(videos, scoring_id=scoring, status="no_face", score=None)
            with suppress(Killed):
                self.writers[number].append(rows, key=scoring)
        self.writers[number] = VideoTable.open(self.uri)

    @rule(number=WRITERS, videos=VIDEOS, scoring=SCORINGS)
    def die_after_the_commit(self, number: int, videos: list[int], scoring: str) -> None:
        """The commit happens, whoever asked for it does not hear of it."""
        new = {(video, scoring) for video in videos} - self.expected.keys()
        commit = writer.append_rows

        def dying(*args: object, **how: object) -> None:
            commit(*args, **how)
            raise Killed

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(writer, "append_rows", dying)
            rows = make_rows(videos, scoring_id=scoring, status="no_face", score=None)
            with suppress(Killed):
                self.writers[number].append(rows, key=scoring)
        self.expected |= dict.fromkeys(new, "no_face")
        self.writers[number] = VideoTable.open(self.uri)

    @rule(number=WRITERS)
    def compact(self, number: int) -> None:
        self.writers[number].compact()

    @rule()
    def sweep(self) -> None:
        """All that may go is old."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(maintenance, "age_bound", lambda *_, **__: timedelta())
            vacuum(Snapshot.open(self.uri), older_than="1h", dry_run=False)
        left = find_unneeded(Snapshot.open(self.uri), older_than=timedelta())
        assert left.num_files == 0

    @rule(number=WRITERS)
    def restart(self, number: int) -> None:
        self.writers[number] = VideoTable.open(self.uri)

    @invariant()
    def holds_what_was_committed(self) -> None:
        if not hasattr(self, "expected"):
            return
        found = [
            ((int(Path(row["uri"]).stem), row["scoring_id"]), row["status"])
            for batch in Snapshot.open(self.uri).batches(["uri", "scoring_id", "status"])
            for row in batch.to_pylist()
        ]
        assert sorted(found) == sorted(self.expected.items())

    @rule()
    def check(self) -> None:
        assert [check for check in check_table(Snapshot.open(self.uri)) if check.verdict == "wrong"] == []


def _die(*_args: object, **_how: object) -> None:
    raise Killed


TestTable = TableMachine.TestCase
TestTable.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


def test_who_dies_before_the_commit_leaves_a_file_that_nobody_sees(tmp_path, monkeypatch):
    table = VideoTable.open_or_create(str(tmp_path))
    monkeypatch.setattr(delta.DeltaTable, "create_write_transaction", _die)
    with pytest.raises(Killed):
        table.append(make_rows([1]), key="s")
    monkeypatch.undo()
    found = find_unneeded(Snapshot.open(str(tmp_path)), older_than=timedelta())
    assert (len(found.orphans), Snapshot.open(str(tmp_path)).files) == (1, [])
    assert table.append(make_rows([1]), key="s") == 1
