"""Which clips a step takes: a pure function of seed, epoch, step, rank and world size, so that resuming is exact."""

from typing import Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from jaxtyping import Int64

_ORDER = 1
"""Keeps the stream of the order apart from those that clips are changed by."""


def epoch_order(
    labels: Int64[np.ndarray, "N"],
    *,
    seed: int,
    epoch: int,
    balance: bool,
    originals: Int64[np.ndarray, "N"] | None = None,
) -> Int64[np.ndarray, "M"]:
    """Return the clips of one epoch in their order.

    Args:
        labels: Of the clips of the training split, 0 or 1, both present where ``balance`` is on.
        seed: Of the training.
        epoch: From 0.
        balance: Whether both classes fill every other place. The rarer class is gone through again, in a new order,
            as often as it takes; no clip comes twice more often than another of its class.
        originals: Of each fake clip, the place of the real one that it was made from, which then stands before it; -1
            where there is none. Only in balance.

    Returns:
        Places in ``labels``: every clip once, or N (one more if N is odd) in balance.
    """
    rng = np.random.default_rng([seed, _ORDER, epoch])
    if not balance:
        return rng.permutation(len(labels)).astype(np.int64)
    half = (len(labels) + 1) // 2
    # Where an epoch does not reach all clips of a class, the next one begins with those that it left out.
    streams = [[seed, _ORDER, label] for label in (0, 1)]
    parts = [_turns(np.flatnonzero(labels == label), half, epoch, streams[label]) for label in (0, 1)]
    if originals is not None:
        own = originals[parts[1]]
        parts[0] = np.where(own >= 0, own, parts[0])
    return np.stack(parts, axis=1).reshape(-1)


@runtime_checkable
class MadeClips(Protocol):
    """Clips of videos of which some were made from others."""

    @property
    def videos(self) -> pa.Table:
        """A row a video, with the columns ``uri`` and ``original_uri``."""
        ...

    @property
    def clips(self) -> pa.Table:
        """A row a clip, with the columns ``video``, ``start_s`` and ``track_id``."""
        ...


def originals_of(store: MadeClips, chosen: Int64[np.ndarray, "N"]) -> Int64[np.ndarray, "N"]:
    """Return for each of some clips which of them it was made from, by its place among them.

    Args:
        store: A fake and what it was made from have the same windows and tracks.
        chosen: Rows of its clips.

    Returns:
        -1 for real clips, and where the original is not among them.
    """
    rows = {uri: row for row, uri in enumerate(store.videos["uri"].to_pylist())}
    sources = [rows.get(uri) if uri else None for uri in store.videos["original_uri"].to_pylist()]
    clips = store.clips.select(["video", "start_s", "track_id"]).take(pa.array(chosen)).to_pylist()
    windows = [(round(clip["start_s"], 3), clip["track_id"]) for clip in clips]
    places = {(clip["video"], window): place for place, (clip, window) in enumerate(zip(clips, windows, strict=True))}
    found = [places.get((sources[clip["video"]], window), -1) for clip, window in zip(clips, windows, strict=True)]
    return np.array(found, dtype=np.int64)


def num_steps(num_clips: int, *, batch_clips: int) -> int:
    """Return the steps of an epoch over an order of that length: whole batches, and a part of one where it is all.

    >>> num_steps(33, batch_clips=16), num_steps(5, batch_clips=16)
    (2, 1)
    """
    return max(1, num_clips // batch_clips)


def part_of(num: int, *, rank: int, world_size: int) -> slice:
    """Return a worker's share of a batch: the shares follow each other and differ by one clip at most.

    >>> [part_of(5, rank=rank, world_size=2) for rank in (0, 1)]
    [slice(0, 3, None), slice(3, 5, None)]
    """
    bounds = [(num * each + world_size - 1) // world_size for each in (rank, rank + 1)]
    return slice(*bounds)


def _turns(members: Int64[np.ndarray, "C"], wanted: int, epoch: int, stream: list[int]) -> Int64[np.ndarray, "W"]:
    """Of an endless series of orders of a class, one after the other, those that belong to an epoch."""
    start = epoch * wanted
    turns = range(start // len(members), (start + wanted - 1) // len(members) + 1)
    orders = [np.random.default_rng([*stream, turn]).permutation(members) for turn in turns]
    return np.concatenate(orders)[start - turns[0] * len(members) :][:wanted].astype(np.int64)
