"""Weights that others have trained, put into a part of a network."""

import gsgmodel.quick_torchvision  # noqa: F401, before torchvision

# isort: split
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import cast
from urllib.error import URLError

import safetensors.torch
import torch
import torchvision
from safetensors import SafetensorError
from torch import Tensor, nn

from gsgmodel.errors import ConfigError


def load_pretrained(
    module: nn.Module,
    source: str,
    *,
    name: str,
    published: str | None,
    rename: Callable[[str], str | None],
    complete: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict,
) -> None:
    """Put pre-trained weights into a module, in place, before training.

    Args:
        module: Whose tensors are replaced, all of them.
        source: ``none`` (leave it as it is), ``imagenet`` (torchvision's IMAGENET1K_V1, downloaded once into torch's
            cache), or the path of a ``.safetensors`` or ``.pth`` file with published tensor names or the module's own.
        name: Of what it is, for messages.
        published: Name at torchvision of the network that it is part of; None if nobody has trained it on ImageNet.
        rename: Maps a published tensor name to the module's, or to None for one that is left out. It is not asked
            about names that the module has.
        complete: Maps renamed tensors to all of the module, where only a part of it is published.

    Raises:
        ConfigError: The weights cannot be had or do not fit this module.
    """
    if source == "none":
        return
    if published is None and source == "imagenet":
        raise ConfigError(
            f"--backbone-weights is {source!r}, but nobody has trained {name} on it; use 'none' or a path"
        )
    tensors = _download_imagenet(cast("str", published)) if source == "imagenet" else _read_tensors(Path(source))
    own = set(module.state_dict())
    renamed = {key if key in own else rename(key): value for key, value in tensors.items()}
    try:
        module.load_state_dict(complete({key: value for key, value in renamed.items() if key is not None}))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"--backbone-weights {source} do not fit {name}: {reason}") from error


def _download_imagenet(name: str) -> dict[str, Tensor]:
    weights = torchvision.models.get_model_weights(name).IMAGENET1K_V1
    try:
        return cast("dict[str, Tensor]", weights.get_state_dict(progress=False, check_hash=True, weights_only=True))
    except (URLError, OSError, RuntimeError) as error:
        raise ConfigError(
            f"--backbone-weights imagenet: {weights.url} could not be had ({error}); fetch it elsewhere and give its "
            "path, or use 'none'"
        ) from error


def _read_tensors(path: Path) -> dict[str, Tensor]:
    accepted = "accepted are 'imagenet', 'none', or the path of a .safetensors or torchvision .pth file"
    if path.suffix not in {".safetensors", ".pth"}:
        raise ConfigError(f"--backbone-weights is {str(path)!r}; {accepted}")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        # Torchvision publishes its weights only so; weights_only keeps the unpickler to tensors.
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ConfigError(f"--backbone-weights {path} cannot be read: {error}; {accepted}") from error
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ConfigError(f"--backbone-weights {path} holds no table of tensors; {accepted}")
    return found
