"""Orientation, pixel shape and colour."""

from fractions import Fraction

import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.video.pictures import Painter, Shown, orient, orientation, square_width
from gsgmodel.video.reader import open_video

ONE = 1 << 16


def matrix(a, b, c, d, scale=ONE):
    return np.array([a * scale, b * scale, 0, c * scale, d * scale, 0, 0, 0, 1 << 30], dtype=np.int32).tobytes()


PICTURE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ((1, 0, 0, 1), PICTURE),
        ((0, 1, -1, 0), np.rot90(PICTURE, -1)),
        ((-1, 0, 0, -1), np.rot90(PICTURE, 2)),
        ((0, -1, 1, 0), np.rot90(PICTURE, 1)),
        ((-1, 0, 0, 1), PICTURE[:, ::-1]),
        ((1, 0, 0, -1), PICTURE[::-1]),
        ((0, 1, 1, 0), PICTURE.transpose(1, 0, 2)),
        ((0, -1, -1, 0), np.rot90(PICTURE, 2).transpose(1, 0, 2)),
    ],
)
def test_each_of_the_eight_display_matrices_turns_the_picture_its_way(turn, expected):
    found = orient(PICTURE, orientation(matrix(*turn)))
    np.testing.assert_array_equal(found, expected)
    assert found.flags.c_contiguous


@pytest.mark.parametrize(
    "data", [None, b"", bytes(36), matrix(1, 1, -1, 1, 46341), matrix(1, 0, 0, 0), bytes(35), b"\x80\0\0\0" * 9]
)
def test_a_matrix_that_is_missing_degenerate_or_askew_leaves_the_picture_as_it_is(data):
    assert orientation(data) == (1, 0, 0, 1)


@given(st.binary(min_size=36, max_size=36))
def test_any_matrix_gives_a_picture_with_the_same_pixels(data):
    found = orient(PICTURE, orientation(data))
    assert sorted(found.reshape(-1, 3).tolist()) == sorted(PICTURE.reshape(-1, 3).tolist())


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_a_rotated_file_is_shown_upright(make_video, numbered_pictures, degrees):
    # The tag turns counterclockwise, so does rot90.
    path = make_video("turned.mp4", num=3, rotation_deg=degrees, crf=1)
    with path.open("rb") as file, open_video(file) as video:
        (window,) = video.read()
        assert (video.info.height_px, video.info.width_px) == window.frames[0].shape[:2]
    for found, drawn in zip(window.frames, numbered_pictures(3), strict=True):
        expected = np.rot90(drawn, degrees // 90).astype(int)
        assert found.shape == expected.shape
        assert np.abs(found - expected).mean() < 8


@pytest.mark.parametrize(
    ("aspect", "width"),
    [
        (None, 720),
        (Fraction(0), 720),
        (Fraction(1), 720),
        (Fraction(224, 225), 720),
        (Fraction(16, 15), 768),
        (Fraction(64, 45), 1024),
        (Fraction(1, 2), 360),
        (Fraction(65535), 720),
        (Fraction(1, 65535), 720),
    ],
)
def test_pixels_become_square_unless_they_nearly_are_or_the_header_is_absurd(aspect, width):
    assert square_width(720, aspect) == width


def test_a_video_with_wide_pixels_is_shown_wider(make_video):
    path = make_video("wide.mp4", num=2, pixel_aspect=Fraction(4, 3), width=96)
    with path.open("rb") as file, open_video(file) as video:
        (window,) = video.read()
    assert (video.info.width_px, video.info.height_px) == (128, 96)
    assert window.frames[0].shape == (96, 128, 3)


def plane_frame(width, height, luma, *, matrix_name, value_range):
    frame = VideoFrame(width, height, "yuv420p")
    for plane, value in zip(frame.planes, (luma, 90, 170), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.colorspace = matrix_name
    frame.color_range = value_range
    return frame


def rgb_by_formula(luma, *, red, blue, is_full):
    """ITU-R BT.601/709: colour from luma and two differences, with the matrix's weights of red and blue."""
    y = luma / 255 if is_full else (luma - 16) / 219
    cb, cr = ((value - 128) / (255 if is_full else 224) for value in (90, 170))
    r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.array([r, g, b]) * 255, 0, 255)


@pytest.mark.parametrize(
    ("matrix_name", "value_range", "red", "blue", "is_full"),
    [
        (1, 1, 0.2126, 0.0722, False),
        (1, 2, 0.2126, 0.0722, True),
        (5, 1, 0.299, 0.114, False),
        (6, 2, 0.299, 0.114, True),
        (2, 0, 0.299, 0.114, False),
    ],
)
def test_colours_follow_the_matrix_and_range_that_the_frame_names_and_bt601_where_it_names_none(
    matrix_name, value_range, red, blue, is_full
):
    frame = plane_frame(64, 48, 120, matrix_name=matrix_name, value_range=value_range)
    picture = Painter(Shown(width_px=64, height_px=48)).paint(frame)
    expected = rgb_by_formula(120, red=red, blue=blue, is_full=is_full)
    assert np.abs(picture.reshape(-1, 3) - expected).max() <= 3


def test_transparency_is_dropped_and_colours_stay_as_stored():
    data = np.zeros((4, 6, 4), dtype=np.uint8)
    data[..., 0], data[..., 3] = 200, 10
    picture = Painter(Shown(width_px=6, height_px=4)).paint(VideoFrame.from_ndarray(data, format="rgba"))
    assert (picture == [200, 0, 0]).all()


def test_a_frame_of_another_size_is_scaled_to_the_first():
    frame = VideoFrame.from_ndarray(np.full((20, 30, 3), 77, dtype=np.uint8), format="rgb24")
    picture = Painter(Shown(width_px=12, height_px=10)).paint(frame)
    assert picture.shape == (10, 12, 3)
    assert (picture == 77).all()


def test_pictures_outlive_the_frame_and_do_not_share_memory():
    painter = Painter(Shown(width_px=64, height_px=48))
    first = painter.paint(plane_frame(64, 48, 50, matrix_name=2, value_range=0))
    kept = first.copy()
    painter.paint(plane_frame(64, 48, 200, matrix_name=2, value_range=0))
    np.testing.assert_array_equal(first, kept)
