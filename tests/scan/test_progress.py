"""What a person is told while a scan runs."""

import io
import os
import time

import pytest

from gsgmodel.scan.progress import LIVE_EVERY_S, PLAIN_EVERY_S, RATE_OVER_S, Progress, duration_text


class Terminal(io.StringIO):
    def isatty(self):
        return True


def progress(out, *, num_planned=100):
    return Progress(num_planned=num_planned, out=out, started_s=0.0)


def test_a_line_says_what_is_done_how_fast_what_failed_and_what_is_left():
    shown = progress(io.StringIO())
    shown.add(statuses=["scored"] * 16 + ["no_face"] * 3 + ["crashed"], num_clips=40)
    line = shown.line(now_s=10.0)
    assert line == "20/100 videos, 2.00 videos/s, 4.00 clips/s, crashed 1, no_face 3, 40 s left"


def test_only_what_a_run_calls_success_needs_no_word():
    shown = Progress(num_planned=9, out=io.StringIO(), started_s=0.0, success="prepared")
    shown.add(statuses=["prepared", "prepared", "scored"], num_clips=2)
    assert shown.line(now_s=1.0).startswith("3/9 videos, 3.00 videos/s, 2.00 clips/s, scored 1, ")


def test_nothing_is_said_of_the_time_left_before_anything_arrived():
    assert progress(io.StringIO()).line(now_s=5.0) == "0/100 videos, 0.00 videos/s, 0.00 clips/s"


def test_nothing_is_left_at_the_end():
    shown = progress(io.StringIO(), num_planned=1)
    shown.add(statuses=["scored"], num_clips=1)
    assert "left" not in shown.line(now_s=1.0)


def test_the_rate_and_the_time_left_follow_the_last_minute():
    shown = progress(io.StringIO(), num_planned=1000)
    for second in range(0, 101, 10):
        shown.add(statuses=["scored"] * 10, num_clips=0)
        shown.line(now_s=float(second))
    for second in range(110, 200, 10):
        line = shown.line(now_s=float(second))
    assert "110/1000 videos, 0.00 videos/s" in line
    shown.add(statuses=["scored"] * 60, num_clips=0)
    assert "170/1000 videos, 1.00 videos/s" in shown.line(now_s=130.0 + RATE_OVER_S)


def test_elsewhere_than_on_a_terminal_a_plain_line_comes_now_and_then():
    out = io.StringIO()
    shown = progress(out)
    for second in range(100):
        shown.tick(now_s=float(second))
    lines = out.getvalue().splitlines()
    assert len(lines) == int(99 / PLAIN_EVERY_S)
    assert all("videos/s" in line for line in lines)
    assert "\r" not in out.getvalue()


def test_on_a_terminal_one_line_is_written_over_and_over(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    out = Terminal()
    shown = progress(out)
    for tenth in range(20, 41):
        shown.tick(now_s=tenth / 10)
    assert "\n" not in out.getvalue()
    assert out.getvalue().count("videos/s") == 1 + int(2 / LIVE_EVERY_S)


def test_a_line_never_wraps_on_a_narrow_terminal(monkeypatch):
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((20, 5)))
    out = Terminal()
    progress(out).tick(now_s=10.0)
    assert len(out.getvalue()) == 19


def test_a_sentence_and_the_end_clear_the_live_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    out = Terminal()
    shown = progress(out)
    shown.tick(now_s=10.0)
    length = len(out.getvalue())
    shown.note("stopping")
    assert out.getvalue()[length:] == "\r" + " " * length + "\rstopping\n"
    shown.close()
    assert out.getvalue().endswith("stopping\n")


def test_the_clock_is_the_systems_where_none_is_given():
    out = io.StringIO()
    Progress(num_planned=1, out=out).tick()
    assert out.getvalue() == ""
    Progress(num_planned=1, out=out, started_s=time.monotonic() - PLAIN_EVERY_S).tick()
    assert out.getvalue().startswith("0/1 videos")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 0 min"), (90_061, "25 h 1 min")],
)
def test_a_duration_reads_as_a_person_says_it(seconds, text):
    assert duration_text(seconds) == text


def test_a_plan_that_still_grows_is_marked_and_no_end_is_foretold():
    shown = progress(io.StringIO(), num_planned=10)
    shown.line(now_s=0.0)
    shown.add(statuses=["scored"] * 5, num_clips=5)
    shown.expect(200, is_all=False)
    line = shown.line(now_s=10.0)
    assert line.startswith("5/200+ videos, ")
    assert "left" not in line
    shown.expect(300, is_all=True)
    line = shown.line(now_s=10.0)
    assert line.startswith("5/300 videos, ")
    assert line.endswith(" left")
