import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN
from facenet_pytorch.models.utils.detect_face import detect_face

from gsgmodel.faces.cascade import (
    Networks,
    _Candidates,
    _per_frame,
    _refine,
    _visible,
    find_faces,
    look_at,
    pyramid_scales,
)

THRESHOLDS = (0.6, 0.7, 0.7)


@pytest.fixture(scope="module")
def networks():
    return Networks.load("cpu")


def test_the_pyramid_halves_the_area_until_the_window_does_not_fit():
    assert pyramid_scales(height_px=40, width_px=400, min_face_px=20) == pytest.approx(
        [0.6, 0.6 * 0.709, 0.6 * 0.709**2]
    )
    assert pyramid_scales(height_px=20, width_px=20, min_face_px=20) == [0.6]
    assert pyramid_scales(height_px=19, width_px=2000, min_face_px=20) == []


def test_the_networks_need_no_gradient(networks):
    assert not any(p.requires_grad for network in networks for p in network.parameters())


@pytest.mark.parametrize("min_face_px", [20, 40])
def test_boxes_and_scores_are_those_of_facenet_pytorch(networks, scene, min_face_px):
    frame = scene(("astronaut", 80, 90, 110), ("hopper", 240, 90, 120))
    reference = MTCNN(keep_all=True)
    with torch.no_grad():
        expected, _ = detect_face(
            frame, min_face_px, reference.pnet, reference.rnet, reference.onet, THRESHOLDS, 0.709, "cpu"
        )
    found = find_faces(torch.from_numpy(frame)[None], networks, min_face_px=min_face_px, thresholds=THRESHOLDS)
    assert len(found[0]) == 2
    np.testing.assert_allclose(found[0][:, :4], np.asarray(expected[0], np.float32)[:, :4], atol=1e-2)
    np.testing.assert_allclose(found[0][:, 4], np.asarray(expected[0], np.float32)[:, 4], atol=1e-4)


def test_a_batch_in_which_one_frame_has_no_face_keeps_each_frames_own(networks, scene):
    frames = np.stack([scene(), scene(("astronaut", 80, 90, 110)), scene()])
    found = find_faces(torch.from_numpy(frames), networks, min_face_px=20, thresholds=THRESHOLDS)
    assert [len(boxes) for boxes in found] == [0, 1, 0]


def test_frames_too_small_for_a_face_and_no_frames_give_nothing(networks):
    small = torch.zeros((2, 19, 300, 3), dtype=torch.uint8)
    assert [len(boxes) for boxes in find_faces(small, networks, min_face_px=20, thresholds=THRESHOLDS)] == [0, 0]
    assert find_faces(small[:0], networks, min_face_px=20, thresholds=THRESHOLDS) == []


def candidates(*boxes):
    return _Candidates(torch.tensor([[*box, 0.9] for box in boxes]), torch.zeros(len(boxes), dtype=torch.int64))


def test_a_box_without_a_pixel_in_the_frame_is_dropped_with_its_crop():
    inside = (10.0, 10.0, 30.0, 30.0)
    outside = [(-50.0, 10.0, -20.0, 40.0), (90.0, 10.0, 95.0, 40.0), (10.0, -9.0, 20.0, -1.0), (10.0, 70.0, 20.0, 80.0)]
    broken = (float("nan"), 10.0, 30.0, 30.0)
    found, windows = _visible(torch.zeros((1, 60, 80, 3), dtype=torch.uint8), candidates(inside, *outside, broken))
    assert found.boxes[:, :4].tolist() == [list(inside)]
    assert windows == [(0, 9, 30, 9, 30)]


def test_when_every_box_lies_outside_the_next_network_is_not_asked(networks):
    outside = candidates((-50.0, 10.0, -20.0, 40.0))
    assert (
        len(_refine(torch.zeros((1, 60, 80, 3), dtype=torch.uint8), outside, networks.refinement, threshold=0.7).boxes)
        == 0
    )


def test_suppression_in_one_frame_does_not_see_the_boxes_of_another():
    boxes = torch.tensor([[0.0, 0, 10, 10, 0.9], [0.0, 0, 10, 10, 0.8], [0.0, 0, 10, 10, 0.7]])
    found = _Candidates(boxes, torch.tensor([0, 1, 0]))
    kept = _per_frame(found, lambda of_frame: of_frame[:, 4].argmax()[None])
    assert kept.tolist() == [0, 1]


def test_a_look_at_the_right_places_finds_what_a_whole_search_does(networks, scene):
    frames = [torch.from_numpy(scene(("astronaut", 80 + 60 * i, 90, 110))) for i in range(2)]
    searched = find_faces(torch.stack(frames), networks, min_face_px=20, thresholds=THRESHOLDS)
    places = [boxes[:, :4].astype(np.float64) + 4 for boxes in searched]
    found = look_at(frames, places, networks, thresholds=THRESHOLDS)
    assert [len(boxes) for boxes in found] == [1, 1]
    for boxes, expected in zip(found, searched, strict=True):
        np.testing.assert_allclose(boxes[:, :4], expected[:, :4], atol=6)
        assert boxes[0, 4] > 0.99


def test_a_look_where_there_is_no_face_or_no_frame_finds_nothing(networks, scene):
    places = np.array([[200.0, 100.0, 260.0, 160.0], [-90.0, -90.0, -40.0, -40.0]])
    frame = torch.from_numpy(scene(("astronaut", 80, 90, 110)))
    assert [len(boxes) for boxes in look_at([frame], [places], networks, thresholds=THRESHOLDS)] == [0]
    nothing = np.zeros((0, 4))
    assert [len(boxes) for boxes in look_at([frame], [nothing], networks, thresholds=THRESHOLDS)] == [0]
