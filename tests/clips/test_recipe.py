"""How crops were made: an identity that changes with everything they depend on, kept as text and compared in words."""

from dataclasses import fields, replace
from functools import partial

import numpy as np
import pytest
import skimage.data

from gsgmodel.archive.listing import list_archive
from gsgmodel.archive.reading import open_object
from gsgmodel.clips.recipe import PREPARE_REVISION, CropRecipe
from gsgmodel.errors import ConfigError
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.records import Preparation
from gsgmodel.scoring.prepare import VideoPreparer
from gsgmodel.video.write import Encoding, write_video
from tests.clips.conftest import RECIPE

OTHERS = {
    "faces": "all",
    "window_s": 30.0,
    "max_clips": 4,
    "boxes_from": "original",
    "revision": 99,
    "preparation": replace(RECIPE.preparation, crop_scale=1.5),
}


def test_the_id_changes_with_every_setting():
    assert set(OTHERS) == {field.name for field in fields(CropRecipe)}
    ids = {RECIPE.preparation_id} | {replace(RECIPE, **{name: value}).preparation_id for name, value in OTHERS.items()}
    assert len(ids) == 1 + len(OTHERS)
    assert all(len(each) == 32 for each in ids)


def test_text_is_read_back_as_the_same_recipe():
    for recipe in (RECIPE, *(replace(RECIPE, **{name: value}) for name, value in OTHERS.items())):
        again = CropRecipe.from_json(recipe.to_json())
        assert again == recipe
        assert again.preparation_id == recipe.preparation_id


def test_differences_name_each_setting_with_both_values():
    assert RECIPE.differences(RECIPE) == []
    other = replace(RECIPE, max_clips=4, preparation=replace(RECIPE.preparation, min_face_px=40))
    assert RECIPE.differences(other) == ["max_clips is 8, not 4", "preparation.min_face_px is 20, not 40"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"preparation": {}}', '{"preparation": 1}', RECIPE.to_json().replace("faces", "heads")]
)
def test_text_that_is_no_recipe_is_refused(text):
    with pytest.raises(ConfigError, match="how its crops were made cannot be read"):
        CropRecipe.from_json(text)


def test_the_defaults_of_a_model_and_of_a_store_are_one_preparation():
    assert replace(RECIPE, preparation=Preparation()).preparation.digest == Preparation().digest


REVISION = 1
"""``PREPARE_REVISION`` when the values below were taken."""
BOXES = {
    1: [[83.26, 60.64, 171.73, 172.28], [28.62, 22.10, 115.38, 136.22]],
    3: [[83.48, 62.24, 172.59, 174.10], [26.94, 26.62, 112.38, 134.45]],
}
"""Of the first and the last frame, by ``detect_every`` of the preparation."""
MEANS = {
    1: [[123.22, 99.17, 143.69, 164.84], [125.83, 98.87, 136.83, 163.75], [124.75, 98.43, 140.23, 165.70]],
    3: [[125.03, 98.14, 138.14, 163.98], [124.81, 97.50, 138.79, 164.51], [122.69, 101.22, 142.57, 164.13]],
}
"""Grey values of the quarters of the first, a middle and the last crop."""
ADVICE = (
    "crops of an unchanged video moved: raise PREPARE_REVISION in gsgmodel/clips/recipe.py, so that stores do not mix "
    "old and new crops, and put the new values and the revision here"
)


@pytest.fixture(scope="module", params=BOXES)
def golden_clip(tmp_path_factory, request):
    """The clip of a lossless video of one slowly moving face."""
    path = tmp_path_factory.mktemp("golden") / "golden.mkv"
    picture = skimage.data.astronaut()
    frames = [picture[2 * i : 256 + 2 * i, 96 + 3 * i : 352 + 3 * i] for i in range(20)]
    write_video(path, frames, fps=10, encoding=Encoding(codec="ffv1", pixel_format="yuv444p"))
    preparation = Preparation(detect_every=request.param)
    detector = FaceDetector.of(preparation)
    preparer = VideoPreparer(detector=detector, preparation=preparation, faces="largest", window_s=60.0, max_clips=8)
    (clip,) = preparer.prepare(partial(open_object, next(list_archive([str(path)])))).clips
    return request.param, clip


def test_crops_move_only_with_the_prepare_revision(golden_clip):
    assert PREPARE_REVISION == REVISION, "the revision was raised: put it and the new values here"
    every, clip = golden_clip
    quarters = clip.crops[[0, 5, 11]].reshape(3, 2, 112, 2, 112, 3).mean(axis=(2, 4, 5)).reshape(3, 4)
    assert clip.boxes_px[[0, 11]] == pytest.approx(np.array(BOXES[every]), abs=0.1), ADVICE
    assert quarters == pytest.approx(np.array(MEANS[every]), abs=0.2), ADVICE


def test_what_is_noticed_is_less_than_half_a_pixel(golden_clip):
    before = golden_clip[1].crops[0].astype(float)
    moved = (before + np.roll(before, 1, axis=1)) / 2
    quarters = [pixels.reshape(2, 112, 2, 112, 3).mean(axis=(1, 3, 4)) for pixels in (before, moved)]
    assert np.abs(quarters[0] - quarters[1]).max() > 0.2
