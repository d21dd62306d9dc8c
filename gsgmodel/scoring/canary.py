"""A few clips with what a model said of them when it was registered, to find machines that judge otherwise."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from jaxtyping import Float64, UInt8
from safetensors import SafetensorError

from gsgmodel.errors import ConfigError
from gsgmodel.model.network import ClipNetwork
from gsgmodel.model.numerics import MOST_MOVED, for_scoring
from gsgmodel.model.reference import build_network
from gsgmodel.model.scoring import score_clips, stream_score
from gsgmodel.model.weights import ModelFiles
from gsgmodel.scoring.network import combine_with

CANARY_NAME = "canary.safetensors"
"""Beside a model's two files; not part of its digest."""
MAX_BYTES = 64 << 20
MAX_HEADER_BYTES = 1 << 16
TOLERANCE = 0.01
"""Most that a margin or a score may differ. Of ``untrained`` and two clips, margins moved by nothing between 1 and 2
threads, by 3e-6 without oneDNN, by 0.0045 with factors rounded as TF32 rounds them (on a CPU), and by 0.043 in
bfloat16, which is refused. Within it a score that is not calibrated moves by 0.0025 at most."""
NAMES = ("global margin", "fusion margin", "score")
"""What is compared of a clip, in this order."""
_CROPS, _SAID, _DIGEST = "crops", "said", "model_digest"
_LENGTH_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """Clips, and what the model said of them where it was registered."""

    crops: UInt8[np.ndarray, "B T S S 3"]
    said: Float64[np.ndarray, "B 3"]
    """``NAMES`` of each clip."""


def make_canary(files: ModelFiles, crops: UInt8[np.ndarray, "B T S S 3"]) -> bytes:
    """Return clips and what a model says of them here, on the CPU, in the safetensors format.

    Args:
        files: The model.
        crops: Of a few clips, at least one.

    Raises:
        ValueError: There is no clip, or there are more than a canary may hold.
    """
    if not len(crops) or crops.nbytes > MAX_BYTES - MAX_HEADER_BYTES - _LENGTH_BYTES:
        raise ValueError(f"a canary holds 1 clip or more, and {MAX_BYTES} bytes at most: {crops.shape=}")
    said = _judge(files, crops, device="cpu")
    return safetensors.numpy.save({_CROPS: crops, _SAID: said}, metadata={_DIGEST: files.digest})


def parse_canary(files: ModelFiles, content: bytes) -> Canary:
    """Read a canary; its header is compared with what the model's can be before a tensor is made.

    Args:
        files: The model.
        content: As ``make_canary`` returned it.

    Raises:
        ConfigError: If it is broken or of another model; nothing is judged for that.
    """
    preparation = files.settings.preparation
    size_px = preparation.crop_size_px
    try:
        header = _header(content)
        digest = header["__metadata__"][_DIGEST]
        found = {name: (str(header[name]["dtype"]), list(header[name]["shape"])) for name in (_CROPS, _SAID)}
        num_clips = int(found[_CROPS][1][0])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"the canary of model {files.uri} cannot be read: it has no header of a canary") from error
    if digest != files.digest:
        raise ConfigError(
            f"the canary of model {files.uri} is of the digest {str(digest)[:12]}, the model's is {files.digest[:12]}"
        )
    wanted = {
        _CROPS: ("U8", [num_clips, preparation.frames_per_clip, size_px, size_px, 3]),
        _SAID: ("F64", [num_clips, len(NAMES)]),
    }
    if found != wanted or header.keys() != {"__metadata__", *wanted} or num_clips < 1:
        raise ConfigError(f"the canary of model {files.uri} holds {found}, and clips of this model are {wanted}")
    try:
        held = safetensors.numpy.load(content)
    except SafetensorError as error:
        raise ConfigError(f"the canary of model {files.uri} cannot be read: {error}") from error
    return Canary(crops=held[_CROPS], said=held[_SAID])


def check_canary(
    files: ModelFiles,
    content: bytes,
    *,
    device: str = "cpu",
    tolerance: float = TOLERANCE,
    network: ClipNetwork | None = None,
) -> float:
    """Make sure that a model judges here as it did where it was registered.

    Args:
        files: The model.
        content: As ``make_canary`` returned it; one that is broken or of another model is a ``ConfigError``.
        device: Where the network runs.
        tolerance: Most that a margin or a score may differ.
        network: The model's, on that device; built anew by default.

    Returns:
        The largest difference of a margin or a score.

    Raises:
        ConfigError: If it judges otherwise, or gives no number.
    """
    canary = parse_canary(files, content)
    try:
        differences = np.abs(_judge(files, canary.crops, device=device, network=network) - canary.said).max(axis=0)
    except FloatingPointError as error:
        raise ConfigError(f"model {files.uri} judges otherwise on this machine: {error}") from error
    worst = int(np.argmax(differences))
    difference = float(differences[worst])
    # Also what is no number is no agreement.
    if not difference <= tolerance:
        raise ConfigError(
            f"model {files.uri} judges otherwise on this machine than where it was registered: of its canary a "
            f"{NAMES[worst]} differs by {difference:.3g}, and {tolerance:g} is accepted"
        )
    return difference


def is_fit_for_bfloat16(files: ModelFiles, content: bytes) -> bool:
    """Whether a model's scores of its canary, here on the CPU, move by 0.01 at most where its backbone is bfloat16.

    Args:
        files: The model.
        content: Its canary.
    """
    canary = parse_canary(files, content)
    try:
        said = _judge(files, canary.crops, device="cpu", network=for_scoring(build_network(files), "bfloat16"))
    except FloatingPointError:
        return False
    return bool(np.abs(said - canary.said)[:, NAMES.index("score")].max() <= MOST_MOVED)


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


def _judge(
    files: ModelFiles, crops: UInt8[np.ndarray, "B T S S 3"], *, device: str, network: ClipNetwork | None = None
) -> Float64[np.ndarray, "B 3"]:
    margins = score_clips(network or build_network(files).to(device), crops, device=device)
    streams = np.stack([margins.global_margins, margins.fusion_margins], axis=1)
    combine = combine_with(files)
    scores = [combine(*(stream_score(margin[None]) for margin in clip)) for clip in streams]
    return np.concatenate([streams, np.array(scores)[:, None]], axis=1)


def _header(content: bytes) -> dict[str, Any]:
    """The header of a safetensors file.

    Raises:
        ValueError: There is none, or it is too long.
        TypeError: It is JSON of another kind.
    """
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"its header claims {length} bytes")
    header = json.loads(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
    if not isinstance(header, dict):
        raise TypeError("its header is no object")
    return header
