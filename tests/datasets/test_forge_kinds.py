"""Forgeries that one part of the network sees each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.datasets.forge_kinds import (
    DRIFT_FRAMES,
    FACE_EDGE,
    KINDS,
    LIGHT,
    draw_kind,
    draw_light,
    drifting_light,
    ellipse,
    forge_kind,
    forge_still,
    lit,
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


def brightness(frames, boxes):
    """Of the face's middle in each frame."""
    centres = ((boxes[:, :2] + boxes[:, 2:]) / 2).astype(int)
    return [each[y - 20 : y + 20, x - 20 : x + 20].mean() for each, (x, y) in zip(frames, centres, strict=True)]


def test_a_face_whose_light_drifts_gets_evenly_lighter_and_all_around_it_stays(clip):
    frames, boxes = clip
    forged = list(forge_kind(frames, boxes, "drift", seed=0))
    gains = np.divide(brightness(forged, boxes), brightness(frames, boxes))
    assert gains[[0, -1]] == pytest.approx([1 - 11 / 12 * LIGHT, 1 + 11 / 12 * LIGHT], abs=0.02)
    assert np.diff(gains) == pytest.approx(np.full(11, 2 * LIGHT / 12), abs=0.01)
    x0, y0, x1, y1 = region_of(boxes[0], width_px=frames[0].shape[1], height_px=frames[0].shape[0])
    outside = np.ones(frames[0].shape[:2], bool)
    outside[y0:y1, x0:x1] = False
    assert not (forged[0].astype(int) - frames[0])[outside].any()


def test_a_single_frame_does_not_tell_whether_its_light_drifts():
    """Gains of drifting videos, frame by frame, are distributed as those of videos that are lit evenly."""
    steady = np.concatenate([draw_light(np.random.default_rng(seed), num_frames=48) for seed in range(4000)])
    shares = np.linspace(0.05, 0.95, 19)
    assert np.quantile(drifting_light(48), shares) == pytest.approx(np.quantile(steady, shares), abs=0.02)


@given(num_frames=st.integers(1, 60), seed=st.integers(0, 99))
def test_light_stays_within_its_bounds_and_is_steady_or_rises_within_each_second(num_frames, seed):
    steady, drifting = draw_light(np.random.default_rng(seed), num_frames=num_frames), drifting_light(num_frames)
    assert len(steady) == len(drifting) == num_frames
    assert np.ptp(steady) == 0
    assert [place + 1 for place, step in enumerate(np.diff(drifting)) if step < 0] == [
        *range(DRIFT_FRAMES, num_frames, DRIFT_FRAMES)
    ]
    assert max(abs(steady - 1).max(), abs(drifting - 1).max()) <= LIGHT


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_clip_and_another_another_where_anything_is_drawn(clip, kind):
    one, same, other = (np.stack(list(forge_kind(*clip, kind, seed=seed))) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert np.array_equal(one, other) == (kind == "drift")


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
    (found,) = lit([frame], box[None], np.array([1.2]))
    assert (found.shape, found.dtype) == (frame.shape, np.uint8)
