import numpy as np
import pytest

from gsgmodel.video.round_trip import round_trip_h264


def pictures(num=12, *, height=64, width=96):
    down, across = np.mgrid[:height, :width]
    moving = [np.stack([down * 2, across + 5 * tick, down + across], axis=-1) % 256 for tick in range(num)]
    return np.stack(moving).astype(np.uint8)


def error_of(crf):
    frames = pictures()
    return np.abs(round_trip_h264(frames, crf=crf).astype(int) - frames).mean()


def test_all_pictures_come_back_in_order():
    frames = np.stack([np.full((32, 32, 3), 20 * tick, np.uint8) for tick in range(12)])
    found = round_trip_h264(frames, crf=10)
    assert found.shape == frames.shape
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - frames).max() <= 4


def test_the_higher_the_factor_the_worse_the_pictures():
    assert error_of(5) < error_of(25) < error_of(45)


def test_the_same_pictures_give_the_same_result():
    assert np.array_equal(round_trip_h264(pictures(), crf=30), round_trip_h264(pictures(), crf=30))


def test_a_single_picture_is_a_video_too():
    assert round_trip_h264(pictures(1), crf=20).shape == (1, 64, 96, 3)


def test_odd_sides_are_refused():
    with pytest.raises(ValueError, match="needs even sides, not 97x64"):
        round_trip_h264(pictures(width=97), crf=20)
