"""Feature maps of each backbone, and where pre-trained weights may come from."""

from urllib.error import URLError

import pytest
import safetensors.torch
import torch
import torchvision
from torch import nn

from gsgmodel.errors import ConfigError
from gsgmodel.model.backbone import load_backbone_weights, make_backbone


def multiply_adds(network, pictures):
    total = 0

    def count(module, _inputs, output):
        nonlocal total
        total += output[0].numel() * module.weight[0].numel()

    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    network(pictures)
    return total


@pytest.mark.parametrize(
    ("name", "width", "layer3", "layer2"),
    [("resnet18", 512, 256, 128), ("resnet34", 512, 256, 128), ("resnet50", 2048, 1024, 512), ("tiny", 512, 96, 64)],
)
def test_feature_maps_have_the_sizes_that_the_rest_relies_on(name, width, layer3, layer2):
    with torch.device("meta"):
        pictures = torch.zeros(2, 3, 224, 224)
        for layer, channels, cells in (("layer4", width, 7), ("layer3", layer3, 14), ("layer2", layer2, 28)):
            network = make_backbone(name, local_from=layer)
            maps = network(pictures)
            assert maps.top.shape == (2, width, 7, 7)
            assert maps.local.shape == (2, channels, cells, cells)
            assert (network.width, network.local_width) == (width, channels)


def test_tiny_takes_at_most_sixty_million_multiply_adds_a_picture():
    with torch.device("meta"):
        count = multiply_adds(make_backbone("tiny"), torch.zeros(1, 3, 224, 224))
    assert 40e6 < count <= 60e6


def test_a_resnet_gives_torchvisions_features():
    reference = torchvision.models.resnet18(weights=None).eval()
    backbone = make_backbone("resnet18").eval()
    state = {k: v for k, v in reference.state_dict().items() if not k.startswith("fc.")}
    for key, value in zip(backbone.state_dict(), state.values(), strict=True):
        backbone.state_dict()[key].copy_(value)
    reference.avgpool, reference.fc = nn.Identity(), nn.Identity()
    pictures = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(backbone(pictures).top.flatten(1), reference(pictures))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_with_torchvisions_names_are_loaded_from_a_file(tmp_path, suffix):
    state = torchvision.models.resnet18(weights=None).state_dict()
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(state, path)
    else:
        safetensors.torch.save_file(state, path)
    backbone = make_backbone("resnet18")
    load_backbone_weights(backbone, name="resnet18", source=str(path))
    assert torch.equal(backbone.state_dict()["stem.0.weight"], state["conv1.weight"])
    assert torch.equal(backbone.state_dict()["stages.layer4.1.bn2.bias"], state["layer4.1.bn2.bias"])


def test_none_leaves_the_weights_as_they_are():
    backbone = make_backbone("tiny")
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    load_backbone_weights(backbone, name="tiny", source="none")
    assert all(torch.equal(before[name], value) for name, value in backbone.state_dict().items())


def test_imagenet_weights_that_cannot_be_had_say_what_to_do(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise URLError("no route to host")

    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", refuse)
    with pytest.raises(ConfigError, match=r"resnet18-\w+\.pth could not be had .*no route to host.*give its path"):
        load_backbone_weights(make_backbone("resnet18"), name="resnet18", source="imagenet")


def test_imagenet_weights_are_those_that_torchvision_names(monkeypatch):
    state = torchvision.models.resnet18(weights=None).state_dict()
    asked = []
    monkeypatch.setattr(
        torchvision.models._api, "load_state_dict_from_url", lambda url, **_kwargs: asked.append(url) or state
    )
    backbone = make_backbone("resnet18")
    load_backbone_weights(backbone, name="resnet18", source="imagenet")
    assert asked == [torchvision.models.ResNet18_Weights.IMAGENET1K_V1.url]
    assert torch.equal(backbone.state_dict()["stem.0.weight"], state["conv1.weight"])


def test_weights_that_cannot_be_used_are_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    torch.save(Evil(), tmp_path / "evil.pth")
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    safetensors.torch.save_file({"conv1.weight": torch.zeros(1)}, tmp_path / "small.safetensors")
    torch.save([1, 2], tmp_path / "list.pth")
    for source, message in (
        ("evil.pth", "cannot be read"),
        ("broken.safetensors", "cannot be read"),
        ("absent.pth", "cannot be read"),
        ("small.safetensors", "do not fit resnet18"),
        ("list.pth", "holds no table of tensors"),
        ("weights.onnx", "accepted are 'imagenet', 'none'"),
    ):
        with pytest.raises(ConfigError, match=message):
            load_backbone_weights(make_backbone("resnet18"), name="resnet18", source=str(tmp_path / source))
    with pytest.raises(ConfigError, match="nobody has trained backbone 'tiny' on it"):
        load_backbone_weights(make_backbone("tiny"), name="tiny", source="imagenet")
