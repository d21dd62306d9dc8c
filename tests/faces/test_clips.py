import gc
import weakref

import numpy as np
import pytest

from gsgmodel.faces.clips import ClipMaker, is_seen_enough
from gsgmodel.faces.detections import Detections
from gsgmodel.records import FaceClip

FRAME = np.zeros((400, 1000, 3), np.uint8)


class Told:
    """A detector that is told what it finds: for each call, for each frame, ``x y side`` of each face."""

    def __init__(self, *windows, confidence=1.0):
        self._windows = iter(windows)
        self._confidence = confidence

    def detect(self, frames):
        window = next(self._windows)
        assert len(window) == len(frames)
        return [
            Detections(
                boxes_px=np.array(
                    [[x - s / 2, y - s / 2, x + s / 2, y + s / 2] for x, y, s in faces], np.float32
                ).reshape(-1, 4),
                confidence=np.full(len(faces), self._confidence, np.float32),
            )
            for faces in window
        ]


def maker(finder, *, faces="all", max_clips=32, frames_per_clip=4, crop_size_px=16):
    return ClipMaker(
        finder,
        frames_per_clip=frames_per_clip,
        crop_scale=1.3,
        crop_size_px=crop_size_px,
        faces=faces,
        max_clips=max_clips,
    )


def clips_of(*windows, touching=True, **settings):
    """Clips of windows of 10 s with 4 black frames each."""
    clip_maker = maker(Told(*windows), **settings)
    for index in range(len(windows)):
        start_s = index * (10.0 if touching else 20.0)
        clip_maker.add(start_s, start_s + 10, start_s + np.arange(4) * 2.5, [FRAME] * 4, (0, 1, 2, 3))
    return clip_maker.finish()


BIG, MIDDLE, SMALL = (200, 200, 120), (500, 200, 80), (800, 200, 40)


def test_a_clip_says_what_it_shows_and_where_it_came_from():
    clips, counts = clips_of([[BIG], [BIG], [], [BIG]])
    assert (counts.num_faces, counts.faces_dropped, counts.clips_dropped) == (1, 0, 0)
    (clip,) = clips
    assert isinstance(clip, FaceClip)
    assert (clip.track_id, clip.start_s, clip.end_s, clip.is_reduced) == (0, 0, 10, False)
    assert clip.time_s.tolist() == [0, 2.5, 5, 7.5]
    assert clip.detected.tolist() == [True, True, False, True]
    np.testing.assert_array_equal(clip.boxes_px, [[140, 140, 260, 260]] * 4)
    assert clip.crops.shape == (4, 16, 16, 3)
    assert clip.crops.dtype == np.uint8


def test_a_face_that_comes_and_goes_repeats_its_nearest_frame_and_says_so():
    frames = [np.full_like(FRAME, 10 * i) for i in range(6)]
    clip_maker = maker(Told([[], [], [BIG], [BIG], [], []]), frames_per_clip=6)
    clip_maker.add(0, 10, np.arange(6) / 2, frames, (0, 1, 2, 3, 4, 5))
    (clip,), _ = clip_maker.finish()
    assert clip.time_s.tolist() == [1, 1, 1, 1.5, 1.5, 1.5]
    assert clip.detected.tolist() == [False, False, True, True, False, False]
    assert clip.crops[:, 8, 8, 0].tolist() == [20, 20, 20, 30, 30, 30]


def test_crops_are_cut_from_the_frame_around_each_box():
    frames = []
    for x in (200, 250, 300, 350):
        frame = FRAME.copy()
        frame[140:260, x - 60 : x + 60] = (250, 100, 50)
        frames.append(frame)
    clip_maker = maker(Told([[(x, 200, 120)] for x in (200, 250, 300, 350)]), crop_size_px=52)
    clip_maker.add(0, 1, np.arange(4) / 4, frames, (0, 1, 2, 3))
    (clip,), _ = clip_maker.finish()
    assert (clip.crops[:, 8:44, 8:44] == [250, 100, 50]).all()
    assert (clip.crops[:, :4] == 0).all()
    assert (clip.crops[:, :, -4:] == 0).all()


def test_fewer_frames_than_places_are_repeated():
    frames = [np.full_like(FRAME, 50), np.full_like(FRAME, 90)]
    clip_maker = maker(Told([[BIG], [BIG]]))
    clip_maker.add(0, 0.1, np.array([0.0, 0.05]), frames, (0, 0, 1, 1))
    (clip,), _ = clip_maker.finish()
    assert clip.crops[:, 0, 0, 0].tolist() == [50, 50, 90, 90]
    assert clip.time_s.tolist() == [0, 0, 0.05, 0.05]
    assert clip.detected.all()


