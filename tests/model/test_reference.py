"""What ``--model`` may say."""

import dataclasses

import pytest
import torch

from gsgmodel.errors import ConfigError
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.reference import build_network, resolve_model
from gsgmodel.model.settings import ModelSettings
from gsgmodel.model.weights import save_model
from gsgmodel.records import Preparation

UNTRAINED_DIGEST = "62ecb8f8486d2ba2035a65962848a37de106a72183e1619254d2eb64e4c80ee3"


@pytest.fixture
def folder(tmp_path, small):
    torch.manual_seed(0)
    folder = tmp_path / "my model #1%20"
    save_model(folder, GSGModel(small), ModelSettings(architecture=small))
    return folder


def test_the_untrained_model_is_the_same_on_every_machine():
    files = resolve_model("untrained")
    assert files.digest == UNTRAINED_DIGEST
    assert (files.uri, files.version) == ("untrained", "untrained")
    assert not files.settings.operating_points
    assert files.settings.calibration is None
    assert files.settings.architecture.backbone == "resnet34"
    network = build_network(files)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert all(tensor.device.type == "cpu" for tensor in network.state_dict().values())


def test_a_folder_may_be_a_path_or_a_uri(folder, monkeypatch):
    by_path = resolve_model(str(folder))
    assert resolve_model(folder.as_uri()) == by_path
    monkeypatch.chdir(folder.parent)
    assert resolve_model(folder.name) == by_path
    assert by_path.uri == folder.as_uri()


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("", "model is empty"),
        ("models:/gsg@champion", "lies in MLflow, which is not asked here"),
        ("models:/gsg/3", "lies in MLflow, which is not asked here"),
        ("runs:/abc/model", "lies in MLflow, which is not asked here"),
        ("s3://bucket/model", "models are not read from s3:// in this version"),
        ("https://host/model", "models are not read from https://"),
        ("file://otherhost/model", "models are not read from file://"),
        ("/nowhere/at all", "there is nothing"),
        ("untrainde", "there is nothing"),
    ],
)
def test_other_references_say_what_is_accepted(ref, message):
    with pytest.raises(ConfigError, match=message) as caught:
        resolve_model(ref)
    assert "accepted" in str(caught.value)


def test_a_model_of_another_preparation_is_refused(folder):
    other = dataclasses.replace(Preparation(), crop_scale=1.5)
    with pytest.raises(ConfigError, match=r"another preparation: crop_scale 1.3 \(here 1.5\)"):
        resolve_model(str(folder), preparation=other)
    assert resolve_model("untrained", preparation=other).settings.preparation == other
