"""A few clips with the margins that a model gave them when it was registered, to find machines that judge otherwise."""

from pathlib import Path

import numpy as np
import safetensors.numpy
from jaxtyping import Float64, UInt8
from safetensors import SafetensorError

from gsgmodel.errors import ConfigError
from gsgmodel.model.reference import build_network
from gsgmodel.model.scoring import score_clips
from gsgmodel.model.weights import ModelFiles

CANARY_NAME = "canary.safetensors"
"""Beside a model's two files; not part of its digest."""
MAX_BYTES = 64 << 20
TOLERANCE = 0.01
"""Most that a margin may differ: a score then moves by 0.0025 at most. Threads and vector units move margins by about
1e-6; a network that is not the one that was registered, or crops that are read otherwise, by far more."""
_CROPS, _MARGINS = "crops", "margins"


def make_canary(files: ModelFiles, crops: UInt8[np.ndarray, "B T S S 3"]) -> bytes:
    """Return clips and what a model says of them here, on the CPU, in the safetensors format.

    Args:
        files: The model.
        crops: Of a few clips.
    """
    return safetensors.numpy.save({_CROPS: crops, _MARGINS: _margins(files, crops, device="cpu")})


def check_canary(files: ModelFiles, canary: bytes, *, device: str = "cpu") -> float:
    """Make sure that a model judges here as it did where it was registered.

    Args:
        files: The model.
        canary: As ``make_canary`` returned it.
        device: Where the network runs.

    Returns:
        The largest difference of a margin.

    Raises:
        ConfigError: If it judges otherwise, or the canary is broken or not of this model.
    """
    try:
        held = safetensors.numpy.load(canary)
        crops, expected = held[_CROPS], held[_MARGINS]
    except (SafetensorError, KeyError, ValueError) as error:
        raise ConfigError(f"the canary of model {files.uri} cannot be read: {error}") from error
    preparation = files.settings.preparation
    size_px = preparation.crop_size_px
    wanted = (preparation.frames_per_clip, size_px, size_px, 3)
    if crops.dtype != np.uint8 or crops.shape[1:] != wanted or expected.shape != (len(crops), 2) or not len(crops):
        raise ConfigError(f"the canary of model {files.uri} is not of it: its clips are {crops.shape} {crops.dtype}")
    difference = float(np.abs(_margins(files, crops, device=device) - expected).max())
    if not difference <= TOLERANCE:
        raise ConfigError(
            f"model {files.uri} judges otherwise on this machine than where it was registered: margins of its canary "
            f"differ by {difference:.3g}, and {TOLERANCE} is accepted"
        )
    return difference


def read_canary(folder: Path) -> bytes | None:
    """Return the canary of a model's folder; None if it has none.

    Raises:
        ConfigError: If it cannot be read or is too large.
    """
    path = folder / CANARY_NAME
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES} bytes, the most that is accepted here")
    return content


def _margins(files: ModelFiles, crops: UInt8[np.ndarray, "B T S S 3"], *, device: str) -> Float64[np.ndarray, "B 2"]:
    scores = score_clips(build_network(files).to(device), crops, device=device)
    return np.stack([scores.global_margins, scores.fusion_margins], axis=1)
