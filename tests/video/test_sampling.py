"""Windows and ranks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.video.sampling import bin_centres, nearest_positions, plan_windows, window_edges

COUNTS = st.integers(1, 100_000)


@given(num=COUNTS, per_clip=st.integers(1, 64))
def test_bin_centres_are_the_floor_of_the_formula(num, per_clip):
    exact = [int(np.floor((2 * i + 1) * num / (2 * per_clip) + 1e-9)) for i in range(per_clip)]
    assert list(bin_centres(num, per_clip)) == exact


@given(num=COUNTS, per_clip=st.integers(1, 64))
def test_bin_centres_exist_and_do_not_decrease_and_repeat_only_where_frames_are_few(num, per_clip):
    ranks = bin_centres(num, per_clip)
    assert len(ranks) == per_clip
    assert list(ranks) == sorted(ranks)
    assert ranks[0] >= 0
    assert ranks[-1] < num
    assert len(set(ranks)) == min(num, per_clip)


def test_one_frame_fills_a_whole_clip():
    assert bin_centres(1, 12) == (0,) * 12


@given(duration_s=st.floats(0, 1e6), window_s=st.floats(0.5, 600), max_clips=st.integers(1, 64))
def test_windows_cover_the_whole_video_evenly_and_are_no_longer_than_asked_unless_capped(
    duration_s, window_s, max_clips
):
    edges = window_edges(duration_s, window_s=window_s, max_clips=max_clips)
    lengths = np.diff(edges)
    assert edges[0] == 0
    assert edges[-1] == pytest.approx(duration_s)
    assert 1 <= len(lengths) <= max_clips
    assert np.allclose(lengths, duration_s / len(lengths))
    if len(lengths) < max_clips:
        assert lengths.max() <= window_s * (1 + 1e-9)


@pytest.mark.parametrize(
    ("duration_s", "num"), [(0.0, 1), (59.9, 1), (60.0, 1), (60.1, 2), (120.0, 2), (121.0, 3), (1e5, 32)]
)
def test_up_to_a_minute_there_is_one_window_then_one_for_each_minute_up_to_the_cap(duration_s, num):
    assert len(window_edges(duration_s, window_s=60.0, max_clips=32)) == num + 1


@st.composite
def ascending_times(draw):
    gaps = draw(st.lists(st.floats(0.001, 30), min_size=0, max_size=80))
    return np.cumsum([0.0, *gaps])


@given(time_s=ascending_times(), window_s=st.floats(0.5, 60), max_clips=st.integers(1, 32))
def test_every_sampled_frame_lies_in_its_window_and_no_frame_in_two(time_s, window_s, max_clips):
    duration_s = float(time_s[-1]) + 0.04
    windows = plan_windows(time_s, duration_s, frames_per_clip=12, window_s=window_s, max_clips=max_clips)
    seen = [rank for window in windows for rank in window.targets]
    assert seen == sorted(set(seen))
    for window in windows:
        shown = time_s[list(window.ranks)]
        assert len(window.ranks) == 12
        assert np.all(shown >= window.start_s)
        assert np.all(shown < window.end_s)


@given(time_s=ascending_times())
def test_one_window_samples_all_frames_of_the_video(time_s):
    (window,) = plan_windows(time_s, float(time_s[-1]) + 0.04, frames_per_clip=12, window_s=1e9, max_clips=32)
    assert window.ranks == bin_centres(len(time_s), 12)


def test_a_window_in_which_no_frame_begins_is_left_out():
    time_s = np.array([0.0, 1.0, 290.0])
    windows = plan_windows(time_s, 300.0, frames_per_clip=2, window_s=60.0, max_clips=32)
    assert [(window.start_s, window.ranks) for window in windows] == [(0.0, (0, 1)), (240.0, (2, 2))]


def test_a_video_without_duration_still_has_its_window():
    (window,) = plan_windows(np.zeros(1), 0.0, frames_per_clip=3, window_s=60.0, max_clips=32)
    assert window.ranks == (0, 0, 0)


@given(
    wanted=st.lists(st.integers(0, 500), min_size=1, max_size=12).map(sorted),
    decoded=st.sets(st.integers(0, 500), min_size=1, max_size=12).map(sorted),
)
def test_a_missing_frame_takes_the_nearest_that_decoded(wanted, decoded):
    positions = nearest_positions(tuple(wanted), tuple(decoded))
    for rank, position in zip(wanted, positions, strict=True):
        assert abs(decoded[position] - rank) == min(abs(other - rank) for other in decoded)
        if rank in decoded:
            assert decoded[position] == rank
