"""Weights for a network that nobody trained: the same on every machine and with every version of torch and numpy."""

from collections.abc import Iterable

import numpy as np

from gsgmodel.model.network import IMAGENET_MEAN, IMAGENET_STD

SEED = 20230604
"""Of the model reference ``untrained``; another number is another model."""
_SRU_CELL_BOUND = 1.5**0.5
_KEPT_BITS = 24


def draw_weights(shapes: Iterable[tuple[str, tuple[int, ...]]], *, seed: int = SEED) -> dict[str, np.ndarray]:
    """Fixed pseudo-random weights for a network's tensors.

    Matrices and kernels are uniform with variance 1 / fan-in, SRU's cell weights as published; other gains are 1,
    other biases 0, batch statistics those of a unit normal. Every step is exact or rounded once as IEEE 754 demands,
    and the stream of PCG64 is one that numpy promises to keep, so bits do not depend on the machine.

    Args:
        shapes: Name and shape of each tensor, named as in ``GSGModel``'s state; drawn in the order of names.
        seed: Of the stream.

    Returns:
        A float32 array for each name; int64 for counters of batches.
    """
    stream = np.random.PCG64(seed)
    return {name: _draw(stream, name, shape) for name, shape in sorted(shapes)}


def _draw(stream: np.random.PCG64, name: str, shape: tuple[int, ...]) -> np.ndarray:
    last = name.rpartition(".")[2]
    if last == "num_batches_tracked":
        return np.zeros(shape, dtype=np.int64)
    if name in {"mean", "std"}:
        return np.array({"mean": IMAGENET_MEAN, "std": IMAGENET_STD}[name], dtype=np.float32).reshape(shape)
    if last == "weight_c":
        return _uniform(stream, shape, _SRU_CELL_BOUND)
    if len(shape) > 1:
        # SRU keeps (inputs, outputs), everything else (outputs, inputs, ...).
        fan_in = shape[0] if "_layers." in name else int(np.prod(shape[1:]))
        return _uniform(stream, shape, float(np.sqrt(3 / fan_in)))
    return np.full(shape, last in {"weight", "running_var"}, dtype=np.float32)


def _uniform(stream: np.random.PCG64, shape: tuple[int, ...], bound: float) -> np.ndarray:
    raw = stream.random_raw(int(np.prod(shape))) >> np.uint64(64 - _KEPT_BITS)
    unit = raw.astype(np.float32) * np.float32(2.0 ** (1 - _KEPT_BITS)) - np.float32(1)
    return (unit * np.float32(bound)).reshape(shape)
