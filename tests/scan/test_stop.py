"""Signals and the clock ask a scan to stop; nothing else does."""

import os
import signal
import time

import pytest

from gsgmodel.scan import stop as module
from gsgmodel.scan.stop import SIGNALS, StopRequest


@pytest.fixture
def stop():
    return StopRequest(drain_s=1.0)


def test_nobody_asked_yet(stop):
    assert (stop.reason, stop.signum, stop.is_urgent, stop.is_deadline_reached) == (None, None, False, False)


@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM")])
def test_a_signal_asks_to_stop_and_is_named(stop, number, name):
    with stop.watching_signals():
        os.kill(os.getpid(), number)
    assert (stop.reason, stop.signum, stop.is_urgent) == (name, number, False)


def test_a_second_signal_is_urgent_and_the_first_one_is_the_reason(stop):
    with stop.watching_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
    assert (stop.reason, stop.is_urgent) == ("SIGTERM", True)


def test_the_handlers_before_are_back_afterwards_also_after_an_error(stop):
    before = [signal.getsignal(number) for number in SIGNALS]
    while_watching = []

    def fail():
        with stop.watching_signals():
            while_watching.extend(signal.getsignal(number) for number in SIGNALS)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert while_watching != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_deadline_that_passed_is_the_reason():
    stop = StopRequest(drain_s=1.0, deadline_s=0.0)
    assert stop.is_deadline_reached
    assert stop.reason == "the deadline"


def test_a_deadline_to_come_is_none():
    stop = StopRequest(drain_s=1.0, deadline_s=3600.0)
    assert not stop.is_deadline_reached
    assert stop.reason is None


def test_a_signal_after_the_deadline_is_the_reason():
    stop = StopRequest(drain_s=1.0, deadline_s=0.0)
    with stop.watching_signals():
        os.kill(os.getpid(), signal.SIGINT)
    assert stop.reason == "SIGINT"


def test_waiting_ends_when_something_asks_to_stop():
    started = time.monotonic()
    StopRequest(drain_s=1.0, deadline_s=0.2).wait(30.0)
    assert 0.1 < time.monotonic() - started < 5
    StopRequest(drain_s=1.0).wait(0.2)
    assert time.monotonic() - started < 10


def test_things_are_handed_on_until_something_asks_to_stop():
    stop = StopRequest(drain_s=1.0)
    passed = stop.passing(iter(range(9)))
    assert [next(passed), next(passed)] == [0, 1]
    assert not stop.has_cut
    stop._on_signal(signal.SIGTERM, None)
    assert list(passed) == []
    assert stop.has_cut


def test_what_ended_by_itself_is_not_cut():
    stop = StopRequest(drain_s=1.0)
    assert list(stop.passing([1, 2])) == [1, 2]
    stop._on_signal(signal.SIGTERM, None)
    assert not stop.has_cut


def test_a_deadline_cuts_what_goes_on_for_long(monkeypatch):
    stop = StopRequest(drain_s=1.0, deadline_s=0.0)
    assert list(stop.passing([1, 2])) == [1, 2]
    assert not stop.has_cut
    monkeypatch.setattr(module, "LISTED_S", 0.0)
    assert list(stop.passing([1, 2])) == []
    assert stop.has_cut
