"""The clock, without looking at the real one."""

import pytest

from gsgmodel.errors import DecodeTimeoutError
from gsgmodel.video import limits
from gsgmodel.video.limits import DecodeClock, DecodeLimits


@pytest.fixture
def hands(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    return now


def test_only_time_inside_the_block_counts(hands):
    clock = DecodeClock(max_s=10)
    with clock:
        hands[0] += 4
    hands[0] += 1000
    clock.check()
    with clock:
        hands[0] += 5
        clock.check()
    assert clock.spent_s == 9


def test_work_ends_when_the_time_is_used_up(hands):
    clock = DecodeClock(max_s=10)
    with clock:
        hands[0] += 6
    with clock:
        hands[0] += 5
        with pytest.raises(DecodeTimeoutError, match="longer than 10 s"):
            clock.check()


def test_twelve_frames_of_8k_pass_and_a_square_of_8192_does_not():
    allowed = DecodeLimits()
    assert 7680 * 4320 <= allowed.max_pixels < 8192 * 8192
    assert allowed.max_window_bytes >= 12 * 7680 * 4320 * 3
