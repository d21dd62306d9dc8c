"""Pictures that scans kept, on a page."""

import base64

import numpy as np
import pytest

from gsgmodel.report.kept import kept_part
from gsgmodel.report.strips import FOLDER, as_jpeg, crops_of_strip, kept_name, strip
from gsgmodel.results.storage import output_place
from tests.report.conftest import SIDE, make_clip
from tests.results.conftest import FACES


@pytest.fixture
def output(tmp_path):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / kept_name(b"1")).write_bytes(as_jpeg(strip(make_clip().crops, side_px=SIDE)))
    return output_place(str(tmp_path))


def pixels(part):
    return crops_of_strip(base64.b64decode(part["strips"][0]["uri"].split(",")[1]))


def test_a_picture_is_shown_with_the_clip_that_has_the_highest_score(output):
    part = kept_part(output, b"1", FACES, show_faces=True)
    assert (part["track_id"], part["start_s"], part["end_s"], part["score"]) == (0, 0.0, 60.0, 0.75)
    assert part["frames"] == "0.25 0.75"
    assert (part["num_frames"], part["strips"][0]["height"]) == (3, SIDE)


def test_faces_are_blurred_unless_they_are_to_be_seen(output):
    sharp, soft = (pixels(kept_part(output, b"1", FACES, show_faces=show)).astype(int) for show in (True, False))
    assert np.abs(np.diff(soft, axis=2)).mean() < 0.2 * np.abs(np.diff(sharp, axis=2)).mean()


def test_what_is_not_there_or_no_strip_is_left_out(output):
    assert kept_part(output, b"2", FACES, show_faces=True) is None
    (output.path / FOLDER / kept_name(b"1")).write_bytes(b"no JPEG")
    assert kept_part(output, b"1", FACES, show_faces=True) is None
