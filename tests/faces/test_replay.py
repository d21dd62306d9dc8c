"""Faces of one video used in another: matched by time, scaled to its frames, and masks cropped as their video is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.faces.clips import ClipMaker, Finder
from gsgmodel.faces.crops import crop_face
from gsgmodel.faces.detections import Detections
from gsgmodel.faces.replay import MaskMaker, Replay, SeenFaces
from gsgmodel.records import FaceClip

FRAMES = 4


def blank(width=100, height=60, grey=0):
    return np.full((height, width, 3), grey, np.uint8)


def face_at(x, *, side=20.0):
    return Detections(
        boxes_px=np.array([[x, 10, x + side, 10 + side]], np.float32), confidence=np.array([0.99], np.float32)
    )


@pytest.fixture
def seen():
    """A face that moves to the right by 10 pixels a second."""
    seen = SeenFaces()
    for start_s in (0.0, 4.0):
        time_s = start_s + np.arange(FRAMES, dtype=np.float64)
        seen.add(time_s, [blank()] * FRAMES, [face_at(10 * t) for t in time_s.tolist()])
    return seen


def test_a_replay_is_a_finder_that_answers_by_time(seen):
    replay = Replay(seen)
    assert isinstance(replay, Finder)
    replay.expect(np.array([0.4, 0.6, 5.1, 99.0]))
    found = replay.detect([blank()] * 4)
    assert [each.boxes_px[0, 0] for each in found] == [0, 10, 50, 70]
    assert found[0].confidence.tolist() == pytest.approx([0.99])


@given(width=st.integers(10, 400), height=st.integers(10, 400), time_s=st.floats(-5, 20))
def test_boxes_are_scaled_by_the_ratio_of_the_frames(width, height, time_s):
    seen = SeenFaces()
    seen.add(np.arange(8, dtype=np.float64), [blank()] * 8, [face_at(5 * n) for n in range(8)])
    plain = seen.at(time_s, width_px=100, height_px=60).boxes_px
    scaled = seen.at(time_s, width_px=width, height_px=height).boxes_px
    np.testing.assert_allclose(scaled, plain * np.array([width / 100, height / 60] * 2), rtol=1e-5)


def test_a_video_without_frames_shows_nobody():
    assert len(SeenFaces().at(0.0, width_px=10, height_px=10).boxes_px) == 0


def test_other_frames_than_expected_are_a_bug(seen):
    replay = Replay(seen)
    replay.expect(np.zeros(3))
    with pytest.raises(ValueError, match="2 frames came where 3 were expected"):
        replay.detect([blank()] * 2)


def test_clips_of_a_fake_lie_where_those_of_its_original_do(seen):
    class Found:
        """What ``seen`` was told, as a detector of the original would say it."""

        def detect(self, frames):
            return [face_at(float(frame[0, 0, 0])) for frame in frames]

    def clips(finder, frames_of):
        settings = {"frames_per_clip": FRAMES, "crop_scale": 1.3, "crop_size_px": 16}
        maker = ClipMaker(finder, **settings, faces="all", max_clips=8)
        for start_s in (0.0, 4.0):
            time_s = start_s + np.arange(FRAMES, dtype=np.float64)
            if isinstance(finder, Replay):
                finder.expect(time_s)
            maker.add(start_s, start_s + 4, time_s, frames_of(time_s), tuple(range(FRAMES)))
        return maker.finish()[0]

    original = clips(Found(), lambda time_s: [blank(grey=int(10 * t)) for t in time_s])
    fake = clips(Replay(seen), lambda time_s: [blank(200, 120, grey=250) for _ in time_s])
    assert len(original) == len(fake) == 2
    for mine, theirs in zip(fake, original, strict=True):
        np.testing.assert_allclose(mine.boxes_px, theirs.boxes_px * 2)
        np.testing.assert_array_equal(mine.detected, theirs.detected)
        assert (mine.crops == 250).all()


def clip_of(time_s, boxes_px):
    return FaceClip(
        track_id=0,
        start_s=float(time_s[0]),
        end_s=float(time_s[-1] + 1),
        time_s=np.array(time_s, np.float64),
        boxes_px=np.array(boxes_px, np.float32),
        detected=np.ones(len(time_s), bool),
        crops=np.zeros((len(time_s), 8, 8, 3), np.uint8),
        is_reduced=False,
    )


def test_masks_are_cut_at_the_same_times_and_boxes():
    boxes = [[10, 10, 30, 30], [20, 10, 40, 30]]
    clips = [clip_of([0.0, 1.0], boxes), clip_of([2.0, 3.0], boxes[::-1])]
    maker = MaskMaker(clips, width_px=100, height_px=60, scale=1.3)
    rng = np.random.default_rng(0)
    frames = [np.repeat(rng.integers(0, 256, (30, 50, 1), np.uint8), 3, 2) for _ in range(4)]
    for start in (0, 2):
        maker.add(np.array([start, start + 1.02]), frames[start : start + 2])
    masks = maker.finish()
    assert [mask.shape for mask in masks] == [(2, 8, 8), (2, 8, 8)]
    for index, (clip, place) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        box = clips[clip].boxes_px[place] / 2
        expected, _ = crop_face(frames[index], box, scale=1.3, size_px=8)
        np.testing.assert_array_equal(masks[clip][place], expected[..., 0])


def test_the_nearest_frame_counts_wherever_windows_begin():
    clip = clip_of([0.0, 1.0, 2.0], [[10, 10, 30, 30]] * 3)
    maker = MaskMaker([clip], width_px=100, height_px=60, scale=1.3)
    for time_s, grey in ((0.1, 1), (0.9, 2), (1.6, 3)):
        maker.add(np.array([time_s]), [blank(grey=grey)])
    (mask,) = maker.finish()
    assert mask[:, 0, 0].tolist() == [1, 2, 3]


def test_what_is_marked_in_colour_counts_as_forged():
    maker = MaskMaker([clip_of([0.0], [[10, 10, 30, 30]])], width_px=100, height_px=60, scale=1.3)
    red = blank()
    red[..., 0] = 255
    maker.add(np.zeros(1), [red])
    assert (maker.finish()[0] == 255).all()
