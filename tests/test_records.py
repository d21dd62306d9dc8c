from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

from gsgmodel.records import FaceClip, Preparation

OTHER = {
    "frames_per_clip": 8,
    "detect_long_side_px": 320,
    "min_face_px": 40,
    "detect_thresholds": (0.6, 0.7, 0.8),
    "detect_every": 1,
    "crop_scale": 1.2,
    "crop_size_px": 112,
}


def test_every_value_of_the_preparation_is_tried():
    assert OTHER.keys() == {field.name for field in fields(Preparation)}


@pytest.mark.parametrize("name", OTHER)
def test_a_preparation_that_differs_in_one_value_has_another_digest(name):
    assert replace(Preparation(), **{name: OTHER[name]}).digest != Preparation().digest


def test_equal_preparations_have_equal_digests_everywhere():
    assert Preparation().digest == Preparation().digest
    every_frame = Preparation(detect_every=1)
    assert every_frame.digest == "74d711a268556fe9715467a9669a8cf7f0adf06446b09e90c64e9cb5e46a556c"


def test_a_preparation_that_searches_every_frame_does_not_say_so():
    assert "detect_every" not in Preparation(detect_every=1).to_dict()
    assert Preparation(detect_every=2).to_dict()["detect_every"] == 2


def test_a_preparation_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Preparation().crop_scale = 2.0


def test_a_clip_whose_parts_differ_in_length_is_refused():
    parts = {
        "track_id": 0,
        "start_s": 0.0,
        "end_s": 1.0,
        "time_s": np.arange(3.0),
        "boxes_px": np.zeros((3, 4), np.float32),
        "detected": np.ones(3, bool),
        "crops": np.zeros((3, 8, 8, 3), np.uint8),
        "is_reduced": False,
    }
    assert FaceClip(**parts).crops.shape == (3, 8, 8, 3)
    with pytest.raises(TypeError):
        FaceClip(**parts | {"crops": np.zeros((2, 8, 8, 3), np.uint8)})
