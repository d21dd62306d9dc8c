import io

import pytest
import safetensors.torch
import torch
import torchvision

from gsgmodel.errors import ConfigError
from gsgmodel.model.config import GSGConfig
from gsgmodel.training.initial import initial_weights
from tests.small_training import ARCHITECTURE

RESNET = GSGConfig(backbone="resnet18", hidden=8, layers=1, attention_hidden=4)


def draw(architecture=ARCHITECTURE, *, backbone_weights="none", seed=0, s3_endpoint=None):
    weights = initial_weights(architecture, backbone_weights=backbone_weights, seed=seed, s3_endpoint=s3_endpoint)
    return safetensors.torch.load(weights)


def same(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_seed_is_a_network_and_touches_no_other_randomness():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    first = draw(seed=1)
    assert torch.equal(torch.rand(2), expected)
    assert same(first, draw(seed=1))
    assert not same(first, draw(seed=2))


@pytest.fixture(scope="module")
def pretrained():
    torch.manual_seed(9)
    return torchvision.models.resnet18(weights=None).state_dict()


def test_backbone_weights_come_from_a_file_under_torchvisions_names(pretrained, tmp_path):
    path = tmp_path / "resnet18.safetensors"
    safetensors.torch.save_file(pretrained, path)
    for source in (str(path), path.as_uri()):
        found = draw(RESNET, backbone_weights=source)
        assert torch.equal(found["backbone.stem.0.weight"], pretrained["conv1.weight"])
        assert torch.equal(found["backbone.stages.layer4.1.bn2.running_var"], pretrained["layer4.1.bn2.running_var"])
    assert torch.equal(found["attention.hidden.weight"], draw(RESNET)["attention.hidden.weight"])


def test_backbone_weights_come_from_a_store(pretrained, bucket, s3, s3_server):
    content = io.BytesIO()
    torch.save(pretrained, content)
    s3.put_object(Bucket=bucket, Key="weights/resnet18.pth", Body=content.getvalue())
    found = draw(RESNET, backbone_weights=f"s3://{bucket}/weights/resnet18.pth", s3_endpoint=s3_server)
    assert torch.equal(found["backbone.stem.0.weight"], pretrained["conv1.weight"])


def test_weights_that_cannot_be_had_are_one_sentence(bucket, s3_server, tmp_path):
    with pytest.raises(ConfigError, match=r"--backbone-weights s3://.*/no\.pth cannot be read"):
        draw(RESNET, backbone_weights=f"s3://{bucket}/no.pth", s3_endpoint=s3_server)
    with pytest.raises(ConfigError, match=r"--backbone-weights .*none\.pth cannot be read"):
        draw(RESNET, backbone_weights=str(tmp_path / "none.pth"))
    with pytest.raises(ConfigError, match="nobody has trained backbone 'tiny' on it; use 'none' or a path"):
        draw(backbone_weights="imagenet")
    path = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"conv1.weight": torch.zeros(1)}, path)
    with pytest.raises(ConfigError, match=r"--backbone-weights .*other\.safetensors do not fit resnet18"):
        draw(RESNET, backbone_weights=path.as_uri())
