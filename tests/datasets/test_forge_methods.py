import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gsgmodel.datasets.forge_methods import METHODS, draw_parameters, forge_face, region_of, soft_mask
from gsgmodel.datasets.portraits import load_portrait

BOX = np.array([179.0, 120.0, 356.0, 329.0])


@pytest.fixture(scope="module")
def frame():
    return np.repeat(load_portrait("hopper").grey[..., None], 3, axis=2)


@pytest.fixture(scope="module")
def other():
    grey = load_portrait("astronaut").grey[20:220, 130:330]
    return np.repeat(grey[..., None], 3, axis=2)


def forged(frame, method, *, seed=0, tremble=None, other=None):
    parameters = draw_parameters(method, np.random.default_rng(seed))
    tremble = np.zeros(6) if tremble is None else tremble
    return forge_face(frame, BOX, parameters, tremble=tremble, other=other if method == "swap" else None)


@pytest.mark.parametrize("method", METHODS)
def test_the_face_changes_and_everything_around_it_stays(frame, other, method):
    before = frame.copy()
    result = forged(frame, method, other=other)
    assert np.array_equal(frame, before)
    x0, y0, x1, y1 = region_of(BOX, width_px=frame.shape[1], height_px=frame.shape[0])
    outside = np.ones(frame.shape[:2], bool)
    outside[y0:y1, x0:x1] = False
    assert np.array_equal(result[outside], frame[outside])
    inside = np.abs(result[150:300, 210:330].astype(int) - frame[150:300, 210:330]).mean()
    assert 0.5 < inside < 60


@pytest.mark.parametrize("method", METHODS)
def test_the_same_draw_gives_the_same_frame_and_another_another(frame, other, method):
    first = forged(frame, method, other=other)
    assert np.array_equal(first, forged(frame, method, other=other))
    assert not np.array_equal(first, forged(frame, method, seed=1, other=other))


@pytest.mark.parametrize("method", METHODS)
def test_a_face_trembles_from_frame_to_frame_most_of_all_in_a_flicker(frame, other, method):
    tremble = np.array([1.0, -1.0, 1.0, -1.0, 1.0, 1.0])
    still, moved = (forged(frame, method, other=other, tremble=each) for each in (np.zeros(6), tremble))
    difference = np.abs(still.astype(int) - moved).mean()
    assert difference > 0
    if method == "flicker":
        calm = forged(frame, "relight", tremble=tremble), forged(frame, "relight", tremble=np.zeros(6))
        assert difference > np.abs(calm[0].astype(int) - calm[1]).mean()


def test_a_swap_brings_the_other_face_in_the_colours_of_this_one(frame, other):
    result = forged(frame, "swap", other=other)
    face, was = result[160:290, 220:320].astype(float), frame[160:290, 220:320].astype(float)
    assert abs(face.mean() - was.mean()) < 25
    theirs = np.asarray(Image.fromarray(other).resize((frame.shape[1], frame.shape[0]))).astype(float)
    assert np.abs(face - was).mean() > 5
    assert theirs.std() > 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.tuples(st.floats(-80, 500), st.floats(-80, 500), st.floats(4, 300), st.floats(4, 300)))
def test_a_face_anywhere_and_of_any_size_leaves_a_frame(seed, place):
    frame = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    x, y, width, height = place
    rng = np.random.default_rng(seed)
    method = METHODS[seed % len(METHODS)]
    parameters = draw_parameters(method, rng)
    other = np.full((64, 64, 3), 100, np.uint8) if method == "swap" else None
    box = np.array([x, y, x + width, y + height])
    result = forge_face(frame, box, parameters, tremble=rng.standard_normal(6), other=other)
    assert result.shape == frame.shape
    assert result.dtype == np.uint8


@given(st.integers(0, 1000))
def test_a_mask_is_whole_inside_nothing_outside_and_soft_between(seed):
    parameters = draw_parameters("swap", np.random.default_rng(seed))
    mask = soft_mask((160, 160), np.array([80.0, 80.0]), 100.0, parameters)
    assert mask[80, 80] == 1
    assert mask[0, 0] == 0
    assert mask[80, 0] == 0
    assert np.any((mask > 0.2) & (mask < 0.8))
