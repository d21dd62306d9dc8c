"""Pictures of clips: what is on them, and what can no longer be told."""

import numpy as np
import pytest

from gsgmodel.report.pictures import BLUR_CELLS, blurred, clip_strips, figure, framed, heated
from tests.report.conftest import SIDE, make_clip, make_video


def test_of_a_blurred_face_only_a_few_cells_are_left():
    crops = make_clip().crops
    cells = blurred(crops)
    # Whatever differs within a cell is gone: other pixels with the same means give the same picture.
    side = SIDE // 8
    even = crops[:, : side * 8, : side * 8].copy()
    shuffled = np.flip(even.reshape(3, 8, side, 8, side, 3), axis=(2, 4)).reshape(even.shape)
    assert cells.shape == crops.shape
    detail = np.abs(np.diff(cells.astype(int), axis=2)).mean() / np.abs(np.diff(crops.astype(int), axis=2)).mean()
    assert detail < 0.05
    assert np.abs(blurred(even).astype(int) - blurred(shuffled)).mean() < 16
    # Of which a face has 1 / 1.3.
    assert BLUR_CELLS / 1.3 < 7


def test_heat_shows_where_it_is_and_nowhere_else():
    clip = make_clip()
    hot = heated(clip.crops, clip.global_maps).astype(int)
    spread = hot.max(axis=-1) - hot.min(axis=-1)
    assert (spread[:, 8:, 8:] == 0).all()
    assert spread[:, :8, :8].mean() > 40


def test_patches_are_outlined_the_first_one_in_its_own_colour():
    dark = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    drawn = framed(dark, np.array([[[0, 0, 16, 16], [8, 0, 24, 16]]]))[0]
    assert tuple(drawn[0, 0]) == (255, 210, 0)
    assert tuple(drawn[15, 15]) == (255, 210, 0)
    assert tuple(drawn[0, 20]) == (0, 210, 255)
    # Where both run the first one is on top; inside nothing is drawn.
    assert tuple(drawn[0, 12]) == (255, 210, 0)
    assert not drawn[5, 4].any()
    assert not drawn[30:].any()


def test_faces_are_only_sharp_where_that_is_asked_for():
    clip = make_clip(patches=np.zeros((3, 0, 4), int))
    sharp = np.asarray(clip_strips(clip, side_px=SIDE, show_faces=True)["crops"])
    np.testing.assert_array_equal(sharp[:, :SIDE], clip.crops[0])
    soft = np.asarray(clip_strips(clip, side_px=SIDE, show_faces=False)["crops"])
    np.testing.assert_array_equal(soft[:, :SIDE], blurred(clip.crops)[0])


def test_a_stream_without_heat_has_no_strip():
    clip = make_clip(global_maps=np.zeros((3, SIDE, SIDE), np.float32))
    assert list(clip_strips(clip, side_px=32, show_faces=False)) == ["patches", "local"]


def test_a_network_without_patches_shows_its_crops_and_its_only_heat():
    clip = make_clip(patches=np.zeros((3, 0, 4), int))
    assert list(clip_strips(clip, side_px=32, show_faces=False)) == ["crops", "heat"]
    cold = make_clip(patches=np.zeros((3, 0, 4), int), global_maps=np.zeros((3, SIDE, SIDE), np.float32))
    assert list(clip_strips(cold, side_px=32, show_faces=False)) == ["crops"]


def test_a_figure_has_a_block_for_each_model():
    one, two = (figure([make_video(name) for name in names], side_px=32) for names in (["a"], ["a", "\u4f60"]))
    assert two.width == one.width
    assert two.height == 2 * one.height
    with pytest.raises(ValueError, match="no clip"):
        figure([make_video(clips=[])])
