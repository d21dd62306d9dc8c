"""Whatever the stream drops is sent through once more, and the account is held against what the sink really has."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gsgmodel.errors import Status
from gsgmodel.scan import passes as passes_module
from gsgmodel.scan.commit import Committer
from gsgmodel.scan.parts import planned_rows
from gsgmodel.scan.passes import NOTHING_PLANNED, missing_rows, run_passes
from gsgmodel.scan.progress import Progress
from gsgmodel.scan.rows import HELD_BACK
from gsgmodel.scan.stop import StopRequest
from tests.scan.conftest import StreamedRows

pytestmark = pytest.mark.usefixtures("_brief_waits")

NUM_VIDEOS = 6


@pytest.fixture
def stop():
    return StopRequest(drain_s=5.0)


@pytest.fixture
def numbers(video_id):
    known = {video_id(number): number for number in range(100)}
    return lambda ids: [known[value] for value in ids]


@pytest.fixture
def run(plan_of, planner_of, committer, gate, stop, sink, numbers, scored):
    """``run(drop, ...)`` scores a plan of 6 videos; each pass drops the numbers that the next set names."""

    def run_plan(*drops, statuses=None, recount=None, before=None):
        plan = plan_of(NUM_VIDEOS)
        passes = []

        def stream(path):
            asked = numbers(row["video_id"][0].as_py() for row in planned_rows(path))
            passes.append(asked)
            dropped = drops[len(passes) - 1] if len(passes) <= len(drops) else set()

            def blocks():
                for number in asked:
                    if before:
                        before(number)
                    if number not in dropped:
                        yield scored([number], status=(statuses or {}).get(number, Status.SCORED))

            return StreamedRows(blocks())

        planner, look_again = planner_of(plan), recount or (lambda _: sink.contains)
        account = run_passes(planner, stream, committer, gate=gate, stop=stop, recount=look_again)
        return account, passes, plan

    return run_plan


def counts(account):
    return (
        account.num_planned,
        account.num_committed,
        account.num_unfinished,
        account.num_left,
        account.num_lost,
    )


def test_one_pass_is_enough_where_everything_arrives(run):
    account, passes, plan = run()
    assert counts(account) == (6, 6, 0, 0, 0)
    assert passes == [[5, 4, 3, 2, 1, 0]]
    assert missing_rows(plan) == []


def test_what_is_dropped_silently_is_sent_through_once_more(run, said):
    account, passes, _ = run({1, 4})
    assert counts(account) == (6, 6, 0, 0, 0)
    assert passes == [[5, 4, 3, 2, 1, 0], [4, 1]]
    assert "2 videos are missing; sending them through once more" in said.getvalue()


def test_what_is_dropped_twice_is_lost(run, numbers):
    account, passes, plan = run({1, 4}, {1})
    assert counts(account) == (6, 5, 0, 0, 1)
    assert len(passes) == 2
    assert numbers(row["video_id"] for row in missing_rows(plan)) == [1]


def test_what_the_world_kept_from_being_scored_is_not_tried_again_in_this_run(run):
    account, passes, plan = run(statuses={2: Status.DENIED, 3: Status.UNREADABLE})
    assert counts(account) == (6, 5, 1, 0, 0)
    assert len(passes) == 1
    assert missing_rows(plan) == []


def test_a_sink_that_says_committed_and_has_nothing_is_found_out(run, numbers, sink, video_id):
    def recount(_planned):
        held = set(sink.ids) - {video_id(0), video_id(3)}
        return lambda ids: np.array([value in held for value in ids.to_pylist()], bool)

    account, passes, plan = run(recount=recount)
    assert len(passes) == 1
    assert counts(account) == (6, 4, 0, 0, 2)
    assert numbers(row["video_id"] for row in missing_rows(plan)) == [3, 0]


def test_the_sink_is_looked_at_anew_only_after_everything_was_tried(run, sink):
    seen = []

    def recount(_planned):
        seen.append(len(sink.ids))
        return sink.contains

    run({2}, recount=recount)
    assert seen == [NUM_VIDEOS]


def test_a_stopped_run_leaves_the_rest_and_loses_nothing(run, stop, numbers):
    def before(number):
        if number == 2:
            stop._on_signal(2, None)

    account, passes, plan = run({2, 1, 0}, before=before)
    assert len(passes) == 1
    assert counts(account) == (6, 3, 0, 3, 0)
    assert numbers(row["video_id"] for row in missing_rows(plan)) == [2, 1, 0]


def test_videos_that_the_gate_held_back_are_left(run, stop):
    stop._on_signal(2, None)
    account, passes, _ = run(statuses=dict.fromkeys(range(6), HELD_BACK))
    assert passes == []
    assert counts(account) == (6, 0, 0, 6, 0)


def test_what_another_run_committed_meanwhile_is_neither_left_nor_lost(run, stop, sink, video_id):
    def before(number):
        if number == 2:
            stop._on_signal(2, None)

    def recount(_planned):
        held = {*sink.ids, video_id(0), video_id(1)}
        return lambda ids: np.array([value in held for value in ids.to_pylist()], bool)

    account, _, plan = run({2, 1, 0}, before=before, recount=recount)
    assert counts(account) == (6, 5, 0, 1, 0)
    assert len(missing_rows(plan)) == 1


def test_a_deadline_between_the_passes_leaves_what_was_dropped(run, stop):
    def before(number):
        if number == 0:
            stop._deadline = 0.0

    account, passes, _ = run({3}, before=before)
    assert len(passes) == 1
    assert counts(account) == (6, 5, 0, 1, 0)


def test_an_empty_plan_needs_no_pass(plan_of, planner_of, committer, gate, stop, sink):
    def stream(path):
        raise AssertionError(path)

    account = run_passes(
        planner_of(plan_of(0)), stream, committer, gate=gate, stop=stop, recount=lambda _: sink.contains
    )
    assert account == NOTHING_PLANNED


def test_an_error_of_ray_ends_the_run_loudly(plan_of, planner_of, committer, gate, stop, sink):
    def blocks():
        raise ZeroDivisionError
        yield pa.table({})

    def stream(_path):
        return StreamedRows(blocks())

    planner = planner_of(plan_of(1))
    with pytest.raises(ZeroDivisionError):
        run_passes(planner, stream, committer, gate=gate, stop=stop, recount=lambda _: sink.contains)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    first=st.sets(st.integers(0, NUM_VIDEOS - 1)),
    second=st.sets(st.integers(0, NUM_VIDEOS - 1)),
    denied=st.sets(st.integers(0, NUM_VIDEOS - 1)),
)
def test_planned_is_always_committed_and_unfinished_and_lost(
    plan_of, planner_of, gate, scored, numbers, request, first, second, denied
):
    sink = type(request.getfixturevalue("sink"))()
    committer = Committer(sink=sink, progress=Progress(num_planned=NUM_VIDEOS), commit_s=3600.0)
    drops = iter([first, second])

    def stream(path):
        asked = numbers(row["video_id"][0].as_py() for row in planned_rows(path))
        dropped = next(drops)
        return StreamedRows(
            scored([number], status=Status.DENIED if number in denied else Status.SCORED)
            for number in asked
            if number not in dropped
        )

    account = run_passes(
        planner_of(plan_of(NUM_VIDEOS)),
        stream,
        committer,
        gate=gate,
        stop=StopRequest(drain_s=1.0),
        recount=lambda _: sink.contains,
    )
    lost = first & second
    everything = set(range(NUM_VIDEOS))
    expected = (NUM_VIDEOS, len(everything - lost - denied), len(denied - lost), 0, len(lost))
    assert counts(account) == expected
    assert len(sink.ids) == account.num_committed


def test_videos_whose_store_did_not_answer_are_tried_again_once_the_others_are_done(
    plan_of, planner_of, committer, gate, scored, sink, numbers, said, monkeypatch
):
    monkeypatch.setattr(passes_module, "AGAIN_AFTER_S", 0.0)
    passes = []

    def stream(path):
        passes.append(numbers(row["video_id"][0].as_py() for row in planned_rows(path)))
        down = (
            {1: Status.UNAVAILABLE, 2: Status.UNAVAILABLE, 3: Status.DENIED}
            if len(passes) == 1
            else {2: Status.UNAVAILABLE}
        )
        return StreamedRows(scored([number], status=down.get(number, Status.SCORED)) for number in passes[-1])

    account = run_passes(
        planner_of(plan_of(NUM_VIDEOS)),
        stream,
        committer,
        gate=gate,
        stop=StopRequest(drain_s=1.0),
        recount=lambda _: sink.contains,
    )
    assert passes == [[5, 4, 3, 2, 1, 0], [2, 1]]
    assert counts(account) == (6, 4, 2, 0, 0)
    assert committer.progress.counts == {"scored": 4, "denied": 1, "unavailable": 1}
    assert "the store did not answer for 2 videos" in said.getvalue()
