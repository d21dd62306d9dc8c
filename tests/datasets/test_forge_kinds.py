"""Forgeries that one part of the network sees each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.datasets.forge_kinds import (
    FACE_EDGE,
    KINDS,
    MIRRORED_OF,
    draw_kind,
    ellipse,
    forge_kind,
    forge_still,
    mirrored,
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


def test_half_of_each_seconds_frames_are_mirrored_in_the_middle_of_the_face_and_the_others_as_they_were(clip):
    frames, boxes = [*clip[0], *clip[0]], np.concatenate([clip[1], clip[1]])
    forged = list(forge_kind(frames, boxes, "mirror", seed=0))
    kinds = []
    for frame, box, each in zip(frames, boxes, forged, strict=True):
        other = mirrored(frame, middle_px=(box[0] + box[2]) / 2)
        assert np.array_equal(each, frame) or np.array_equal(each, other)
        kinds.append(np.array_equal(each, other))
    assert [sum(kinds[start : start + MIRRORED_OF]) for start in (0, MIRRORED_OF)] == [MIRRORED_OF // 2] * 2
    assert kinds[:MIRRORED_OF] != kinds[MIRRORED_OF:]


@given(middle=st.integers(8, 32), width=st.integers(20, 24))
def test_a_mirrored_face_is_where_it_was(middle, width):
    """A box of pixels, its middle at a half or whole pixel, keeps its place and shows its columns the other way."""
    frame = np.arange(width, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    left, right = max(0, middle // 2 - 3), middle - max(0, middle // 2 - 3)
    if right > width:
        return
    seen = mirrored(frame, middle_px=(left + right) / 2)[0, left:right, 0]
    assert seen.tolist() == frame[0, left:right, 0].tolist()[::-1]


def test_a_mirrored_picture_goes_on_at_its_edge():
    frame = np.arange(4, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    assert mirrored(frame, middle_px=1.0)[0, :, 0].tolist() == [1, 0, 0, 0]
    assert mirrored(frame, middle_px=3.5)[0, :, 0].tolist() == [3, 3, 3, 3]


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
