"""The network before the first step: drawn from a seed, its backbone perhaps trained before by others."""

import tempfile
from pathlib import Path

import safetensors.torch
import torch

from gsgmodel.archive.identity import is_s3, is_uri, local_path, split_uri
from gsgmodel.archive.s3 import read_whole
from gsgmodel.errors import ConfigError, VideoError
from gsgmodel.model.system import Architecture
from gsgmodel.model.weights import new_network

MOST_BYTES = 1 << 30
"""Of a file of backbone weights on S3."""


def initial_weights(architecture: Architecture, *, backbone_weights: str, seed: int, s3_endpoint: str | None) -> bytes:
    """Return a network's first state in the safetensors format; the same for the same arguments.

    Args:
        architecture: Of the network.
        backbone_weights: ``imagenet``, ``none``, or the path, ``file://`` or ``s3://`` URI of a file.
        seed: Of everything that is drawn.
        s3_endpoint: Of the store that such a URI lies on, or None for the environment's.

    Raises:
        ConfigError: If the backbone's weights cannot be had or do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = new_network(architecture)
    with tempfile.TemporaryDirectory(prefix="gsg-backbone-") as scratch:
        source = _brought(backbone_weights, Path(scratch), s3_endpoint=s3_endpoint)
        try:
            network.load_backbone(source)
        except ConfigError as error:
            raise ConfigError(str(error).replace(source, backbone_weights)) from error
    return safetensors.torch.save({name: value.contiguous() for name, value in network.state_dict().items()})


def _brought(source: str, scratch: Path, *, s3_endpoint: str | None) -> str:
    if not is_uri(source):
        return source
    if not is_s3(source):
        return str(local_path(source))
    bucket, key = split_uri(source)
    try:
        content = read_whole(bucket, key, endpoint=s3_endpoint, most_bytes=MOST_BYTES)
    except VideoError as error:
        raise ConfigError(f"--backbone-weights {source} cannot be read: {error}") from error
    brought = scratch / key.rpartition("/")[2]
    brought.write_bytes(content)
    return str(brought)
