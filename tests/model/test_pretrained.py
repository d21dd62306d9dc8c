"""Weights that others have trained."""

import pytest
import safetensors.torch
import torch
from torch import nn

from gsgmodel.errors import ConfigError
from gsgmodel.model.pretrained import load_pretrained


def load(module, source, *, rename=lambda key: key, published=None):
    load_pretrained(module, str(source), name="it", published=published, rename=rename)


def test_published_names_are_renamed_others_left_out_and_own_names_kept(tmp_path):
    module, wanted = nn.Sequential(nn.Linear(2, 2, bias=False)), torch.rand(2, 2)
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file({"conv.weight": wanted, "fc.weight": torch.rand(1)}, path)
    load(module, path, rename={"conv.weight": "0.weight", "fc.weight": None}.get)
    assert torch.equal(module[0].weight, wanted)
    safetensors.torch.save_file({"0.weight": wanted + 1}, path)
    load(module, path, rename=lambda key: pytest.fail(f"asked about {key}"))
    assert torch.equal(module[0].weight, wanted + 1)


def test_all_of_a_module_must_be_there(tmp_path):
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file({"weight": torch.rand(2, 2)}, path)
    with pytest.raises(ConfigError, match="do not fit it"):
        load(nn.Linear(2, 2), path)


def test_none_is_nothing_and_imagenet_only_where_it_is_published():
    module = nn.Linear(2, 2)
    before = module.weight.clone()
    load(module, "none")
    assert torch.equal(module.weight, before)
    with pytest.raises(ConfigError, match="nobody has trained it on it; use 'none' or a path"):
        load(module, "imagenet")
