"""A model on disk: a folder with ``weights.safetensors`` and ``model.json``, checked before it is believed."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.model.network import ClipNetwork
from gsgmodel.model.settings import SETTINGS_NAME, ModelSettings, parse_settings
from gsgmodel.model.system import Architecture
from gsgmodel.model.systems import find_system

WEIGHTS_NAME = "weights.safetensors"
MAX_SETTINGS_BYTES = 1 << 20
MAX_HEADER_BYTES = 1 << 20
PICKLED = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt")
ACCEPTED = f"accepted is a folder with {SETTINGS_NAME} and {WEIGHTS_NAME}"
_LENGTH_BYTES = 8
_DTYPES = {torch.float32: "F32", torch.int64: "I64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """A checked model as plain data, to be sent to other processes; ``build_network`` makes the network of it."""

    uri: str
    version: str
    digest: str
    """64 hexadecimal digits, see ``model_digest``."""
    settings: ModelSettings
    weights: bytes = field(repr=False)
    """In the safetensors format."""


def model_digest(tensors: dict[str, np.ndarray], settings: ModelSettings) -> str:
    """Hash of all in a model that moves a score.

    SHA-256 over the settings' ``scoring_json`` and, for each tensor in the order of names, its name, type, shape and
    content. Layout and metadata of the file, thresholds and the card are not in it.
    """
    state = hashlib.sha256(settings.scoring_json().encode())
    for name, value in sorted(tensors.items()):
        state.update(f"\n{name} {value.dtype.str} {value.shape} ".encode())
        state.update(np.ascontiguousarray(value).data)
    return state.hexdigest()


class _WithoutDraws(TorchFunctionMode):
    """Leaves out the drawing of initial weights, which tensors without memory do by way of torch's compiler."""

    _DRAWS = (Tensor.normal_, Tensor.uniform_)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return args[0] if func in self._DRAWS else func(*args, **(kwargs or {}))


def new_network(architecture: Architecture) -> ClipNetwork:
    """The network with initial weights, drawn by torch's generator."""
    return find_system(architecture.system).network(architecture)


def empty_network(architecture: Architecture) -> ClipNetwork:
    """The network with shapes but without memory for its tensors."""
    with torch.device("meta"), _WithoutDraws():
        return new_network(architecture)


def save_model(folder: Path, network: ClipNetwork, settings: ModelSettings) -> None:
    """Write a model; ``read_model`` of the folder gives the same network back.

    Raises:
        ValueError: The settings are not of this network.
        OutputError: The files cannot be written.
    """
    if settings.architecture != network.config:
        raise ValueError("the settings' architecture is not the network's")
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / WEIGHTS_NAME, safetensors.torch.save(tensors))
        _replace(folder / SETTINGS_NAME, settings.to_json().encode())
    except OSError as error:
        raise OutputError(f"the model cannot be written to {folder}: {error}") from error


def read_model(folder: Path) -> ModelFiles:
    """Read and check a model's folder.

    The header's names, shapes and types are compared with the architecture before a tensor is allocated, so that a file
    cannot ask for more memory than the network it claims to be; nothing is ever unpickled.

    Raises:
        ConfigError: A file is missing, pickled, broken, too large, not of the architecture, or holds values that are
            not finite; the message names the file, what was found and what is accepted.
    """
    _check_folder(folder)
    settings_path, path = folder / SETTINGS_NAME, folder / WEIGHTS_NAME
    try:
        settings = parse_settings(_read_bounded(settings_path, MAX_SETTINGS_BYTES))
    except ConfigError as error:
        raise ConfigError(f"model {settings_path}: {error}") from error
    expected = {name: (_DTYPES[v.dtype], tuple(v.shape)) for name, v in empty_state(settings.architecture)}
    limit = MAX_HEADER_BYTES + sum(v.nbytes for _, v in empty_state(settings.architecture))
    _check_not_pickled(path)
    try:
        _check_header(path, expected)
        weights = _read_bounded(path, limit)
        tensors = safetensors.numpy.load(weights)
    except (ConfigError, SafetensorError) as error:
        raise ConfigError(f"model {path}: {error}") from error
    broken = [name for name, value in tensors.items() if not np.isfinite(value).all()]
    if broken:
        raise ConfigError(f"model {path}: {broken[0]} holds values that are not finite; such weights give no score")
    digest = model_digest(tensors, settings)
    return ModelFiles(
        uri=folder.resolve().as_uri(), version=digest[:12], digest=digest, settings=settings, weights=weights
    )


def empty_state(architecture: Architecture) -> Iterable[tuple[str, torch.Tensor]]:
    """Name and tensor without memory of each part of the network's state."""
    return empty_network(architecture).state_dict().items()


def _check_folder(folder: Path) -> None:
    if folder.suffix.lower() in PICKLED and not folder.is_dir():
        raise ConfigError(_pickled(folder))
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise ConfigError(f"model {folder}: there is {found}; {ACCEPTED}")
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise ConfigError(f"model {folder} cannot be read: {error}") from error
    missing = [name for name in (SETTINGS_NAME, WEIGHTS_NAME) if name not in names]
    pickled = [name for name in names if Path(name).suffix.lower() in PICKLED]
    if missing and pickled:
        raise ConfigError(_pickled(folder / pickled[0]))
    if missing:
        held = ", ".join(names[:5]) or "nothing"
        raise ConfigError(f"model {folder} lacks {' and '.join(missing)} (it holds {held}); {ACCEPTED}")


def _check_not_pickled(path: Path) -> None:
    start = _read_start(path)
    # A safetensors file begins with the length of its header; what torch.save writes would claim an absurd one.
    claimed = int.from_bytes(start, "little")
    if claimed > MAX_HEADER_BYTES and (start[:2] == b"PK" or start[:1] == b"\x80"):
        raise ConfigError(_pickled(path))
    if len(start) < _LENGTH_BYTES or claimed > MAX_HEADER_BYTES:
        raise ConfigError(f"model {path} is not a safetensors file; {ACCEPTED}")


def _pickled(path: Path) -> str:
    return f"model {path} is pickled, and unpickling runs whatever code is in it, so it is not opened; {ACCEPTED}"


def _check_header(path: Path, expected: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    with safe_open(path, framework="numpy") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (it is not a mapping)
        found = {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in slices.items()}
    wrong = [
        f"{name} is {_describe(found.get(name))}, the architecture has {_describe(expected.get(name))}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise ConfigError(f"the weights do not fit the architecture: {wrong[0]}{more}")


def _describe(tensor: tuple[str, tuple[int, ...]] | None) -> str:
    return "absent" if tensor is None else f"{tensor[0]} {'x'.join(map(str, tensor[1])) or 'scalar'}"


def _read_start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LENGTH_BYTES)
    except OSError as error:
        raise ConfigError(f"model {path} cannot be read: {error}") from error


def _read_bounded(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error}") from error
    if len(content) > limit:
        raise ConfigError(f"is larger than {limit} bytes, the most that is accepted here")
    return content


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)
