"""Strips of crops, and what a file of one gives back."""

import io

import numpy as np
import pytest
from PIL import Image

from gsgmodel.report.strips import GAP_PX, as_jpeg, crops_of_strip, strip
from tests.report.conftest import SIDE, make_clip


def test_a_strip_has_all_frames_beside_each_other():
    crops = make_clip().crops
    picture = strip(crops, side_px=SIDE)
    assert picture.size == (3 * SIDE + 2 * GAP_PX, SIDE)
    np.testing.assert_array_equal(np.asarray(picture)[:, SIDE + GAP_PX : 2 * SIDE + GAP_PX], crops[1])


def test_a_jpeg_opens_and_says_nothing_of_where_it_is_from():
    picture = Image.open(io.BytesIO(as_jpeg(strip(make_clip().crops, side_px=32))))
    assert (picture.format, picture.size) == ("JPEG", (100, 32))
    assert not picture.getexif()


def test_a_file_of_a_strip_is_taken_apart_into_the_same_crops():
    crops = np.repeat(np.repeat(make_clip().crops[:, ::16, ::16], 16, axis=1), 16, axis=2)
    found = crops_of_strip(as_jpeg(strip(crops, side_px=SIDE)))
    assert found.shape == crops.shape
    assert np.abs(found.astype(int) - crops).mean() < 16


def test_what_is_no_strip_is_refused():
    with pytest.raises(ValueError, match="no picture"):
        crops_of_strip(b"no JPEG")
    with pytest.raises(ValueError, match="64 x 50 pixels is no strip"):
        crops_of_strip(as_jpeg(Image.new("RGB", (64, 50))))
