import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.faces.detections import Detections
from gsgmodel.faces.tracks import Sightings, complete, is_believed, link_frames, link_windows


def square(x, y, side=100):
    return (x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def seen(*faces, confidence=1.0):
    boxes = np.array(faces, np.float32).reshape(-1, 4)
    return Detections(boxes_px=boxes, confidence=np.full(len(boxes), confidence, np.float32))


def sightings(*frames, step=0.0):
    boxes = np.array([square(500 + step * frame, 300) for frame in frames], np.float32)
    return Sightings(frame=np.array(frames, np.int64), boxes_px=boxes, confidence=np.ones(len(frames), np.float32))


def test_a_face_that_moves_by_half_its_size_a_frame_is_one_track():
    tracks = link_frames([seen(square(200 + 50 * i, 300 - 20 * i)) for i in range(8)])
    assert [track.frame.tolist() for track in tracks] == [list(range(8))]


def test_two_faces_side_by_side_stay_two_tracks_whatever_their_order():
    left, right = square(200, 300), square(330, 300)
    tracks = link_frames([seen(left, right), seen(right, left), seen(left, right)])
    assert [track.boxes_px[:, 0].tolist() for track in tracks] == [[150] * 3, [280] * 3]


def test_a_jump_in_place_starts_a_new_track():
    tracks = link_frames([seen(square(200, 300))] * 3 + [seen(square(290, 300))] * 3)
    assert [track.frame.tolist() for track in tracks] == [[0, 1, 2], [3, 4, 5]]


def test_a_jump_in_size_starts_a_new_track():
    tracks = link_frames([seen(square(200, 300, 80))] * 3 + [seen(square(200, 300, 170))] * 3)
    assert [track.frame.tolist() for track in tracks] == [[0, 1, 2], [3, 4, 5]]


def test_a_face_that_is_missed_for_a_while_goes_on_in_its_track():
    tracks = link_frames([seen(square(200, 300)), seen(), seen(), seen(), seen(square(210, 300))])
    assert [track.frame.tolist() for track in tracks] == [[0, 4]]


def test_after_a_cut_and_back_each_shot_goes_on_in_its_own_track():
    first, second = seen(square(200, 300)), seen(square(600, 200))
    tracks = link_frames([first, second, first, second])
    assert [track.frame.tolist() for track in tracks] == [[0, 2], [1, 3]]


def test_the_track_seen_last_is_preferred_where_two_fit_equally():
    tracks = link_frames([seen(square(200, 300)), seen(square(290, 300)), seen(square(245, 300))])
    assert [track.frame.tolist() for track in tracks] == [[0], [1, 2]]


def test_frames_without_faces_give_no_tracks():
    assert link_frames([seen(), seen()]) == []
    assert link_frames([]) == []


FACES = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 500), st.integers(20, 200)), max_size=4)


@settings(max_examples=50)
@given(st.lists(FACES, max_size=6))
def test_every_detection_is_in_exactly_one_track_and_no_track_twice_in_a_frame(frames):
    detections = [seen(*(square(*face) for face in faces)) for faces in frames]
    tracks = link_frames(detections)
    assert all((np.diff(track.frame) > 0).all() for track in tracks)
    linked = sorted(
        (f, *b) for track in tracks for f, b in zip(track.frame.tolist(), track.boxes_px.tolist(), strict=True)
    )
    given_boxes = sorted((f, *b) for f, found in enumerate(detections) for b in found.boxes_px.tolist())
    assert linked == given_boxes


def test_the_weight_of_a_track_is_length_times_area():
    assert sightings(0, 1, 2).weight_px2 == pytest.approx(3 * 100 * 100)


@pytest.mark.parametrize(
    ("confidence", "num_frames", "expected"),
    [
        ([0.8], 12, False),
        ([0.8, 0.86, 0.76], 12, False),
        ([0.76] * 6, 12, True),
        ([0.97], 12, True),
        ([0.99, 0.92], 12, True),
        ([0.7], 1, False),
        ([0.97], 1, True),
        ([0.7], 2, False),
        ([0.7, 0.7], 4, True),
        ([0.7, 0.7], 5, False),
    ],
)
def test_a_doubtful_face_is_believed_only_if_it_keeps_coming_back(confidence, num_frames, expected):
    assert is_believed(np.array(confidence, np.float32), num_frames=num_frames) is expected


def test_two_missing_frames_are_bridged_in_their_own_frames():
    track = complete(sightings(0, 3, step=30), num_frames=4)
    assert track.frame.tolist() == [0, 1, 2, 3]
    assert track.detected.tolist() == [True, False, False, True]
    np.testing.assert_allclose(track.boxes_px[:, 0], [450, 480, 510, 540])


def test_a_longer_gap_repeats_the_nearest_sighting_and_judges_no_background():
    track = complete(sightings(1, 6, step=10), num_frames=9)
    assert track.frame.tolist() == [1, 1, 1, 1, 6, 6, 6, 6, 6]
    assert track.detected.tolist() == [False, True, False, False, False, False, True, False, False]
    np.testing.assert_allclose(track.boxes_px[:, 0], [460] * 4 + [510] * 5)


def test_of_two_equally_near_sightings_the_earlier_stands_for_a_frame():
    track = complete(sightings(0, 4), num_frames=5)
    assert track.frame.tolist() == [0, 0, 0, 4, 4]


def test_the_boxes_of_a_still_face_are_smoothed_and_a_jump_is_kept():
    boxes = np.array([square(500 + x, 300) for x in (0, 4, 0, 4, 0, 70)], np.float32)
    jittery = Sightings(frame=np.arange(6), boxes_px=boxes, confidence=np.ones(6, np.float32))
    assert complete(jittery, num_frames=6).boxes_px[:, 0].tolist() == [450, 452, 452, 452, 450, 520]


@given(st.sets(st.integers(0, 11), min_size=1), st.integers(12, 15))
def test_every_frame_is_stood_for_by_a_sighting_or_by_itself_near_one(frames, num_frames):
    known = sorted(frames)
    track = complete(sightings(*known, step=5), num_frames=num_frames)
    assert track.detected.nonzero()[0].tolist() == known
    for wanted, used in enumerate(track.frame.tolist()):
        distance = min(abs(wanted - f) for f in known)
        assert used in known or (used == wanted and distance <= 2)
        assert abs(wanted - used) <= distance


def test_tracks_go_on_over_the_border_of_windows_by_place_and_size():
    previous = np.array([square(200, 300), square(600, 300), square(900, 300)], np.float32)
    current = np.array([square(610, 310), square(200, 300, 250), square(215, 300)], np.float32)
    assert link_windows(previous, current).tolist() == [1, -1, 0]


def test_a_track_goes_on_in_one_track_only():
    previous = np.array([square(200, 300)], np.float32)
    current = np.array([square(230, 300), square(205, 300)], np.float32)
    assert link_windows(previous, current).tolist() == [-1, 0]


def test_without_a_window_before_every_track_is_new():
    assert link_windows(np.zeros((0, 4), np.float32), np.array([square(1, 1)], np.float32)).tolist() == [-1]
