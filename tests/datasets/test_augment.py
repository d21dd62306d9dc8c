from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.datasets.augment import Augmentation, Change, apply_change, augment, draw_change
from gsgmodel.errors import ConfigError

NOTHING = Change(is_flipped=False, resize=None, colour=None, blur_px=None, noise=None, h264_crf=None, jpeg_quality=None)
ALWAYS = Augmentation(flip=1, jpeg=1, h264=1, blur=1, noiseful=1, resized=1, colour=1)


def still_clip(num=6, side=64):
    """The same picture in every frame."""
    picture = np.random.default_rng(0).integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8)
    return np.repeat(np.kron(picture, np.ones((8, 8, 1), np.uint8))[None], num, axis=0)


def changed(change, clip=None):
    return apply_change(still_clip() if clip is None else clip, change, rng=np.random.default_rng(0))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_a_generator_in_the_same_state_changes_a_clip_alike(seed):
    clip = still_clip()
    first = augment(clip, rng=np.random.default_rng(seed), augmentation=ALWAYS)
    assert first.shape == clip.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, augment(clip, rng=np.random.default_rng(seed), augmentation=ALWAYS))


def test_threads_do_not_disturb_each_other():
    clip = still_clip()

    def run(seed):
        return augment(clip, rng=np.random.default_rng(seed), augmentation=ALWAYS)

    alone = [run(seed).tobytes() for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        assert [each.tobytes() for each in pool.map(run, range(8))] == alone


@pytest.mark.parametrize(
    "changes",
    [{"is_flipped": True}, {"resize": 0.5}, {"colour": (1.2, 0.8, 1.1)}, {"blur_px": 1.0}, {"jpeg_quality": 40}],
)
def test_a_change_is_the_same_in_every_frame(changes):
    clip = still_clip()
    found = changed(replace(NOTHING, **changes))
    assert not np.array_equal(found, clip)
    assert all(np.array_equal(frame, found[0]) for frame in found)


def test_noise_is_drawn_anew_for_each_frame_with_one_strength():
    clip = np.full((6, 64, 64, 3), 128, np.uint8)
    found = changed(replace(NOTHING, noise=5.0), clip).astype(float)
    assert not np.array_equal(found[0], found[1])
    assert found.std(axis=(1, 2, 3)) == pytest.approx(5.0, abs=0.2)


def test_compression_is_that_of_the_codec():
    clip = still_clip()
    weak, strong = (changed(replace(NOTHING, h264_crf=crf)) for crf in (10, 45))
    assert np.abs(weak.astype(int) - clip).mean() < np.abs(strong.astype(int) - clip).mean()


def test_a_flip_exchanges_left_and_right():
    assert np.array_equal(changed(replace(NOTHING, is_flipped=True)), still_clip()[:, :, ::-1])


def test_colour_keeps_what_its_factors_do_not_name():
    grey = np.full((2, 8, 8, 3), 100, np.uint8)
    assert np.array_equal(changed(replace(NOTHING, colour=(1.0, 1.5, 0.5)), grey), grey)
    assert changed(replace(NOTHING, colour=(1.2, 1.0, 1.0)), grey).max() == 120


def test_nothing_changes_where_nothing_is_due_and_the_clip_given_stays():
    clip = still_clip()
    never = Augmentation(flip=0, jpeg=0, h264=0, blur=0, noiseful=0, resized=0, colour=0)
    assert np.array_equal(augment(clip, rng=np.random.default_rng(0), augmentation=never), clip)
    before = clip.copy()
    augment(clip, rng=np.random.default_rng(0), augmentation=ALWAYS)
    assert np.array_equal(clip, before)


def test_strengths_lie_within_their_bounds_and_chances_hold():
    drawn = [draw_change(Augmentation(), np.random.default_rng(seed)) for seed in range(2000)]
    qualities = [each.jpeg_quality for each in drawn if each.jpeg_quality is not None]
    assert 40 <= min(qualities) < max(qualities) <= 95
    assert len(qualities) == pytest.approx(400, abs=80)
    assert sum(each.is_flipped for each in drawn) == pytest.approx(1000, abs=100)
    assert all(0.4 <= each.resize <= 0.9 for each in drawn if each.resize is not None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flip": 1.5}, r"augmentation\.flip is 1\.5; accepted: 0 to 1"),
        ({"jpeg_quality": (50, 40)}, r"augmentation\.jpeg_quality is 50, 40; accepted: two rising values from 1 to 95"),
        ({"h264_crf": (0, 60)}, r"augmentation\.h264_crf is 0, 60"),
        ({"resize": (0.0, 0.5)}, r"augmentation\.resize"),
        ({"blur_px": (float("nan"), 1.0)}, r"augmentation\.blur_px"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        Augmentation(**changes)
