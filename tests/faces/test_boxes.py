import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.faces import boxes as box

COORDINATE = st.floats(-500, 2000, width=32)
SIDE = st.floats(1, 500, width=32)


@st.composite
def some_boxes(draw, min_size=0, max_size=6):
    corners = draw(st.lists(st.tuples(COORDINATE, COORDINATE, SIDE, SIDE), min_size=min_size, max_size=max_size))
    return np.array([[x, y, x + w, y + h] for x, y, w, h in corners], np.float32).reshape(-1, 4)


def test_iou_of_boxes_computed_by_hand():
    first = np.array([[0, 0, 10, 10], [0, 0, 0, 0]], np.float32)
    second = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [2, 2, 7, 7], [3, 3, 3, 3]], np.float32)
    np.testing.assert_allclose(box.iou(first, second), [[1, 50 / 150, 0, 25 / 100, 0], [0, 0, 0, 0, 0]])


@given(some_boxes(), some_boxes())
def test_iou_is_symmetric_and_between_0_and_1(first, second):
    overlap = box.iou(first, second)
    assert overlap.shape == (len(first), len(second))
    assert ((overlap >= 0) & (overlap <= 1 + 1e-9)).all()
    np.testing.assert_allclose(overlap, box.iou(second, first).T)


@given(some_boxes(min_size=1), st.sampled_from([0.5, 2.0, 4.0]))
def test_pairs_compare_alike_at_every_scale(boxes, scale):
    assert np.diagonal(box.iou(boxes, boxes)) == pytest.approx(1)
    for compare in (box.iou, box.relative_distance, box.size_ratio):
        np.testing.assert_allclose(compare(boxes, boxes), compare(boxes * scale, boxes * scale), atol=1e-6)


def test_distance_is_measured_in_mean_sides():
    first = np.array([[0, 0, 10, 10]], np.float32)
    second = np.array([[15, 0, 25, 10], [5, 5, 5, 5], [-5, -5, 15, 15]], np.float32)
    distance = box.relative_distance(first, second)
    np.testing.assert_allclose(distance, [[1.5, 0, 0]])
    assert np.isinf(box.relative_distance(second[1:2], second[1:2]))


def test_size_ratio_is_of_sides_and_at_least_1():
    first = np.array([[0, 0, 10, 10]], np.float32)
    second = np.array([[0, 0, 20, 20], [0, 0, 5, 5], [0, 0, 20, 5], [0, 0, 0, 9]], np.float32)
    np.testing.assert_allclose(box.size_ratio(first, second), [[2, 2, 1, np.inf]])


def test_a_box_with_negative_sides_has_no_area():
    assert box.areas(np.array([[10, 10, 0, 0], [10, 0, 0, 10]], np.float32)).tolist() == [0, 0]


def test_missing_boxes_are_linear_between_and_nearest_outside():
    known = np.array([[0, 0, 10, 10], [30, 60, 40, 100]], np.float32)
    filled = box.interpolate(known, np.array([1, 4]), length=6)
    expected = [
        [0, 0, 10, 10],
        [0, 0, 10, 10],
        [10, 20, 20, 40],
        [20, 40, 30, 70],
        [30, 60, 40, 100],
        [30, 60, 40, 100],
    ]
    np.testing.assert_allclose(filled, expected)


@given(some_boxes(min_size=1), st.data())
def test_known_boxes_stay_and_others_lie_between_them(boxes, data):
    length = data.draw(st.integers(len(boxes), len(boxes) + 6))
    at = np.array(sorted(data.draw(st.permutations(range(length)))[: len(boxes)]), np.int64)
    filled = box.interpolate(boxes, at, length=length)
    np.testing.assert_array_equal(filled[at], boxes)
    assert (filled >= boxes.min(axis=0)).all()
    assert (filled <= boxes.max(axis=0)).all()


def moved(*offsets):
    return np.array([[x, x, 100 + x, 100 + x] for x in offsets], np.float32)


def test_even_motion_is_not_changed_by_smoothing():
    boxes = moved(0, 5, 10, 15, 20)
    np.testing.assert_allclose(box.smooth(boxes, np.ones(5, bool), min_iou=0.7), boxes)


def test_jitter_around_a_still_face_is_halved_inside():
    smoothed = box.smooth(moved(0, 4, 0, 4, 0), np.ones(5, bool), min_iou=0.7)
    assert smoothed[:, 0].tolist() == [0, 2, 2, 2, 0]


def test_a_jump_is_not_smoothed_from_either_side():
    boxes = moved(0, 0, 60, 60)
    np.testing.assert_array_equal(box.smooth(boxes, np.ones(4, bool), min_iou=0.7), boxes)


def test_a_box_that_is_not_of_its_frame_smooths_nothing():
    boxes = moved(0, 4, 0)
    np.testing.assert_array_equal(box.smooth(boxes, np.array([True, True, False]), min_iou=0.7), boxes)


@given(some_boxes())
def test_smoothing_moves_a_box_by_no_more_than_its_neighbours_differ(boxes):
    smoothed = box.smooth(boxes, np.ones(len(boxes), bool), min_iou=0.7)
    for index in range(1, len(boxes) - 1):
        neighbours = boxes[[index - 1, index + 1]].astype(np.float64)
        reach = np.abs(neighbours - boxes[index]).max(axis=0)
        assert (np.abs(smoothed[index] - boxes[index]) <= reach / 2 + 1e-9).all()
    np.testing.assert_array_equal(
        smoothed[[0, -1]] if len(boxes) else smoothed, boxes[[0, -1]] if len(boxes) else boxes
    )
