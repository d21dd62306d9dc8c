"""Forgeries that one part of the network sees each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.datasets.forge_kinds import (
    FACE_EDGE,
    KINDS,
    REORDERED_FRAMES,
    draw_kind,
    ellipse,
    forge_kind,
    forge_still,
    jumbled,
    moved,
)
from gsgmodel.datasets.forge_methods import region_of
from gsgmodel.datasets.portraits import load_portrait

BOX = np.array([179.0, 120.0, 356.0, 329.0])
SIDE = 209.0


@pytest.fixture(scope="module")
def frame():
    return np.repeat(load_portrait("hopper").grey[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def clip(frame):
    """Twelve frames in which the face moves to the right."""
    return [np.roll(frame, 3 * index, axis=1) for index in range(12)], BOX + np.arange(12)[:, None] * [3, 0, 3, 0]


def changed(frame, kind, seed=0):
    return forge_still(frame, BOX, kind, draw_kind(np.random.default_rng(seed))).astype(int) - frame


@pytest.mark.parametrize("kind", ["patch", "tone"])
@pytest.mark.parametrize("seed", range(5))
def test_nothing_changes_around_the_face(frame, kind, seed):
    difference = changed(frame, kind, seed)
    x0, y0, x1, y1 = region_of(BOX, width_px=frame.shape[1], height_px=frame.shape[0])
    outside = np.ones(frame.shape[:2], bool)
    outside[y0:y1, x0:x1] = False
    assert not difference[outside].any()
    assert difference.any()


@pytest.mark.parametrize("seed", range(5))
def test_a_patch_is_small_and_what_it_shows_is_no_trifle(frame, seed):
    difference = np.abs(changed(frame, "patch", seed)).max(axis=2)
    touched = difference > 0
    assert 0.02 < touched.sum() / SIDE**2 < 0.14
    rows, columns = np.nonzero(touched)
    assert max(np.ptp(rows), np.ptp(columns)) < 0.41 * SIDE
    assert difference.max() > 8


@pytest.mark.parametrize("seed", range(5))
def test_a_tone_is_everywhere_in_the_face_slight_and_without_an_edge(frame, seed):
    difference = changed(frame, "tone", seed).astype(float)
    middle = np.abs(difference[190:260, 230:300]).mean()
    assert 1 < middle < 20
    # A step at the mask's edge would be seen: from pixel to pixel it changes the frame by little.
    mask = ellipse(frame.shape[:2], (BOX[:2] + BOX[2:]) / 2, (0.45 * SIDE, 0.55 * SIDE), edge=FACE_EDGE)
    assert np.abs(np.diff(mask, axis=1)).max() < 0.03


@pytest.mark.parametrize("kind", ["patch", "tone"])
def test_what_is_forged_moves_with_the_face_and_does_not_change(clip, kind):
    frames, boxes = clip
    forged = list(forge_kind(frames, boxes, kind, seed=4))
    first = forged[0].astype(int) - frames[0]
    for index in range(1, 12):
        difference = forged[index].astype(int) - frames[index]
        assert np.abs(np.roll(difference, -3 * index, axis=1) - first).mean() < 0.05


def shift_of(boxes, *, to, place):
    x, y = np.rint((boxes[to, :2] + boxes[to, 2:]) / 2 - (boxes[place, :2] + boxes[place, 2:]) / 2).astype(int).tolist()
    return {"across": x, "down": y}


def test_frames_in_another_order_are_the_same_frames_with_the_face_where_it_was_at_that_time(clip):
    frames, boxes = clip
    forged = list(forge_kind(frames, boxes, "reorder", seed=0))
    places = []
    for time, each in enumerate(forged):
        found = [
            place
            for place, frame in enumerate(frames)
            if np.array_equal(moved(frame, **shift_of(boxes, to=time, place=place)), each)
        ]
        places += found[:1]
    assert sorted(places) == list(range(len(frames)))
    assert np.abs(np.diff(places[:REORDERED_FRAMES])).min() > 1


def test_frames_change_places_within_a_second_only(clip):
    frames, boxes = clip
    longer, places = [*frames, *frames], np.concatenate([boxes, boxes])
    marked = [np.full_like(frame, index) for index, frame in enumerate(longer)]
    order = [int(each[0, 0, 0]) for each in forge_kind(marked, places, "reorder", seed=0)]
    for start in range(0, len(longer), REORDERED_FRAMES):
        block = order[start : start + REORDERED_FRAMES]
        assert sorted(block) == list(range(start, start + len(block)))


def test_a_moved_picture_goes_on_at_its_edge():
    frame = np.arange(4, dtype=np.uint8)[None, :, None].repeat(3, axis=2).repeat(2, axis=0)
    assert moved(frame, across=1, down=0)[0, :, 0].tolist() == [0, 0, 1, 2]
    assert moved(frame, across=-2, down=5)[1, :, 0].tolist() == [2, 3, 3, 3]


@given(num=st.integers(0, 60), seed=st.integers(0, 50))
def test_a_jumbled_clip_has_every_frame_once_and_no_neighbours_where_that_can_be(num, seed):
    order = jumbled(num, np.random.default_rng(seed))
    assert sorted(order) == list(range(num))
    if num >= 5:
        assert np.abs(np.diff(order)).min() > 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_clip_and_another_another(clip, kind):
    one, same, other = (np.stack(list(forge_kind(*clip, kind, seed=seed))) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@settings(max_examples=30, deadline=None)
@given(
    place=st.tuples(st.integers(-300, 700), st.integers(-300, 700)), size=st.integers(1, 400), seed=st.integers(0, 9)
)
def test_a_face_anywhere_and_of_any_size_leaves_a_frame(place, size, seed):
    frame = np.full((120, 160, 3), 90, np.uint8)
    box = np.array([*place, place[0] + size, place[1] + size], np.float64)
    for kind in ("patch", "tone"):
        found = forge_still(frame, box, kind, draw_kind(np.random.default_rng(seed)))
        assert (found.shape, found.dtype) == (frame.shape, np.uint8)
