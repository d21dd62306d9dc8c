"""Every video is in the table exactly once, whatever happens between a look and a commit."""

import itertools
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gsgmodel.errors import OutputError, Status
from gsgmodel.results import writer as module
from gsgmodel.results.delta import ask, create_table, open_table
from gsgmodel.results.places import LocalPlace
from gsgmodel.results.writer import RowWriter


@pytest.fixture
def place(output):
    place = output.place / "videos"
    create_table(place)
    return place


@pytest.fixture
def writer(place):
    return RowWriter(place, key="s")


def uris(place):
    """How often each video is in the table."""
    found = ask(open_table(place), "SELECT uri FROM videos")
    return Counter(int(uri.rpartition("/")[2].removesuffix(".mp4")) for uri in found["uri"].to_pylist())


def once(numbers):
    return Counter(set(numbers))


def crashed(rows, numbers, *, decoder):
    return rows(numbers, status="crashed", score=None, error_class="Crash", error_text="signal 11", decoder=decoder)


@pytest.mark.parametrize("numbers", [[0, 1, 2], [1, 2, 3, 4]])
def test_a_commit_that_lands_after_the_last_look_is_seen(place, writer, rows, monkeypatch, numbers):
    """Another run commits between this one's look at the table and its commit, three times in a row."""
    other, others = RowWriter(place, key="s"), [[1], [2], [7]]
    commit = RowWriter._commit

    def overtaken(self, *arguments, **options):
        if self is writer and others:
            assert other.append(rows(others.pop(0))) == 1
        commit(self, *arguments, **options)

    monkeypatch.setattr(RowWriter, "_commit", overtaken)
    assert writer.append(rows(numbers)) == len(set(numbers) - {1, 2, 7})
    assert others == []
    assert uris(place) == once([*numbers, 1, 2, 7])


def test_a_commit_that_is_always_overtaken_ends_with_a_sentence(place, writer, rows, monkeypatch):
    other, numbers = RowWriter(place, key="s"), iter(range(100, 200))
    commit = RowWriter._commit

    def overtaken(self, *arguments, **options):
        if self is writer:
            other.append(rows([next(numbers)]))
        commit(self, *arguments, **options)

    monkeypatch.setattr(RowWriter, "_commit", overtaken)
    monkeypatch.setattr(module, "_MAX_ATTEMPTS", 3)
    with pytest.raises(OutputError, match="others write there too: Failed to commit transaction"):
        writer.append(rows([1]))
    assert uris(place) == once([100, 101, 102])


def test_waits_between_attempts_grow_are_spread_and_stay_bounded(writer, rows, monkeypatch):
    waits = []
    monkeypatch.setattr(module.time, "sleep", waits.append)
    monkeypatch.setattr(module, "_MAX_ATTEMPTS", 20)

    def refused(*_, **__):
        raise module.CommitFailedError("Concurrent transaction failed.")

    monkeypatch.setattr(RowWriter, "_commit", refused)
    with pytest.raises(OutputError):
        writer.append(rows([1]))
    bounds = [min(2.0, 0.02 * 2**attempt) for attempt in range(20)]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))
    assert len(set(waits)) == 20


def test_a_commit_that_landed_though_it_raised_is_not_made_again(place, writer, rows, monkeypatch):
    append_rows = module.append_rows

    def lands_and_raises(*arguments, **options):
        append_rows(*arguments, **options)
        monkeypatch.setattr(module, "append_rows", append_rows)
        raise OutputError("the checkpoint could not be written")

    monkeypatch.setattr(module, "append_rows", lands_and_raises)
    with pytest.raises(OutputError):
        writer.append(rows([1]))
    assert writer.append(rows([1, 2])) == 1
    assert uris(place) == once([1, 2])


def test_many_commits_of_one_handle_are_all_there(place, writer, rows, monkeypatch):
    monkeypatch.setattr(module, "_COMMITS_PER_HANDLE", 5)
    assert sum(writer.append(rows([number, number + 1])) for number in range(12)) == 13
    assert uris(place) == once(range(13))


class Model(RuleBasedStateMachine):
    """Three runs on one table, step by step, each step possibly overtaken by another; compared with two sets."""

    output = ""
    numbering = itertools.count()
    rows = staticmethod(lambda *_, **__: None)
    numbers = st.lists(st.integers(0, 9), min_size=1, max_size=4)
    who = st.integers(0, 2)

    @initialize()
    def start(self):
        self.place = LocalPlace(Path(self.output, str(next(self.numbering))))
        create_table(self.place)
        self.runs = [RowWriter(self.place, key="s") for _ in range(3)]
        self.done, self.crashed = set(), set()

    def note(self, numbers, *, scored):
        (self.done if scored else self.crashed).update(set(numbers) - self.done - self.crashed)

    @rule(who=who, numbers=numbers, scored=st.booleans())
    def append(self, who, numbers, scored):
        stale = {one for one in range(10) if self.id_of(one) in self.runs[who].done.stale}
        fresh = set(numbers) - self.done - self.crashed
        table = self.rows(numbers) if scored else crashed(self.rows, numbers, decoder="av 1")
        assert self.runs[who].append(table) == len(fresh | (set(numbers) & stale))
        replaced = set(numbers) & stale
        self.done -= replaced
        self.crashed -= replaced
        self.note(numbers, scored=scored)

    @rule(who=who, other=who, numbers=numbers, others=numbers)
    def overtaken(self, who, other, numbers, others):
        if who == other or any(run.done.stale for run in self.runs):
            return
        run, commit, left = self.runs[who], RowWriter._commit, [others]

        def after_the_other(this, *arguments, **options):
            if this is run and left:
                self.runs[other].append(self.rows(left.pop()))
            commit(this, *arguments, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(RowWriter, "_commit", after_the_other)
            run.append(self.rows(numbers))
        self.note(numbers, scored=True)
        if not left:
            self.note(others, scored=True)

    @rule(who=who, retrying=st.booleans())
    def begin_again(self, who, retrying):
        retry = {Status.CRASHED} if retrying else frozenset()
        self.runs[who] = RowWriter(self.place, key="s", retry=retry)
        done = self.runs[who].done
        assert done.stale == ({self.id_of(one) for one in self.crashed} if retrying else set())
        assert len(done) == len(self.done | self.crashed)

    @rule()
    def compact(self):
        open_table(self.place).optimize.compact()

    def id_of(self, number):
        return self.rows([number])["video_id"][0].as_py()

    @invariant()
    def every_video_is_there_once(self):
        if hasattr(self, "runs"):
            found = ask(open_table(self.place), "SELECT uri, status FROM videos").to_pylist()
            statuses = {"scored": self.done, "crashed": self.crashed}
            expected = [(f"{number}.mp4", status) for status, numbers in statuses.items() for number in numbers]
            assert sorted((one["uri"].rpartition("/")[2], one["status"]) for one in found) == sorted(expected)


def test_whatever_three_runs_do_every_video_is_there_once(tmp_path, rows):
    Model.output, Model.rows = str(tmp_path), staticmethod(rows)
    options = settings(
        max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(Model, settings=options)
