"""Architecture as data: defaults of the paper, JSON there and back, refusals."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError
from gsgmodel.model.config import GSGConfig, check_crop_size


def test_the_defaults_are_those_of_the_paper():
    config = GSGConfig()
    assert (config.backbone, config.num_selected, config.attention_hidden) == ("resnet34", 5, 128)
    assert (config.temporal, config.layers, config.feature_fusion, config.score_fusion) == ("sru", 3, True, True)


@given(
    layers=st.integers(1, 8),
    bias=st.floats(-10, 10),
    grid=st.sampled_from(["spread", "pad_rb", "stride1"]),
    shared=st.sampled_from(["separate", "shared"]),
    fused=st.booleans(),
)
def test_json_gives_the_same_architecture_back(layers, bias, grid, shared, fused):
    config = GSGConfig(layers=layers, sru_highway_bias=bias, grid=grid, temporal_sharing=shared, feature_fusion=fused)
    assert GSGConfig.from_dict(json.loads(config.to_json())) == config


def test_missing_keys_take_their_defaults():
    assert GSGConfig.from_dict({"backbone": "tiny"}) == GSGConfig(backbone="tiny")


def test_a_whole_number_and_its_float_give_the_same_text():
    assert GSGConfig.from_dict({"sru_highway_bias": -2}).to_json() == GSGConfig(sru_highway_bias=-2.0).to_json()


def test_an_unknown_key_is_refused_by_name():
    with pytest.raises(ConfigError, match="unknown keys bacbone; known are backbone"):
        GSGConfig.from_dict({"bacbone": "tiny"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"backbone": "vgg16"}, "backbone is 'vgg16'; accepted are resnet18, resnet34, resnet50, tiny"),
        ({"backbone": ["tiny"]}, "backbone is"),
        ({"num_selected": 0}, "num_selected is 0"),
        ({"num_selected": 17}, "num_selected is 17, but grid 'spread' on layer4 has 16 patches"),
        ({"num_selected": 10, "grid": "stride2"}, "has 9 patches"),
        ({"num_selected": True}, "accepted is a value of type int"),
        ({"num_selected": 5.0}, "accepted is a value of type int"),
        ({"bidirectional": 1}, "accepted is a value of type bool"),
        ({"hidden": 10**400}, "hidden is 1000"),
        ({"layers": 9}, "accepted is 1 to 8"),
        ({"sru_highway_bias": float("nan")}, "sru_highway_bias is nan"),
        ({"sru_highway_bias": "0"}, "accepted is a value of type float"),
        ({"local_source": "rgb", "aggregation": "soft_all"}, "'soft_all' needs every patch"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(values, message):
    with pytest.raises(ConfigError, match=message):
        GSGConfig.from_dict(values)


def test_more_patches_may_be_selected_where_the_grid_has_more():
    assert GSGConfig(grid="stride1", num_selected=36).num_selected == 36
    assert GSGConfig(local_from="layer3", num_selected=49).num_selected == 49


@pytest.mark.parametrize(
    ("values", "size_px", "message"),
    [
        ({}, 96, "96 px have 4 patches on layer4, fewer than the 5"),
        ({"num_selected": 4}, 32, "32 px have 0 patches on layer4, fewer than the 4"),
        ({"local_from": "layer3", "num_selected": 17}, 112, "112 px have 16 patches on layer3"),
    ],
)
def test_crops_with_fewer_patches_than_are_selected_are_refused(values, size_px, message):
    with pytest.raises(ConfigError, match=message):
        check_crop_size(GSGConfig(**values), size_px=size_px)


@pytest.mark.parametrize(
    ("values", "size_px"),
    [({}, 224), ({"local_from": "layer3"}, 112), ({"streams": "global"}, 32), ({"num_selected": 4}, 96)],
)
def test_crops_with_enough_patches_are_accepted(values, size_px):
    check_crop_size(GSGConfig(**values), size_px=size_px)


def test_reading_a_configuration_does_not_load_torch():
    code = "import sys, gsgmodel.model.config, gsgmodel.model.settings; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
