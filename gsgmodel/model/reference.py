"""What ``--model`` may say, and the network behind it."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import safetensors.numpy
import safetensors.torch

from gsgmodel.errors import ConfigError
from gsgmodel.model.config import UNTRAINED, GSGConfig
from gsgmodel.model.initial import draw_weights
from gsgmodel.model.network import ClipNetwork
from gsgmodel.model.settings import PREPARATION, ModelSettings, check_preparation
from gsgmodel.model.weights import ModelFiles, empty_network, empty_state, model_digest, read_model
from gsgmodel.records import Preparation


def resolve_model(ref: str, *, preparation: Preparation = PREPARATION) -> ModelFiles:
    """Find, read and check a model.

    Args:
        ref: A folder (path or ``file://`` URI), or ``untrained``.
        preparation: How crops are made in this run.

    Returns:
        Plain data, the weights among it once; put it into an object store rather than into every task.

    Raises:
        ConfigError: There is no such model, it is broken or pickled, or it was trained with another preparation.
    """
    if ref == UNTRAINED:
        return _untrained(preparation)
    files = read_model(_folder_of(ref))
    try:
        check_preparation(files.settings.preparation, preparation)
    except ConfigError as error:
        raise ConfigError(f"model {ref}: {error}") from error
    return files


def build_network(files: ModelFiles) -> ClipNetwork:
    """The network, ready to judge on the CPU: in evaluation mode and without gradients."""
    network = empty_network(files.settings.architecture)
    network.load_state_dict(safetensors.torch.load(files.weights), assign=True)
    return network.requires_grad_(requires_grad=False).eval()


def _folder_of(ref: str) -> Path:
    accepted = f"accepted are a folder, a file:// URI, or {UNTRAINED!r}"
    if not ref:
        raise ConfigError(f"model is empty; {accepted}")
    scheme, _, rest = ref.partition(":/")
    if scheme in {"models", "runs"} and rest:
        raise ConfigError(f"model {ref} lies in MLflow, which is not asked here; {accepted}")
    if "://" not in ref:
        return Path(ref)
    parts = urlsplit(ref)
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        raise ConfigError(f"model {ref}: models are not read from {parts.scheme}:// in this version; {accepted}")
    return Path(unquote(parts.path))


def _untrained(preparation: Preparation) -> ModelFiles:
    settings = ModelSettings(
        architecture=GSGConfig(),
        preparation=preparation,
        bfloat16=True,
        card={"training": "none: weights are fixed pseudo-random numbers, scores mean nothing"},
    )
    tensors = draw_weights((name, tuple(value.shape)) for name, value in empty_state(settings.architecture))
    return ModelFiles(
        uri=UNTRAINED,
        version=UNTRAINED,
        digest=model_digest(tensors, settings),
        settings=settings,
        weights=safetensors.numpy.save(tensors),
    )
