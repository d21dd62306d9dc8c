"""Who writes to a table, and what others do meanwhile."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace

import pytest

from gsgmodel.results import lease as module
from gsgmodel.results.lease import NAME, Holder, holding
from gsgmodel.results.places import LocalPlace
from gsgmodel.results.storage import output_place


@pytest.fixture(params=["local", "s3"])
def place(request, tmp_path):
    if request.param == "local":
        return LocalPlace(tmp_path / "out")
    bucket, endpoint = request.getfixturevalue("bucket"), request.getfixturevalue("s3_environment")
    return output_place(f"s3://{bucket}/out", s3_endpoint=endpoint)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    monkeypatch.setattr(module, "RENEW_S", 0.1)


def never(_holder):
    raise AssertionError("there was nobody to wait for")


def put(place, holder):
    place.make()
    place.write(NAME, json.dumps(asdict(holder)).encode())


def stranger(**changes):
    return replace(Holder.here("other"), host="elsewhere", **changes)


def test_a_run_that_is_alone_holds_the_lease_and_leaves_nothing_behind(place):
    with holding(place, "mine", wait=never) as is_mine:
        assert is_mine
        assert json.loads(place.read(NAME))["run_id"] == "mine"
    assert place.read(NAME) is None


def test_a_second_run_waits_for_the_end_of_the_first(place):
    order, waited = [], []
    entered = threading.Event()

    def first():
        with holding(place, "first", wait=never):
            entered.set()
            time.sleep(0.5)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait(10)

    def wait(holder):
        waited.append(holder.run_id)
        return True

    with holding(place, "second", wait=wait) as is_mine:
        order.append("second")
        assert is_mine
    thread.join()
    assert order == ["first", "second"]
    assert set(waited) == {"first"}


def test_a_run_that_does_not_wait_goes_on_without_the_lease(place):
    put(place, stranger())
    with holding(place, "mine", wait=lambda _: False) as is_mine:
        assert not is_mine
    assert json.loads(place.read(NAME))["run_id"] == "other"


def test_a_holder_that_does_not_renew_is_gone(place, monkeypatch):
    monkeypatch.setattr(module, "GONE_S", 0.3)
    put(place, stranger())
    started = time.monotonic()
    with holding(place, "mine", wait=lambda _: True) as is_mine:
        assert is_mine
        assert time.monotonic() - started >= 0.3


def test_a_holder_that_renews_is_waited_for_however_long(place, monkeypatch):
    monkeypatch.setattr(module, "GONE_S", 2.0)
    with holding(place, "first", wait=never):
        until = time.monotonic() + 3.0
        with holding(place, "second", wait=lambda _: time.monotonic() < until) as is_mine:
            assert not is_mine
    assert place.read(NAME) is None


def test_a_process_of_this_machine_that_ended_is_gone_at_once(tmp_path):
    place = LocalPlace(tmp_path / "out")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    put(place, replace(Holder.here("other"), pid=ended.pid))
    started = time.monotonic()
    with holding(place, "mine", wait=lambda _: True) as is_mine:
        assert is_mine
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("changes", "is_dead"),
    [({}, False), ({"born_s": 1.0}, True), ({"boot": "other"}, False), ({"host": "other", "born_s": 1.0}, False)],
)
def test_only_of_this_machine_since_its_start_it_is_known_who_is_dead(changes, is_dead):
    assert replace(Holder.here("x"), **changes).is_dead == is_dead


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"run_id": "x"}'])
def test_a_broken_lease_is_nobodys(place, content):
    place.make()
    place.write(NAME, content)
    with holding(place, "mine", wait=never) as is_mine:
        assert is_mine


def test_a_lease_that_was_lost_is_let_go(place):
    with holding(place, "mine", wait=never):
        put(place, stranger())
        time.sleep(0.5)
        assert json.loads(place.read(NAME))["run_id"] == "other"
    assert json.loads(place.read(NAME))["run_id"] == "other"


def test_a_lease_whose_first_answer_was_lost_is_held(place):
    put(place, Holder.here("mine"))
    with holding(place, "mine", wait=never) as is_mine:
        assert is_mine