def test_one_frame_makes_a_whole_clip():
    clip_maker = maker(Told([[BIG]]))
    clip_maker.add(0, 0, np.zeros(1), [FRAME], (0, 0, 0, 0))
    (clip,), _ = clip_maker.finish()
    assert len(clip.crops) == 4
    assert clip.detected.all()


def test_two_faces_are_two_clips_the_larger_first():
    clips, counts = clips_of([[SMALL, BIG]] * 4)
    assert counts.num_faces == 2
    assert [(clip.track_id, clip.boxes_px[0, 0]) for clip in clips] == [(0, 140), (1, 780)]


def test_faces_keep_their_number_where_windows_touch():
    clips, counts = clips_of([[BIG, SMALL]] * 4, [[SMALL, BIG]] * 4, [[SMALL]] * 4)
    assert counts.num_faces == 2
    assert [(clip.start_s, clip.track_id) for clip in clips] == [(0, 0), (0, 1), (10, 0), (10, 1), (20, 1)]


def test_faces_get_new_numbers_where_windows_do_not_touch():
    clips, counts = clips_of([[BIG]] * 4, [[BIG]] * 4, touching=False)
    assert counts.num_faces == 2
    assert [clip.track_id for clip in clips] == [0, 1]


def test_a_cut_between_shots_makes_two_faces():
    clips, _ = clips_of([[BIG], [BIG], [MIDDLE], [MIDDLE]])
    assert [clip.detected.tolist() for clip in clips] == [[True, True, False, False], [False, False, True, True]]
    assert [clip.time_s.tolist() for clip in clips] == [[0, 2.5, 2.5, 2.5], [5, 5, 5, 7.5]]


def test_a_doubtful_single_sighting_is_no_face():
    clip_maker = maker(Told([[BIG], [], [], []], confidence=0.8))
    clip_maker.add(0, 10, np.arange(4) * 1.0, [FRAME] * 4, (0, 1, 2, 3))
    clips, counts = clip_maker.finish()
    assert clips == []
    assert counts.num_faces == 0


def test_no_window_and_windows_without_faces_give_no_clips():
    assert maker(Told()).finish()[0] == []
    clips, counts = clips_of([[]] * 4, [[]] * 4)
    assert clips == []
    assert counts.num_faces == 0


def test_the_cap_keeps_every_windows_largest_face_before_any_second_one():
    windows = [[[SMALL, MIDDLE, BIG]] * 4, [[MIDDLE]] * 4, [[SMALL, MIDDLE]] * 4]
    clips, counts = clips_of(*windows, touching=False, max_clips=4)
    assert [(clip.start_s, clip.boxes_px[0, 0]) for clip in clips] == [(0, 140), (0, 460), (20, 460), (40, 460)]
    assert (counts.num_faces, counts.faces_dropped, counts.clips_dropped) == (6, 2, 2)


@pytest.mark.parametrize("max_clips", [1, 2, 3, 5])
def test_never_more_clips_than_the_cap_are_held_or_given(max_clips):
    clip_maker = maker(Told(*[[[BIG, MIDDLE, SMALL]] * 4] * 5), max_clips=max_clips)
    for index in range(5):
        clip_maker.add(index * 10.0, index * 10 + 10.0, np.arange(4) * 1.0, [FRAME] * 4, (0, 1, 2, 3))
        assert len(clip_maker._kept) <= max_clips
    clips, counts = clip_maker.finish()
    assert len(clips) == max_clips
    assert counts.clips_dropped == 15 - max_clips


def test_with_largest_only_the_track_with_most_length_times_area_is_kept():
    windows = [[[BIG, MIDDLE]] * 4, [[MIDDLE]] * 4, [[MIDDLE]] * 4]
    clips, counts = clips_of(*windows, faces="largest")
    assert [(clip.track_id, clip.start_s, clip.boxes_px[0, 0]) for clip in clips] == [
        (0, 0, 460),
        (0, 10, 460),
        (0, 20, 460),
    ]
    assert (counts.num_faces, counts.faces_dropped, counts.clips_dropped) == (2, 0, 0)


