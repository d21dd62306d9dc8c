"""What a scan does where another one is writing to its output."""

import pytest

from gsgmodel.errors import BusyError
from gsgmodel.results import lease
from gsgmodel.results.lease import holding
from gsgmodel.results.storage import output_place
from gsgmodel.scan.turn import taking_turns


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(lease, "LOOK_S", 0.01)


@pytest.fixture
def busy(tmp_path):
    with holding(output_place(str(tmp_path / "out")), "first", wait=lambda _: False):
        yield str(tmp_path / "out")


def turn(output, if_running, told, *, is_stopped=lambda: False):
    return taking_turns(
        output, "second", if_running=if_running, s3_endpoint=None, tell=told.append, is_stopped=is_stopped
    )


def test_a_scan_that_is_alone_takes_its_turn_at_once(tmp_path):
    told = []
    with turn(str(tmp_path / "out"), "leave", told) as is_alone:
        assert is_alone
    assert told == []


def test_a_scan_that_is_to_leave_leaves_and_says_to_whom(busy):
    with pytest.raises(BusyError, match=r"run first on .* leaving it to that"), turn(busy, "leave", []):
        pass


def test_a_scan_that_is_to_join_goes_on_and_says_so(busy):
    told = []
    with turn(busy, "join", told) as is_alone:
        assert not is_alone
    assert len(told) == 1
    assert "both score" in told[0]


def test_a_scan_that_waits_says_so_once_and_stops_when_it_is_to(busy):
    told, looks = [], iter([False] * 5 + [True] * 100)
    with (
        pytest.raises(BusyError, match="waited for it until it was to stop"),
        turn(busy, "wait", told, is_stopped=lambda: next(looks)),
    ):
        pass
    assert len(told) == 1
    assert "waiting for its end" in told[0]
