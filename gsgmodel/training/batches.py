"""What a worker reads for a step: its share of the batch, in parts that fit its memory, each changed in its own way."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, UInt8

from gsgmodel.datasets.augment import Augmentation, augment
from gsgmodel.training.order import part_of

_AUGMENTATION = 2
"""Keeps the streams that clips are changed by apart from that of the order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Clips of one forward pass."""

    places: tuple[int, ...]
    """In the epoch's order."""
    share: float
    """What their mean loss counts for; with the mean over workers all parts of a step add up to the batch's mean."""


def parts_of(
    step: int, num_clips: int, *, batch_clips: int, micro_clips: int | None, rank: int, world_size: int
) -> list[Part]:
    """Return a worker's parts of one step.

    Args:
        step: Within the epoch, from 0.
        num_clips: Of the epoch's order.
        batch_clips: Of a step over all workers, at least ``world_size``.
        micro_clips: Most clips of a part; None for one part.
        rank: The worker's.
        world_size: How many there are; at most ``num_clips``.
    """
    first, last = step * batch_clips, min((step + 1) * batch_clips, num_clips)
    mine = range(first, last)[part_of(last - first, rank=rank, world_size=world_size)]
    size = micro_clips or len(mine)
    parts = [tuple(mine[start : start + size]) for start in range(0, len(mine), size)]
    return [Part(places=places, share=len(places) * world_size / (last - first)) for places in parts]


def changed_reader(
    read: Callable[[int], UInt8[np.ndarray, "T S S 3"]],
    order: Int64[np.ndarray, "M"],
    *,
    augmentation: Augmentation | None,
    seed: int,
    epoch: int,
    in_pairs: bool = False,
) -> Callable[[int], UInt8[np.ndarray, "T S S 3"]]:
    """Return what reads the clip at a place of the epoch's order, changed as that place of that epoch always is.

    Args:
        read: Returns the crops of one clip of the store.
        order: Which clip stands at each place.
        augmentation: How clips are changed; None leaves them as they are.
        seed: Of the training.
        epoch: From 0.
        in_pairs: Whether two places after each other are changed alike.
    """

    def read_place(place: int) -> UInt8[np.ndarray, "T S S 3"]:
        crops = read(int(order[place]))
        if augmentation is None:
            return crops
        rng = np.random.default_rng([seed, _AUGMENTATION, epoch, place // 2 if in_pairs else place])
        return augment(crops, rng=rng, augmentation=augmentation)

    return read_place