def test_with_largest_a_small_face_that_stays_longer_does_not_beat_a_large_one():
    clips, _ = clips_of([[BIG, SMALL]] * 4, [[SMALL]] * 4, [[SMALL]] * 4, faces="largest")
    assert [clip.boxes_px[0, 0] for clip in clips] == [140]


def test_with_largest_memory_stays_bounded_too():
    windows = [[[(80 + 150 * i, 200, 100 + i) for i in range(6)]] * 4] * 4
    clip_maker = maker(Told(*windows), faces="largest", max_clips=4)
    for index in range(4):
        clip_maker.add(index * 10.0, index * 10 + 10.0, np.arange(4) * 1.0, [FRAME] * 4, (0, 1, 2, 3))
        assert len(clip_maker._kept) <= 8
    clips, _ = clip_maker.finish()
    assert [clip.start_s for clip in clips] == [0, 10, 20, 30]
    assert {float(clip.boxes_px[0, 0]) for clip in clips} == {80 + 150 * 5 - 52.5}


def test_frames_of_a_window_are_not_kept():
    frames = [FRAME.copy() for _ in range(4)]
    held = [weakref.ref(frame) for frame in frames]
    clip_maker = maker(Told([[BIG]] * 4))
    clip_maker.add(0, 10, np.arange(4) * 1.0, frames, (0, 1, 2, 3))
    del frames
    gc.collect()
    assert [reference() for reference in held] == [None] * 4
    assert len(clip_maker.finish()[0]) == 1


def test_a_video_that_changes_its_size_keeps_its_face_and_each_frames_own_pixels():
    half = np.zeros((200, 500, 3), np.uint8)
    clip_maker = maker(Told([[BIG], [BIG], [(100, 100, 60)], [(100, 100, 60)]]))
    clip_maker.add(0, 10, np.arange(4) * 1.0, [FRAME, FRAME, half, half], (0, 1, 2, 3))
    (clip,), _ = clip_maker.finish()
    np.testing.assert_allclose(clip.boxes_px, [[140, 140, 260, 260]] * 2 + [[70, 70, 130, 130]] * 2)
    assert clip.detected.all()


def test_a_face_cut_by_the_edge_is_flagged():
    clips, _ = clips_of([[(960, 200, 120), MIDDLE]] * 4)
    assert [clip.is_reduced for clip in clips] == [True, False]


@pytest.mark.parametrize("positions", [(0, 1, 2), (0, 1, 2, 4), (-1, 0, 1, 2), (0, 1, 2, 3, 3)])
def test_places_that_do_not_fit_are_refused(positions):
    clip_maker = maker(Told([[BIG]] * 4))
    with pytest.raises(ValueError, match="positions"):
        clip_maker.add(0, 10, np.arange(4) * 1.0, [FRAME] * 4, positions)


@pytest.mark.parametrize(
    ("found", "places", "expected"), [(4, 12, True), (3, 12, False), (1, 3, True), (0, 3, False), (12, 12, True)]
)
def test_a_third_of_the_frames_is_enough(found, places, expected):
    assert is_seen_enough(np.arange(places) < found) is expected


def test_two_real_faces_that_move_zoom_and_darken_are_followed(detector, scene):
    frames = [
        scene(("astronaut", 80 + 6 * i, 90, 90 + 4 * i), ("hopper", 245, 90, 110), light=1 - 0.1 * i) for i in range(4)
    ]
    clip_maker = maker(detector, crop_size_px=224)
    clip_maker.add(0, 4, np.arange(4) * 1.0, frames, (0, 1, 2, 3))
    clips, counts = clip_maker.finish()
    assert counts.num_faces == 2
    assert all(clip.detected.all() for clip in clips)
    centres = [(clip.boxes_px[:, 0] + clip.boxes_px[:, 2]) / 2 for clip in clips]
    moving = min(centres, key=lambda x: x[0])
    assert np.abs(moving - [80, 86, 92, 98]).max() < 8


def test_a_real_face_that_goes_and_another_shot_of_it_are_two_tracks(detector, scene):
    near, far = scene(("astronaut", 80, 90, 150)), scene(("astronaut", 250, 100, 70))
    clip_maker = maker(detector)
    clip_maker.add(0, 4, np.arange(4) * 1.0, [near, near, far, far], (0, 1, 2, 3))
    clips, _ = clip_maker.finish()
    assert [clip.detected.tolist() for clip in clips] == [[True, True, False, False], [False, False, True, True]]
