import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.faces.detections import Detections
from gsgmodel.faces.following import SCALES, expect, is_confirmed, searched_frames


def faces(*boxes, confidence=1.0):
    return Detections(
        boxes_px=np.array(boxes, np.float32).reshape(-1, 4),
        confidence=np.full(len(boxes), confidence, np.float32),
    )


LEFT, MOVED, RIGHT = (10, 10, 50, 60), (20, 16, 60, 66), (200, 10, 240, 60)


def test_of_twelve_frames_every_third_is_searched_and_both_ends_have_one_beside_them():
    assert searched_frames(12, every=3) == [1, 4, 7, 10]
    assert searched_frames(12, every=1) == list(range(12))
    assert searched_frames(0, every=3) == []


@given(st.integers(1, 40), st.integers(1, 12))
def test_no_frame_is_far_from_one_that_is_searched(num_frames, every):
    searched = searched_frames(num_frames, every=every)
    assert searched == sorted(set(searched))
    assert all(min(abs(index - each) for each in searched) <= every // 2 for index in range(num_frames))


def test_a_face_on_both_sides_is_expected_between_them_and_where_it_was():
    expected = expect(2, {1: faces(LEFT), 4: faces(MOVED)})
    middle = np.array(LEFT) * 2 / 3 + np.array(MOVED) / 3
    np.testing.assert_allclose(expected.boxes_px, [middle], rtol=1e-6)
    assert expected.is_sure == (True,)
    assert len(expected.places_px) == 3 * len(SCALES)
    unscaled = expected.places_px[len(expected.places_px) // 3 :][:3]
    np.testing.assert_allclose(unscaled, [middle, LEFT, MOVED], rtol=1e-5)


def test_windows_of_other_sizes_keep_the_centre():
    places = expect(0, {1: faces(LEFT)}).places_px
    np.testing.assert_allclose((places[:, :2] + places[:, 2:]) / 2, [[30, 35]] * 3, rtol=1e-6)
    np.testing.assert_allclose(places[:, 2] - places[:, 0], [40 * scale for scale in SCALES], rtol=1e-6)


def test_faces_that_are_on_one_side_alone_are_expected_where_they_were():
    expected = expect(2, {1: faces(LEFT), 4: faces(RIGHT)})
    np.testing.assert_allclose(expected.boxes_px, [LEFT, RIGHT])


def test_before_the_first_and_after_the_last_searched_frame_the_nearest_counts():
    found = {1: faces(LEFT), 4: faces(RIGHT)}
    np.testing.assert_allclose(expect(0, found).boxes_px, [LEFT])
    np.testing.assert_allclose(expect(5, found).boxes_px, [RIGHT])


def test_where_nothing_was_found_nothing_is_expected_and_nothing_confirmed():
    expected = expect(2, {1: faces(), 4: faces()})
    assert expected.places_px.shape == (0, 4)
    assert not is_confirmed(expected, faces())


@pytest.mark.parametrize(
    ("found", "confirmed"),
    [
        (faces(LEFT, RIGHT), True),
        (faces(MOVED, RIGHT), True),
        (faces(LEFT), False),
        (faces(), False),
        (faces(LEFT, RIGHT, confidence=0.85), False),
        (faces((10, 10, 200, 240), RIGHT), False),
    ],
)
def test_a_frame_is_confirmed_by_every_sure_face_coming_back_surely(found, confirmed):
    assert is_confirmed(expect(2, {1: faces(LEFT, RIGHT), 4: faces(LEFT, RIGHT)}), found) is confirmed


def test_a_face_that_was_never_sure_need_not_come_back():
    doubtful = expect(2, {1: faces(LEFT, confidence=0.8), 4: faces(LEFT, confidence=0.94)})
    assert doubtful.is_sure == (False,)
    assert is_confirmed(doubtful, faces())
    sure_once = expect(2, {1: faces(LEFT, confidence=0.8), 4: faces(LEFT, confidence=0.96)})
    assert sure_once.is_sure == (True,)
    assert not is_confirmed(sure_once, faces())
