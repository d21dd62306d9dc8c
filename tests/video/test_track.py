"""Durations."""

from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.video.track import nominal_frame_s, shown_duration_s


@given(num=st.integers(2, 500), fps=st.floats(1, 240))
def test_evenly_spaced_frames_last_as_long_as_there_are_frames(num, fps):
    assert shown_duration_s(np.arange(num) / fps, frame_s=99.0) == pytest.approx(num / fps)


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=50))
def test_the_last_frame_is_shown_for_the_mean_gap(gaps):
    times = np.cumsum([0.0, *gaps])
    assert shown_duration_s(times, frame_s=0.0) == pytest.approx(times[-1] + np.mean(gaps))


@pytest.mark.parametrize("num", [0, 1])
def test_a_single_frame_lasts_as_long_as_the_stream_says(num):
    assert shown_duration_s(np.zeros(num), frame_s=0.04) == 0.04


def test_frame_length_comes_from_the_rate_the_stream_names(make_video):
    with av.open(str(make_video("a.mp4", fps=50, num=3))) as container:
        assert nominal_frame_s(container.streams.video[0]) == pytest.approx(0.02)


def test_a_stream_without_a_rate_has_no_frame_length():
    silent = SimpleNamespace(average_rate=None, guessed_rate=Fraction(0))
    assert nominal_frame_s.__wrapped__(silent) == 0
