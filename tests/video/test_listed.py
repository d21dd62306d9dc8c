"""Tracks by all of their packets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import TooLargeError
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.listed import ListedTrack, Listing, keys_stand_alone
from gsgmodel.video.reader import open_video


def listing(pts, keys, *, shown=None, has_pts=True):
    is_key = np.zeros(len(pts), dtype=bool)
    is_key[list(keys)] = True
    is_shown = np.ones(len(pts), dtype=bool) if shown is None else np.asarray(shown)
    return Listing(pts=np.asarray(pts, dtype=np.int64), is_key=is_key, is_shown=is_shown, has_pts=has_pts, kept=())


def track(found, **settings):
    choices = {"tick_s": 0.1, "frame_s": 0.04, "restarts": True, "by_time": True} | settings
    return ListedTrack(found, reread=lambda: iter(()), **choices)


CLOSED = listing([0, 2, 1, 3, 5, 4], keys=[0, 3])
OPEN = listing([0, 2, 1, 5, 3, 4, 6, 9, 7, 8], keys=[0, 3, 7])


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (CLOSED, True),
        (OPEN, True),
        (listing([0, 5, 1, 3, 4], keys=[0, 3]), False),
        (listing([0, 1, 2, 0, 1], keys=[0, 3]), False),
        (listing([0, 1, 2], keys=[0, 2], has_pts=False), False),
        (listing([3, 1, 2], keys=[]), True),
    ],
)
def test_keys_stand_alone_if_all_before_them_is_shown_before_them(found, expected):
    assert keys_stand_alone(found) is expected


@pytest.mark.parametrize(
    ("found", "ranks", "expected"),
    [
        (CLOSED, (0, 1), [(0, [0, 1])]),
        (CLOSED, (1, 4), [(0, [1]), (3, [4])]),
        (CLOSED, (5,), [(3, [5])]),
        # Ranks 3 and 4 are shown before the key at packet 3 and refer to what came before it.
        (OPEN, (4,), [(0, [4])]),
        (OPEN, (1, 4, 6), [(0, [1, 4, 6])]),
        (OPEN, (5, 6), [(3, [5, 6])]),
        (OPEN, (1, 7), [(0, [1]), (3, [7])]),
        (OPEN, (9,), [(7, [9])]),
    ],
)
def test_spans_begin_at_the_key_that_a_frame_depends_on(found, ranks, expected):
    assert track(found)._stretches(ranks) == expected


@pytest.mark.parametrize("settings", [{"restarts": False}, {"by_time": False}])
def test_without_trust_in_keys_or_times_all_is_decoded_in_order(settings):
    assert track(CLOSED, **settings)._stretches((1, 4)) == [(0, [1, 4])]


def test_times_are_those_of_display_from_the_first_frame():
    np.testing.assert_allclose(track(listing([30, 50, 40], keys=[0])).time_s, [0.0, 1.0, 2.0])


def test_frames_that_an_edit_list_leaves_out_do_not_count():
    found = track(listing([-2, -1, 0, 1, 2], keys=[0], shown=[False, False, True, True, True]))
    np.testing.assert_allclose(found.time_s, [0.0, 0.1, 0.2])
    (span,) = found.spans((0, 2))
    assert span.targets == {0: 0, 2: 2}


def test_without_time_stamps_frames_are_counted_and_evenly_spaced():
    found = track(listing([0, 0, 0], keys=[0], has_pts=False))
    np.testing.assert_allclose(found.time_s, [0.0, 0.04, 0.08])
    (span,) = found.spans((0, 2))
    assert span.by_count
    assert span.targets == {0: 0, 2: 2}


@st.composite
def coded_orders(draw):
    """Groups of pictures in decoding order: a key, then frames shown after it or, in open groups, before it."""
    pts, keys, clock = [], [], 0
    for number in range(draw(st.integers(1, 6))):
        leading = draw(st.integers(0, 3)) if number else 0
        trailing = draw(st.integers(0, 5))
        keys.append(len(pts))
        pts.append(clock + leading)
        pts.extend(draw(st.permutations(range(clock, clock + leading))))
        pts.extend(draw(st.permutations(range(clock + leading + 1, clock + leading + 1 + trailing))))
        clock += leading + 1 + trailing
    return pts, keys


@given(order=coded_orders(), data=st.data())
def test_every_wanted_frame_and_all_it_may_refer_to_lie_in_its_span(order, data):
    pts, keys = order
    ranks = tuple(sorted(data.draw(st.sets(st.integers(0, len(pts) - 1), min_size=1))))
    stretches = track(listing(pts, keys))._stretches(ranks)
    assert [rank for _, wanted in stretches for rank in wanted] == list(ranks)
    assert [first for first, _ in stretches] == sorted({first for first, _ in stretches})
    last_packet = -1
    for first, wanted in stretches:
        assert first in keys
        assert first > last_packet
        packets = [pts.index(rank) for rank in wanted]
        last_packet = max(packets)
        for rank, packet in zip(wanted, packets, strict=True):
            key = max(each for each in keys if each <= packet)
            needed = max((each for each in keys if each < key), default=key) if rank < pts[key] else key
            assert first <= needed


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.avi"])
def test_packets_that_are_not_kept_are_read_again(make_video, decode_everything, name):
    path = make_video(name, gop=12)
    everything = decode_everything(path)
    limits = DecodeLimits(max_kept_bytes=1000)
    with path.open("rb") as file, open_video(file, limits=limits, window_s=0.7) as video:
        assert video._session.track._kept is None
        pictures = [picture for window in video.read() for picture in window.frames]
        ranks = [rank for window in video.windows for rank in window.targets]
    for rank, picture in zip(ranks, pictures, strict=True):
        np.testing.assert_array_equal(picture, everything[rank])


def test_too_many_packets_or_bytes_are_too_large(make_video):
    path = make_video("a.mkv", gop=12)
    with path.open("rb") as file, pytest.raises(TooLargeError, match="more than 59 frames"):
        open_video(file, limits=DecodeLimits(max_frames=59))
    with path.open("rb") as file, pytest.raises(TooLargeError, match="bytes must be read"):
        open_video(file, limits=DecodeLimits(max_index_bytes=path.stat().st_size // 2))
    with path.open("rb") as file, open_video(file, limits=DecodeLimits(max_frames=60)) as video:
        assert video.info.num_frames == 60
