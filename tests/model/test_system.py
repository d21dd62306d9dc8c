"""Systems as plain data: options, sizes, what is refused."""

import subprocess
import sys
from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError
from gsgmodel.model.config import SYSTEM as PAPERS_OWN
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.objective import Objective
from gsgmodel.model.system import (
    ALONE,
    Architecture,
    OneStreamConfig,
    only_alone,
    option_texts,
    options_alone,
    parse_options,
)


@dataclass(frozen=True, kw_only=True)
class Own(OneStreamConfig):
    system: ClassVar[str] = "own"
    width: float = 1.0
    kind: Literal["a", "b"] = "a"
    is_wide: bool = False


names = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
values = st.one_of(st.booleans(), st.integers(-1000, 1000), st.floats(-10, 10), st.sampled_from(["a", "densenet121"]))


@given(st.dictionaries(names, values, max_size=4))
def test_options_are_read_as_they_are_written(options):
    assert parse_options(option_texts(options)) == options


@pytest.mark.parametrize("texts", [("width",), ("=1",), ("a=1", "a=2")])
def test_an_option_without_a_name_or_twice_is_refused(texts):
    with pytest.raises(ConfigError, match="accepted: NAME=VALUE, each name once"):
        parse_options(texts)


def test_an_architecture_is_read_as_it_is_written_and_knows_its_system():
    config = Own(width=0.5, frames_per_clip=5)
    values = config.to_dict()
    assert values.pop("model") == "own"
    assert Own.from_dict(values) == config
    assert isinstance(config, Architecture)
    assert isinstance(GSGConfig(), Architecture)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"height": 1}, "unknown keys height"),
        ({"width": "wide"}, "width is 'wide'; accepted is a value of type float"),
        ({"kind": "c"}, "kind is 'c'; accepted are a, b"),
        ({"is_wide": 1}, "is_wide is 1"),
        ({"crop_size_px": 1000}, "crop_size_px is 1000; accepted is 32 to 384"),
        ({"frames_per_clip": 0}, "frames_per_clip is 0; accepted is 1 to 32"),
    ],
)
def test_what_an_architecture_does_not_have_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        Own.from_dict(values)


def test_a_whole_number_is_the_same_width():
    assert Own.from_dict({"width": 1}) == Own()


def test_clips_of_another_length_or_size_are_refused_with_both_ways_out():
    config = Own()
    config.check_crops(num_frames=12, size_px=224)
    for sizes in ({"num_frames": 5, "size_px": 224}, {"num_frames": 12, "size_px": 112}):
        with pytest.raises(ConfigError, match=r"gsg prepare --frames-per-clip 12 .*--option frames_per_clip="):
            config.check_crops(**sizes)


def test_settings_of_the_papers_network_and_options_do_not_mix():
    configure = options_alone(Own)
    assert configure(GSGConfig(), {"width": 0.5}) == Own(width=0.5)
    with pytest.raises(ConfigError, match=r"--model own; accepted with it: --option .*width, kind"):
        configure(GSGConfig(layers=2), {})
    assert PAPERS_OWN.configure(GSGConfig(layers=2), {}) == GSGConfig(layers=2)
    with pytest.raises(ConfigError, match="--option width is of another --model"):
        PAPERS_OWN.configure(GSGConfig(), {"width": 0.5})


def test_with_one_stream_there_is_one_objective():
    assert only_alone(Objective()) == only_alone(ALONE) == ALONE
    with pytest.raises(ConfigError, match="--guide-weight"):
        only_alone(Objective(guide_weight=0.5))
    assert PAPERS_OWN.objective(Objective(guide_weight=0.5)) == Objective(guide_weight=0.5)


def test_there_are_no_patches():
    assert Own().patch_boxes(size_px=224).shape == (0, 4)
    assert GSGConfig().patch_boxes(size_px=224).shape == (16, 4)


def test_fidelity_is_a_word_and_a_sentence():
    assert PAPERS_OWN.fidelity.startswith("faithful: ")


def test_a_command_line_needs_no_torch():
    code = "import sys; import gsgmodel.training.settings as s; s.TrainSettings(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
