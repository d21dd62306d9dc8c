"""``model.json`` there and back, and what it may not say."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.settings import Calibration, ModelSettings, check_preparation, parse_settings
from gsgmodel.records import Preparation

unit = st.floats(0, 1)


def content(**changes):
    values = json.loads(ModelSettings(architecture=GSGConfig()).to_json())
    return json.dumps({**values, **changes})


@given(
    slope=st.floats(0.01, 100),
    intercept=st.floats(-10, 10),
    points=st.dictionaries(st.text(min_size=1), unit, max_size=3),
    card=st.dictionaries(st.text(), st.text() | st.integers() | st.booleans() | st.none(), max_size=3),
    thresholds=st.tuples(unit, unit, unit),
)
def test_json_gives_the_same_settings_back(slope, intercept, points, card, thresholds):
    settings = ModelSettings(
        architecture=GSGConfig(num_selected=7),
        preparation=Preparation(detect_thresholds=thresholds),
        calibration=Calibration(slope=slope, intercept=intercept),
        operating_points=points,
        card=card,
    )
    assert parse_settings(settings.to_json()) == settings
    assert parse_settings(settings.to_json().encode()) == settings


def test_a_model_without_calibration_and_thresholds_is_fine():
    settings = parse_settings(content())
    assert settings.calibration is None
    assert not settings.operating_points


def test_whole_numbers_and_their_floats_are_the_same_settings():
    preparation = json.loads(content())["preparation"]
    one = parse_settings(content(preparation={**preparation, "crop_scale": 2, "crop_size_px": 224.0}))
    other = parse_settings(content(preparation={**preparation, "crop_scale": 2.0}))
    assert one.scoring_json() == other.scoring_json()
    assert one.preparation.digest == other.preparation.digest


def test_thresholds_and_card_are_not_part_of_what_moves_a_score():
    plain = ModelSettings(architecture=GSGConfig())
    noted = ModelSettings(architecture=GSGConfig(), operating_points={"strict": 0.9}, card={"data": "FF++"})
    moved = ModelSettings(architecture=GSGConfig(), calibration=Calibration(slope=2.0))
    assert plain.scoring_json() == noted.scoring_json() != moved.scoring_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[]", r"model.json is '\[\]'; accepted is a JSON object"),
        (content(format=2), "format is 2; this version reads format 1"),
        (content(labels=["fake", "real"]), "in this order"),
        (content(weights="x"), "model.json has unknown keys weights"),
        ('{"format": 1}', "model.json lacks architecture, preparation, labels"),
        (content(architecture=[]), "architecture is"),
        (content(architecture={"depth": 3}), "unknown keys depth"),
        (content(architecture={"backbone": "vgg"}), "backbone is 'vgg'"),
        (content(preparation={}), "preparation lacks frames_per_clip"),
        (content(calibration={"slope": 0}), "slope is 0.0; accepted is a number above 0"),
        (content(calibration={"slope": "1"}), "accepted is a JSON object of numbers"),
        (content(calibration={"slope": float("nan")}), "accepted is a JSON object of numbers"),
        (content(calibration={"slope": 1, "intercept": 10**400}), "accepted is a JSON object of numbers"),
        (content(calibration={"temperature": 2}), "calibration has unknown keys temperature"),
        (content(calibration=2), "calibration is '2'"),
        (content(operating_points={"strict": 1.5}), "operating point 'strict' is 1.5"),
        (content(operating_points={"": 0.5}), "operating point ''"),
        (content(operating_points=[0.5]), "operating_points is"),
        (content(operating_points={"strict": True}), "operating_points is"),
        (content(card="text"), "card is 'text'"),
    ],
)
def test_what_cannot_be_believed_is_refused_by_name(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_settings(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crop_size_px", 224.5),
        ("crop_size_px", "224"),
        ("crop_size_px", True),
        ("detect_thresholds", [0.6, 0.7]),
        ("detect_thresholds", 0.6),
        ("detect_thresholds", ["a", "b", "c"]),
        ("crop_scale", None),
        ("crop_scale", [1.3]),
    ],
)
def test_a_preparation_of_the_wrong_kind_is_refused(name, value):
    preparation = json.loads(content())["preparation"]
    with pytest.raises(ConfigError, match=f"preparation: {name} is"):
        parse_settings(content(preparation={**preparation, name: value}))


def test_a_model_of_another_preparation_is_refused_with_each_difference():
    theirs = Preparation(min_face_px=16, crop_scale=1.0)
    with pytest.raises(ConfigError, match=r"min_face_px 16 \(here 20\), crop_scale 1.0 \(here 1.3\)"):
        check_preparation(theirs, Preparation())
    check_preparation(theirs, theirs)


def test_how_many_frames_and_how_large_crops_are_is_the_models_choice():
    check_preparation(Preparation(frames_per_clip=16, crop_size_px=112, detect_every=1), Preparation())
    chosen = {**json.loads(content())["preparation"], "frames_per_clip": 8, "crop_size_px": 256}
    assert parse_settings(content(preparation=chosen)).preparation.frames_per_clip == 8


@pytest.mark.parametrize(("name", "value"), [("frames_per_clip", 0), ("frames_per_clip", 33), ("crop_size_px", 1024)])
def test_a_choice_that_would_fill_the_memory_is_refused(name, value):
    with pytest.raises(ConfigError, match=f"preparation: {name} is {value}; accepted: "):
        check_preparation(Preparation(**{name: value}), Preparation())
    chosen = {**json.loads(content())["preparation"], name: value}
    with pytest.raises(ConfigError, match=f"preparation: {name} is {value}; accepted: "):
        parse_settings(content(preparation=chosen))


def test_a_model_whose_crops_have_too_few_patches_is_refused():
    chosen = {**json.loads(content())["preparation"], "crop_size_px": 96}
    with pytest.raises(ConfigError, match="crops of 96 px have 4 patches on layer4, fewer than the 5"):
        parse_settings(content(preparation=chosen))


def test_a_model_that_is_fit_for_bfloat16_says_so_and_keeps_its_identity():
    plain, fit = (ModelSettings(architecture=GSGConfig(), bfloat16=is_fit) for is_fit in (False, True))
    assert "bfloat16" not in plain.to_json()
    assert parse_settings(fit.to_json()).bfloat16
    assert not parse_settings(plain.to_json()).bfloat16
    assert fit.scoring_json() == plain.scoring_json()
    with pytest.raises(ConfigError, match="bfloat16 is 'yes'"):
        parse_settings(content(bfloat16="yes"))


def test_a_preparation_that_says_nothing_of_it_searches_every_frame():
    preparation = json.loads(content())["preparation"]
    del preparation["detect_every"]
    assert parse_settings(content(preparation=preparation)).preparation == Preparation(detect_every=1)
    check_preparation(Preparation(detect_every=1), Preparation())
