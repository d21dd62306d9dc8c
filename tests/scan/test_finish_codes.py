"""The exit code of a scan: of several reasons the gravest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.scan.finish import exit_code
from gsgmodel.scan.passes import Account
from gsgmodel.scan.stop import StopRequest


def account(*, planned=10, unfinished=0, left=0, lost=0):
    return Account(num_planned=planned, num_unfinished=unfinished, num_left=left, num_lost=lost)


def stopped(*, signum=None, deadline=False):
    stop = StopRequest(drain_s=1.0, deadline_s=0.0 if deadline else None)
    stop.signum = signum
    return stop


def code(accounted=None, *, by_status=None, flagged=0, max_failures=1.0, fail_on_flagged=False, stop=None):
    return exit_code(
        accounted or account(),
        by_status=by_status or {"scored": 10},
        num_flagged=flagged,
        max_failures=max_failures,
        fail_on_flagged=fail_on_flagged,
        stop=stop or stopped(),
    )


def test_all_is_well():
    assert code() == (0, "done")


def test_lost_videos_fail_a_run_whatever_else_happened():
    everything = stopped(signum=15, deadline=True)
    worst = code(account(lost=2, left=3), by_status={"crashed": 5}, flagged=1, max_failures=0.0, stop=everything)
    assert worst == (1, "2 videos were planned and never arrived")


@pytest.mark.parametrize(("signum", "expected"), [(2, 130), (15, 143)])
def test_an_interrupted_run_says_by_which_signal(signum, expected):
    number, reason = code(account(left=4), by_status={"crashed": 6}, max_failures=0.0, stop=stopped(signum=signum))
    assert (number, reason) == (expected, "interrupted, 4 videos left for the next run")


def test_a_deadline_that_left_videos_is_5_and_comes_before_failures():
    ended = code(account(left=4), by_status={"crashed": 6}, max_failures=0.0, stop=stopped(deadline=True))
    assert ended == (5, "deadline reached, 4 videos left for the next run")


def test_a_deadline_after_the_last_video_changes_nothing():
    assert code(stop=stopped(deadline=True))[0] == 0


def test_more_failures_than_accepted_are_3_and_come_before_flags():
    ended = code(by_status={"scored": 4, "crashed": 2, "denied": 4}, max_failures=0.5, flagged=1, fail_on_flagged=True)
    assert ended == (3, "6 of 10 videos could not be scored")


def test_exactly_as_many_failures_as_accepted_are_accepted():
    assert code(by_status={"scored": 5, "crashed": 5}, max_failures=0.5)[0] == 0


def test_a_video_without_a_face_is_no_failure():
    assert code(by_status={"no_face": 10}, max_failures=0.0)[0] == 0


def test_flagged_videos_are_4_only_where_asked_for():
    assert code(flagged=3, fail_on_flagged=True) == (4, "3 videos reached the threshold")
    assert code(flagged=3)[0] == 0
    assert code(flagged=0, fail_on_flagged=True)[0] == 0


@given(
    lost=st.integers(0, 2),
    left=st.integers(0, 2),
    signum=st.sampled_from([None, 2, 15]),
    deadline=st.booleans(),
    failed=st.integers(0, 10),
    max_failures=st.floats(0, 1),
    flagged=st.integers(0, 2),
    fail_on_flagged=st.booleans(),
)
def test_the_gravest_reason_wins(lost, left, signum, deadline, failed, max_failures, flagged, fail_on_flagged):
    expected = [
        (lost > 0, 1),
        (signum is not None, 128 + (signum or 0)),
        (deadline and left > 0 and signum is None, 5),
        (failed / 10 > max_failures, 3),
        (fail_on_flagged and flagged > 0, 4),
        (True, 0),
    ]
    number, _ = code(
        account(lost=lost, left=left),
        by_status={"scored": 10 - failed, "unreadable": failed},
        flagged=flagged,
        max_failures=max_failures,
        fail_on_flagged=fail_on_flagged,
        stop=stopped(signum=signum, deadline=deadline),
    )
    assert number == next(value for applies, value in expected if applies)
