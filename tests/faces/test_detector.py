import csv

import numpy as np
import pytest
import skimage.data
from facenet_pytorch import MTCNN
from PIL import Image

from gsgmodel.errors import ConfigError
from gsgmodel.faces import detector as detector_module
from gsgmodel.faces.boxes import iou
from gsgmodel.faces.detector import FaceDetector, _in_frame, scale_down
from gsgmodel.faces.tracks import SURE_CONFIDENCE

SETTINGS = {"long_side_px": 640, "min_face_px": 20, "thresholds": (0.6, 0.7, 0.7)}


def test_faces_are_found_where_they_are_and_the_largest_comes_first(detector, scene):
    frame = scene(("astronaut", 80, 90, 80), ("hopper", 230, 90, 150))
    found = detector.detect([frame])[0]
    assert found.confidence.min() > 0.99
    centres = (found.boxes_px[:, :2] + found.boxes_px[:, 2:]) / 2
    assert np.abs(centres - [[230, 85], [80, 92]]).max() < 12


def test_boxes_are_those_of_facenet_on_the_same_scaled_frame(scene):
    frame = scene(("astronaut", 170, 180, 220), ("hopper", 460, 180, 240), width=640, height=360)
    found = FaceDetector(**{**SETTINGS, "long_side_px": 320}).detect([frame])[0]
    boxes, confidence = MTCNN(keep_all=True).detect(scale_down(frame, long_side_px=320))
    np.testing.assert_allclose(found.boxes_px, 2 * np.asarray(boxes, np.float32), atol=1e-2)
    np.testing.assert_allclose(found.confidence, np.asarray(confidence, np.float32), atol=1e-4)


def test_the_same_frames_give_the_same_boxes_twice_in_a_batch_and_alone(detector, scene):
    frames = [scene(("astronaut", 80 + 3 * i, 90, 90), ("hopper", 240, 90, 100), light=1 - 0.1 * i) for i in range(4)]
    once, twice = detector.detect(frames), detector.detect(frames)
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(once[index].boxes_px, twice[index].boxes_px)
        np.testing.assert_allclose(detector.detect([frame])[0].boxes_px, once[index].boxes_px, atol=1e-3)


def test_small_batches_give_the_same_boxes(detector, scene, monkeypatch):
    frames = [scene(("astronaut", 80 + 9 * i, 90, 90)) for i in range(3)]
    together = detector.detect(frames)
    monkeypatch.setattr(detector_module, "_PIXELS_PER_BATCH", 1)
    for apart, before in zip(detector.detect(frames), together, strict=True):
        np.testing.assert_allclose(apart.boxes_px, before.boxes_px, atol=1e-3)


def test_frames_of_different_sizes_are_each_found_in_order(detector, scene):
    frames = [
        scene(("astronaut", 80, 90, 90)),
        scene(),
        scene(("hopper", 100, 100, 120), width=200, height=220),
        scene(("astronaut", 80, 90, 90)),
    ]
    found = detector.detect(frames)
    assert [len(detections.confidence) for detections in found] == [1, 0, 1, 1]
    np.testing.assert_allclose(found[0].boxes_px, found[3].boxes_px, atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 4), (19, 300), (300, 19), (20, 20), (8, 4000)])
def test_tiny_and_narrow_frames_have_no_face_and_raise_nothing(detector, height, width):
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert len(detector.detect([frame])[0].boxes_px) == 0


@pytest.mark.parametrize("fill", [0, 128, 255])
def test_a_plain_frame_has_no_face(detector, fill):
    assert len(detector.detect([np.full((180, 320, 3), fill, np.uint8)])[0].confidence) == 0


def test_no_frames_give_no_detections(detector):
    assert detector.detect([]) == []


def test_noise_has_no_face(detector):
    frame = np.random.default_rng(1).integers(0, 256, (180, 320, 3), dtype=np.uint8)
    assert len(detector.detect([frame])[0].confidence) == 0


def test_a_face_at_the_edge_is_found_and_its_box_may_reach_beyond(detector, scene):
    found = detector.detect([scene(("hopper", 310, 90, 100))])[0]
    assert len(found.boxes_px) == 1
    assert found.boxes_px[0, 2] > 320


def test_a_grey_picture_and_a_dark_one_have_their_face(detector, scene):
    grey = np.repeat(skimage.data.camera()[..., None], 3, axis=2)
    dark = scene(("hopper", 160, 90, 100), light=0.4)
    assert [len(found.boxes_px) for found in detector.detect([grey, dark])] == [1, 1]


def test_read_only_and_non_contiguous_frames_are_accepted(detector, scene):
    frame = scene(("astronaut", 80, 90, 90))
    mirrored = frame[:, ::-1]
    frame.setflags(write=False)
    assert [len(found.boxes_px) for found in detector.detect([frame, mirrored])] == [1, 1]


