import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.faces.crops import crop_face, crop_window

COORDINATE = st.integers(-300, 900)
LENGTH = st.integers(1, 700)


def faceforensics_rule(x1, y1, x2, y2, *, width, height, scale=1.3):
    """``get_boundingbox`` as FaceForensics++ has it."""
    size_bb = int(max(x2 - x1, y2 - y1) * scale)
    center_x, center_y = (x1 + x2) // 2, (y1 + y2) // 2
    x1 = max(int(center_x - size_bb // 2), 0)
    y1 = max(int(center_y - size_bb // 2), 0)
    size_bb = min(width - x1, size_bb)
    size_bb = min(height - y1, size_bb)
    return x1, y1, size_bb


def window(*corners, width=640, height=480, scale=1.3):
    return crop_window(np.array(corners, np.float32), width_px=width, height_px=height, scale=scale)


@pytest.mark.parametrize(
    ("corners", "expected"),
    [
        ((200, 100, 300, 220), (172, 82, 156, False)),
        ((0, 50, 100, 150), (0, 35, 130, False)),
        ((50, 0, 150, 100), (35, 0, 130, False)),
        ((600, 420, 700, 520), (585, 405, 55, True)),
        ((500, 300, 600, 400), (485, 285, 130, False)),
        ((540, 300, 640, 400), (525, 285, 115, False)),
        ((560, 300, 660, 400), (545, 285, 95, True)),
        ((100, 100, 200, 600), (0, 25, 455, True)),
    ],
)
def test_crops_computed_by_hand(corners, expected):
    assert tuple(window(*corners)) == expected


@given(COORDINATE, COORDINATE, COORDINATE, COORDINATE, LENGTH, LENGTH)
def test_whole_pixels_give_the_crop_of_faceforensics_wherever_that_is_not_empty(x0, y0, x1, y1, width, height):
    x, y, side = faceforensics_rule(x0, y0, x1, y1, width=width, height=height)
    result = window(x0, y0, x1, y1, width=width, height=height)
    if side > 0:
        assert tuple(result[:3]) == (x, y, side)
    assert result.side_px >= 1
    assert 0 <= result.x0_px <= width - result.side_px
    assert 0 <= result.y0_px <= height - result.side_px


def test_fractions_of_a_pixel_are_rounded_before_the_rule():
    assert window(199.6, 100.4, 300.4, 219.7) == window(200, 100, 300, 220)
    assert window(199.4, 100.4, 300.4, 219.7) != window(200, 100, 300, 220)


def test_a_side_cut_by_exactly_a_fifth_is_not_flagged_and_one_pixel_more_is():
    assert window(100, 100, 200, 200, width=190, height=480, scale=1.0)[2:] == (90, False)
    assert window(100, 100, 200, 200, width=180, height=480, scale=1.0)[2:] == (80, False)
    assert window(100, 100, 200, 200, width=179, height=480, scale=1.0)[2:] == (79, True)


@given(st.lists(st.floats(-3000, 3000, width=32), min_size=4, max_size=4), LENGTH, LENGTH, st.floats(0.5, 3))
def test_a_face_is_never_an_empty_crop(corners, width, height, scale):
    frame = np.zeros((height, width, 3), np.uint8)
    crop, is_reduced = crop_face(frame, np.array(corners, np.float32), scale=scale, size_px=8)
    assert crop.shape == (8, 8, 3)
    assert isinstance(is_reduced, bool)


def test_a_crop_of_the_wanted_size_is_the_frame_itself():
    frame = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    crop, is_reduced = crop_face(frame, np.array([100, 100, 200, 200], np.float32), scale=1.3, size_px=130)
    np.testing.assert_array_equal(crop, frame[85:215, 85:215])
    assert not is_reduced


def test_reducing_averages_over_the_pixels_and_does_not_skip_any():
    frame = np.zeros((256, 256, 3), np.uint8)
    frame[:, ::2] = 200
    crop, _ = crop_face(frame, np.array([64, 64, 192, 192], np.float32), scale=1.0, size_px=16)
    assert np.abs(crop.astype(int) - 100).max() <= 5


def test_a_crop_is_its_own_memory_and_leaves_the_frame_alone():
    frame = np.full((50, 50, 3), 7, np.uint8)
    frame.setflags(write=False)
    crop, _ = crop_face(frame, np.array([10, 10, 40, 40], np.float32), scale=1.0, size_px=30)
    crop[:] = 1
    assert (frame == 7).all()


def test_colours_keep_their_order():
    frame = np.zeros((60, 60, 3), np.uint8)
    frame[..., 0] = 255
    crop, _ = crop_face(frame, np.array([10, 10, 40, 40], np.float32), scale=1.3, size_px=24)
    assert (crop == [255, 0, 0]).all()
