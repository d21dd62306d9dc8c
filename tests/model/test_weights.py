"""A model's folder: there and back, and everything that is refused."""

import dataclasses
import json
import os
import pickle
import struct

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.reference import build_network
from gsgmodel.model.settings import SETTINGS_NAME, Calibration, ModelSettings
from gsgmodel.model.weights import WEIGHTS_NAME, model_digest, read_model, save_model


@pytest.fixture
def settings(small):
    return ModelSettings(architecture=small)


@pytest.fixture
def folder(tmp_path, small, settings):
    torch.manual_seed(0)
    save_model(tmp_path / "model", GSGModel(small), settings)
    return tmp_path / "model"


def rewrite(folder, change):
    tensors = safetensors.numpy.load_file(folder / WEIGHTS_NAME)
    change(tensors)
    safetensors.numpy.save_file(tensors, folder / WEIGHTS_NAME)


def test_a_saved_network_comes_back_and_judges_the_same(tmp_path, small, settings):
    torch.manual_seed(0)
    network = GSGModel(small).eval()
    save_model(tmp_path / "a" / "b", network, settings)
    files = read_model(tmp_path / "a" / "b")
    again = build_network(pickle.loads(pickle.dumps(files)))
    clips = torch.rand(1, 2, 3, 128, 128)
    with torch.no_grad():
        for ours, theirs in zip(network(clips), again(clips), strict=True):
            assert torch.equal(ours, theirs)
    assert files.settings == settings
    assert files.uri == (tmp_path / "a" / "b").as_uri()
    assert files.version == files.digest[:12]
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == [SETTINGS_NAME, WEIGHTS_NAME]


def test_the_digest_is_of_content_not_of_the_file(folder, settings):
    before = read_model(folder).digest
    tensors = safetensors.torch.load_file(folder / WEIGHTS_NAME)
    safetensors.torch.save_file(tensors, folder / WEIGHTS_NAME, metadata={"made": "elsewhere"})
    noted = dataclasses.replace(settings, operating_points={"strict": 0.9}, card={"by": "us"})
    (folder / SETTINGS_NAME).write_text(noted.to_json())
    assert read_model(folder).digest == before


def test_the_digest_moves_with_all_that_moves_a_score(folder, settings):
    digests = {read_model(folder).digest}
    changed = (
        dataclasses.replace(settings, calibration=Calibration(slope=2.0)),
        dataclasses.replace(settings, preparation=dataclasses.replace(settings.preparation, crop_scale=1.5)),
        dataclasses.replace(settings, architecture=dataclasses.replace(settings.architecture, grid="pad_rb")),
    )
    for each in changed:
        (folder / SETTINGS_NAME).write_text(each.to_json())
        digests.add(read_model(folder).digest)
    rewrite(folder, lambda tensors: tensors["temporal.global_stream.classify.bias"].__iadd__(1e-3))
    digests.add(read_model(folder).digest)
    assert len(digests) == 5


def test_names_and_shapes_of_tensors_are_part_of_the_digest(settings):
    zeros = np.zeros(4, dtype=np.float32)
    digests = {model_digest(tensors, settings) for tensors in ({"a": zeros}, {"b": zeros}, {"a": zeros.reshape(2, 2)})}
    assert len(digests) == 3


def test_saving_under_other_settings_is_a_mistake(tmp_path, small, settings):
    other = dataclasses.replace(small, hidden=8)
    with pytest.raises(ValueError, match="architecture is not the network's"):
        save_model(tmp_path, GSGModel(other), settings)


def test_a_place_that_cannot_be_written_is_named(tmp_path, small, settings):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"cannot be written to .*file"):
        save_model(tmp_path / "file" / "model", GSGModel(small), settings)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".pkl", ".ckpt"])
@pytest.mark.parametrize("alone", [True, False])
def test_a_pickled_model_is_refused_without_being_opened(tmp_path, suffix, alone):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"anything")
    with pytest.raises(ConfigError, match=rf"model{suffix} is pickled, and unpickling runs whatever code is in it"):
        read_model(path if alone else tmp_path)


