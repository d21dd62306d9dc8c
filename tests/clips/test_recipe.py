"""How crops were made: an identity that changes with everything they depend on, kept as text and compared in words."""

from dataclasses import fields, replace

import pytest

from gsgmodel.clips.recipe import CropRecipe
from gsgmodel.errors import ConfigError
from gsgmodel.records import Preparation
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