def test_a_large_frame_gives_boxes_in_its_own_pixels(detector, scene):
    small = scene(("astronaut", 160, 180, 240), width=640, height=360)
    large = np.asarray(Image.fromarray(small).resize((1920, 1080), Image.Resampling.BICUBIC))
    in_small, in_large = detector.detect([small])[0].boxes_px, detector.detect([large])[0].boxes_px
    assert np.abs(in_large - 3 * in_small).max() < 0.05 * 240 * 3


def test_a_frame_is_scaled_down_to_its_long_side_and_never_up():
    tall = np.zeros((1000, 333, 3), np.uint8)
    assert scale_down(tall, long_side_px=640).shape == (640, 213, 3)
    assert scale_down(tall, long_side_px=1000) is tall
    assert scale_down(np.zeros((2, 5000, 3), np.uint8), long_side_px=640).shape == (1, 640, 3)


def test_scaling_by_a_whole_factor_averages_every_pixel():
    frame = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    expected = frame.reshape(30, 3, 40, 3, 3).mean(axis=(1, 3))
    assert np.abs(scale_down(frame, long_side_px=40) - expected).max() <= 1


def test_degenerate_boxes_are_left_out():
    boxes = np.array(
        [[0, 0, 4, 4, 0.9], [np.nan, 0, 4, 4, 0.9], [4, 4, 4, 9, 0.9], [9, 9, 2, 12, 0.9], [0, 0, 8, 6, 0.8]],
        np.float32,
    )
    found = _in_frame(boxes, scaled=(10, 20), shown=(20, 60))
    np.testing.assert_allclose(found.boxes_px, [[0, 0, 24, 12], [0, 0, 12, 8]])
    np.testing.assert_allclose(found.confidence, [0.8, 0.9])


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"long_side_px": 10}, "detect_long_side_px"),
        ({"min_face_px": 11}, "min_face_px"),
        ({"thresholds": (0.6, 0.7, 1.0)}, "detect_thresholds"),
        ({"detect_every": 0}, "detect_every"),
    ],
)
def test_settings_out_of_range_are_named(wrong, named):
    with pytest.raises(ConfigError, match=named):
        FaceDetector(**{**SETTINGS, **wrong})


@pytest.mark.shared
def test_photographs_have_as_many_sure_faces_as_the_manifest_says(detector, shared_data):
    with (shared_data / "manifest.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "B"]
    photographs = [np.asarray(Image.open(shared_data / row["file"]).convert("RGB")) for row in rows]
    found = [int((detections.confidence >= SURE_CONFIDENCE).sum()) for detections in detector.detect(photographs)]
    wanted = [int(row["faces_mtcnn_5frames"]) for row in rows]
    different = [row["file"] for row, f, w in zip(rows, found, wanted, strict=True) if f != w]
    assert len(different) <= 1, different


@pytest.fixture(scope="module")
def follower():
    return FaceDetector(**SETTINGS, detect_every=3)


def searches(detector, monkeypatch):
    """Notes how many frames each whole search takes."""
    sizes, search = [], detector._search
    monkeypatch.setattr(detector, "_search", lambda frames: sizes.append(len(frames)) or search(frames))
    return sizes


def test_a_face_that_moves_is_followed_and_only_every_third_frame_is_searched(follower, detector, scene, monkeypatch):
    frames = [scene(("astronaut", 80 + 6 * i, 90, 100), ("hopper", 240, 90, 90)) for i in range(12)]
    sizes = searches(follower, monkeypatch)
    found = follower.detect(frames)
    assert sizes == [4, 0]
    for followed, searched in zip(found, detector.detect(frames), strict=True):
        assert len(followed.boxes_px) == len(searched.boxes_px) == 2
        assert np.diagonal(iou(followed.boxes_px, searched.boxes_px)).min() > 0.8


def test_frames_after_a_cut_are_searched_whole(follower, scene, monkeypatch):
    first = [scene(("astronaut", 80, 90, 100))] * 6
    sizes = searches(follower, monkeypatch)
    found = follower.detect([*first, *[scene(("hopper", 240, 90, 120))] * 6])
    assert sizes[0] == 4
    assert sizes[1] > 0
    centres = [float(each.boxes_px[0, [0, 2]].mean()) for each in found]
    assert max(abs(x - 80) for x in centres[:6]) < 15
    assert max(abs(x - 240) for x in centres[6:]) < 15


def test_where_no_searched_frame_shows_a_face_all_are_searched(follower, scene):
    frames = [scene() for _ in range(12)]
    frames[6] = scene(("astronaut", 80, 90, 100))
    assert [len(each.boxes_px) for each in follower.detect(frames)] == [0] * 6 + [1] + [0] * 5


def test_frames_of_several_sizes_are_all_searched(follower, detector, scene):
    frames = [scene(("astronaut", 80, 90, 90)), scene(("hopper", 100, 100, 120), width=200, height=220)]
    for followed, searched in zip(follower.detect(frames), detector.detect(frames), strict=True):
        np.testing.assert_array_equal(followed.boxes_px, searched.boxes_px)


def test_one_frame_and_none_can_be_searched(follower, scene):
    assert len(follower.detect([scene(("astronaut", 80, 90, 90))])[0].boxes_px) == 1
    assert follower.detect([]) == []