@pytest.mark.parametrize("how", ["zip", "legacy", "pickle"])
def test_pickled_bytes_under_an_honest_name_are_refused(folder, how):
    path = folder / WEIGHTS_NAME
    if how == "pickle":
        path.write_bytes(pickle.dumps({"weight": [1.0] * 50}))
    else:
        torch.save({"weight": torch.zeros(3)}, path, _use_new_zipfile_serialization=how == "zip")
    with pytest.raises(ConfigError, match=r"weights.safetensors is pickled.*accepted is a folder with model.json"):
        read_model(folder)


def header(entries, data=b""):
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a safetensors file"),
        (b"\x10\x00", "is not a safetensors file"),
        (b"GIF89a" * 100, "is not a safetensors file"),
        (struct.pack("<Q", 50) + b"{}", "(?i)header"),
        (struct.pack("<Q", 2) + b"no", "(?i)header"),
        (header({"a": {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 4 * 10**9]}}), "(?i)incomplete|header"),
        (header({"mean": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4), "do not fit"),
    ],
)
def test_bytes_that_are_not_these_weights_are_refused(folder, content, message):
    (folder / WEIGHTS_NAME).write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_model(folder)
    assert WEIGHTS_NAME in str(caught.value)


def drop(tensors):
    del tensors["mean"]


def add(tensors):
    tensors["extra"] = np.zeros(2, dtype=np.float32)


def reshape(tensors):
    tensors["mean"] = tensors["mean"].reshape(3, 1)


def retype(tensors):
    tensors["mean"] = tensors["mean"].astype(np.float64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop, "mean is absent, the architecture has F32 3x1x1"),
        (add, "extra is F32 2, the architecture has absent"),
        (reshape, "mean is F32 3x1, the architecture has F32 3x1x1"),
        (retype, "mean is F64 3x1x1, the architecture has F32 3x1x1"),
    ],
)
def test_weights_of_another_architecture_are_refused_by_the_first_difference(folder, change, message):
    rewrite(folder, change)
    with pytest.raises(ConfigError, match=message):
        read_model(folder)


def test_a_bigger_network_is_refused_before_its_weights_are_read(folder, monkeypatch):
    rewrite(folder, add)
    monkeypatch.setattr("safetensors.numpy.load", lambda _: pytest.fail("tensors were allocated"))
    with pytest.raises(ConfigError, match="extra"):
        read_model(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(folder, value):
    rewrite(folder, lambda tensors: tensors["attention.output.bias"].fill(value))
    with pytest.raises(ConfigError, match=r"attention.output.bias holds values that are not finite"):
        read_model(folder)


def test_missing_files_are_named_with_what_is_there(folder, tmp_path):
    (folder / WEIGHTS_NAME).unlink()
    with pytest.raises(ConfigError, match=r"lacks weights.safetensors \(it holds model.json\); accepted is a folder"):
        read_model(folder)
    with pytest.raises(ConfigError, match="absent: there is nothing; accepted is a folder"):
        read_model(tmp_path / "absent")
    with pytest.raises(ConfigError, match="there is a file; accepted is a folder"):
        read_model(folder / SETTINGS_NAME)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"lacks model.json and weights.safetensors \(it holds nothing\)"):
        read_model(tmp_path / "empty")


def test_a_pipe_in_place_of_weights_is_not_waited_on(folder):
    (folder / WEIGHTS_NAME).unlink()
    os.mkfifo(folder / WEIGHTS_NAME)
    with pytest.raises(ConfigError, match=r"lacks weights.safetensors"):
        read_model(folder)


def test_settings_that_are_broken_or_huge_are_refused_with_their_path(folder):
    (folder / SETTINGS_NAME).write_text("{")
    with pytest.raises(ConfigError, match=r"model.json: not JSON"):
        read_model(folder)
    (folder / SETTINGS_NAME).write_text(" " * (1 << 20) + "{}")
    with pytest.raises(ConfigError, match=r"model.json: is larger than 1048576 bytes"):
        read_model(folder)
