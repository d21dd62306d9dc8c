"""Perturbations by level."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from gsgmodel.datasets.perturb import DEEPER_FORENSICS, KINDS, LEVELS, held_places, perturb


@pytest.fixture(scope="module")
def frames():
    picture = data.astronaut()[:128, 160:288]
    return np.stack([np.roll(picture, 3 * shift, axis=1) for shift in range(6)])


def done(frames, kind, level, seed=0):
    return perturb(frames, kind, level, rng=np.random.default_rng(seed), fps=30.0)


def test_the_seven_types_and_levels_are_those_of_the_published_code():
    assert len(DEEPER_FORENSICS) == 7
    assert LEVELS["saturation"] == (0.4, 0.3, 0.2, 0.1, 0.0)
    assert LEVELS["contrast"] == (0.85, 0.725, 0.6, 0.475, 0.35)
    assert LEVELS["blocks"] == (16, 32, 48, 64, 80)
    assert LEVELS["noise"] == (0.001, 0.002, 0.005, 0.01, 0.05)
    assert LEVELS["blur"] == (7, 9, 13, 17, 21)
    assert LEVELS["pixelation"] == (2, 3, 4, 5, 6)
    assert LEVELS["compression"] == (30, 32, 35, 38, 40)


@pytest.mark.parametrize("kind", KINDS)
def test_each_level_does_more_than_the_one_before_and_leaves_shape_and_input(frames, kind):
    before = frames.copy()
    errors = []
    for level in range(1, 6):
        changed = done(frames, kind, level)
        assert (changed.shape, changed.dtype) == (frames.shape, np.uint8)
        errors.append(np.abs(changed.astype(float) - frames).mean())
    assert errors[0] > 0
    assert errors == sorted(errors)
    assert errors[-1] > 1.2 * errors[0]
    assert np.array_equal(frames, before)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_generator_gives_the_same_frames(frames, kind):
    assert np.array_equal(done(frames, kind, 3), done(frames, kind, 3))


def test_without_saturation_all_colours_are_equal(frames):
    grey = done(frames, "saturation", 5).astype(int)
    assert np.ptp(grey, axis=-1).max() <= 1


def test_contrast_and_noise_are_of_the_size_that_they_say(frames):
    assert np.abs(done(frames, "contrast", 5) - 0.35 * frames).max() <= 0.51
    middle = np.full((2, 64, 64, 3), 128, np.uint8)
    luma = done(middle, "noise", 3).astype(float) @ [0.299, 0.587, 0.114]
    assert luma.std() == pytest.approx(255 * np.sqrt(0.005), rel=0.05)


@pytest.mark.parametrize("size", [32, 200, 256])
def test_blocks_are_there_in_small_pictures_too(size):
    white = np.full((1, size, size, 3), 255, np.uint8)
    blocked = done(white, "blocks", 1)
    touched = (blocked != 255).any(axis=-1).mean()
    assert 0 < touched <= 16 / 32**2 * 1.6
    assert set(np.unique(blocked).tolist()) == {128, 255}


@given(num=st.integers(1, 100), fps=st.floats(1, 60), slower=st.floats(1, 60))
def test_at_a_slower_rate_no_frame_comes_before_its_time_and_none_is_too_old(num, fps, slower):
    places = held_places(num, fps=fps, slower_fps=slower)
    assert len(places) == num
    assert all(shown <= place for place, shown in enumerate(places))
    assert all(place - shown < max(1.0, fps / slower) + 1 for place, shown in enumerate(places))
    assert places == sorted(places)


def test_a_level_that_is_not_there_and_a_rate_that_is_missing_are_errors(frames):
    with pytest.raises(ValueError, match="level 6 of blur; there are 1 to 5"):
        done(frames, "blur", 6)
    with pytest.raises(ValueError, match="needs the rate of the frames"):
        perturb(frames, "frame_rate", 1, rng=np.random.default_rng(0))
