"""Arithmetic on boxes ``x0 y0 x1 y1`` in pixels; pure functions, in double precision."""

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64


def areas(boxes: Float[np.ndarray, "N 4"]) -> Float64[np.ndarray, "N"]:
    """Area of each box; 0 where a side is negative."""
    corners = boxes.astype(np.float64)
    return np.asarray(np.clip(corners[:, 2:] - corners[:, :2], 0, None).prod(axis=1))


def sides(boxes: Float[np.ndarray, "N 4"]) -> Float64[np.ndarray, "N"]:
    """Side of the square that has each box's area: its size as one number."""
    return np.asarray(np.sqrt(areas(boxes)))


def centres(boxes: Float[np.ndarray, "N 4"]) -> Float64[np.ndarray, "N 2"]:
    """Centre ``x y`` of each box."""
    corners = boxes.astype(np.float64)
    return (corners[:, :2] + corners[:, 2:]) / 2


def iou(first: Float[np.ndarray, "N 4"], second: Float[np.ndarray, "M 4"]) -> Float64[np.ndarray, "N M"]:
    """Intersection over union of every pair, 0 to 1; 0 where both boxes are empty."""
    a, b = first.astype(np.float64)[:, None], second.astype(np.float64)[None]
    overlap = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None).prod(axis=-1)
    union = areas(first)[:, None] + areas(second)[None] - overlap
    return np.asarray(np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0))


def relative_distance(first: Float[np.ndarray, "N 4"], second: Float[np.ndarray, "M 4"]) -> Float64[np.ndarray, "N M"]:
    """Distance between the centres of every pair, in mean sides of the two boxes; infinite where both are empty."""
    distance = np.linalg.norm(centres(first)[:, None] - centres(second)[None], axis=-1)
    side = (sides(first)[:, None] + sides(second)[None]) / 2
    return np.asarray(np.divide(distance, side, out=np.full_like(distance, np.inf), where=side > 0))


def size_ratio(first: Float[np.ndarray, "N 4"], second: Float[np.ndarray, "M 4"]) -> Float64[np.ndarray, "N M"]:
    """Larger side over smaller side of every pair, at least 1; infinite where one is empty."""
    a, b = sides(first)[:, None], sides(second)[None]
    larger, smaller = np.maximum(a, b), np.minimum(a, b)
    return np.asarray(np.divide(larger, smaller, out=np.full_like(larger, np.inf), where=smaller > 0))


def interpolate(
    boxes: Float[np.ndarray, "K 4"], at: Int64[np.ndarray, "K"], *, length: int
) -> Float64[np.ndarray, "N 4"]:
    """Boxes for the positions 0 to ``length``: linear between the known ones, before and after them the nearest.

    Args:
        boxes: Known boxes, at least one.
        at: Position of each, rising.
        length: Positions to fill.
    """
    wanted = np.arange(length)
    return np.stack([np.interp(wanted, at, column) for column in boxes.astype(np.float64).T], axis=1)


def smooth(
    boxes: Float[np.ndarray, "N 4"], usable: Bool[np.ndarray, "N"], *, min_iou: float
) -> Float64[np.ndarray, "N 4"]:
    """Take the detector's jitter off a face that hardly moves.

    A box becomes 1/4 of the one before, 1/2 of itself and 1/4 of the one after, where both neighbours are usable and
    overlap it by at least ``min_iou``; every other box stays as it is. Even motion is not changed by it (the weights
    are symmetric), and no box moves by more than its neighbours differ from it.

    Args:
        boxes: One face in consecutive frames.
        usable: Whether a box belongs to its own frame.
        min_iou: Overlap with both neighbours from which a box is smoothed.
    """
    original = boxes.astype(np.float64)
    overlap = np.diagonal(iou(boxes[:-1], boxes[1:])) >= min_iou
    near = overlap & usable[:-1] & usable[1:]
    middle = 1 + np.flatnonzero(near[:-1] & near[1:])
    result = original.copy()
    result[middle] = original[middle - 1] / 4 + original[middle] / 2 + original[middle + 1] / 4
    return result
