import numpy as np
import pytest
from facenet_pytorch import MTCNN
from PIL import Image

from gsgmodel.datasets.portraits import NAMES, load_portrait, resize_portrait


@pytest.mark.parametrize("name", NAMES)
def test_the_face_is_where_mtcnn_finds_it(name):
    portrait = load_portrait(name)
    boxes, _, landmarks = MTCNN().detect(Image.fromarray(portrait.grey).convert("RGB"), landmarks=True)
    assert len(boxes) == 1
    assert np.abs(boxes[0] - portrait.box_px).max() < 1
    assert np.abs(landmarks[0] - portrait.landmarks_px).max() < 1


def test_a_portrait_cannot_be_changed_by_who_uses_it():
    with pytest.raises(ValueError, match="read-only"):
        load_portrait("hopper").grey[0, 0] = 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_resized_portrait_keeps_its_face_in_place(name, is_mirrored):
    portrait = load_portrait(name)
    resized = resize_portrait(portrait, face_px=100.0, is_mirrored=is_mirrored)
    assert resized.box_px[3] - resized.box_px[1] == pytest.approx(100, rel=0.01)
    scale = 100 / (portrait.box_px[3] - portrait.box_px[1])
    for (x, y), (new_x, new_y) in zip(portrait.landmarks_px[[0, 1]], resized.landmarks_px[[0, 1]], strict=True):
        assert new_y == pytest.approx(y * scale, rel=0.01) or is_mirrored
        assert new_x == pytest.approx(x * scale, rel=0.01) or is_mirrored
    assert (resized.box_px[:2] < resized.landmarks_px).all()
    assert (resized.landmarks_px < resized.box_px[2:]).all()


@pytest.mark.parametrize("name", NAMES)
def test_mirroring_twice_changes_nothing(name):
    once = resize_portrait(load_portrait(name), face_px=80.0, is_mirrored=True)
    height_px = float(once.box_px[3] - once.box_px[1])
    twice = resize_portrait(once, face_px=height_px, is_mirrored=True)
    plain = resize_portrait(load_portrait(name), face_px=80.0, is_mirrored=False)
    assert np.array_equal(twice.grey, plain.grey)
    assert np.allclose(twice.box_px, plain.box_px)
    assert np.allclose(twice.landmarks_px, plain.landmarks_px)


@pytest.mark.parametrize("name", ["hopper", "astronaut"])
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_the_left_eye_stays_left_as_seen(name, is_mirrored):
    left, right = resize_portrait(load_portrait(name), face_px=90.0, is_mirrored=is_mirrored).landmarks_px[:2]
    assert left[0] < right[0]
