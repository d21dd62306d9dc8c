"""Three kinds of forgery, each to be seen best by one part of the network: to test that every part earns its place.

``patch``: a spot of a third of the face's width bears a faint grid, as transposed convolutions leave it; one patch out
of sixteen shows it. ``tone``: the whole face is slightly greener than it was, under an edge too soft to be seen; every
patch shows a little of it and none more than another. ``reorder``: every frame is as it was filmed but for its place,
in an order in which nobody moves; no frame shows it.
Nothing of the first two changes from frame to frame beside the place of the face, so that time tells nothing of them.

How strong they are was set by what single streams learned of one kind alone, and the full network of all three, within
some hundred steps; the other rows of a table were trained afterwards. At chance after 200 to 400 steps, on clips that
had been learned from too, were a finer and weaker grid (0.06 of the face, 14 of 255), a spot that had moved by 0.08 of
the face, and a face whose colours had changed by 3 to 6 % in either direction. A grid of 32 of 255 was still at chance
in seven epochs of ``table3 --data made`` (AUC 0.51); of 48, the full network has 0.85 in the mean of five seeds, the
global stream alone 0.82, the local one alone 0.71, and a network without memory 0.61.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from gsgmodel.datasets.forge_methods import cut_region, with_region

Kind = Literal["patch", "tone", "reorder"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SPOT_RADIUS = (0.16, 0.20)
"""Of the face's longer side, as all lengths here."""
SPOT_PLACE = 0.25
"""Farthest from the face's centre, across and down."""
GRID_PERIOD = 0.09
GRID_AMPLITUDE = 48.0
"""Of 255."""
GREENER = (0.07, 0.10)
"""By how much green grows; red and blue fall by half of that, so that the face is about as bright."""
FACE_RADII = (0.45, 0.55)
FACE_EDGE = 0.8
"""Width of the soft edge, in radii."""
SPOT_EDGE = 0.5
REORDERED_FRAMES = 12
"""That change places with each other: a second of what is made, in which a face keeps its size."""
_TRIES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What holds for a whole clip."""

    radius: float
    place: Float64[np.ndarray, "2"]
    phase: Float64[np.ndarray, "2"]
    """Of the grid, across and down."""
    gain: Float64[np.ndarray, "3"]
    """Of red, green and blue."""


def draw_kind(rng: np.random.Generator) -> Drawn:
    """Draw what holds for a whole clip."""
    greener = float(rng.uniform(*GREENER))
    return Drawn(
        radius=float(rng.uniform(*SPOT_RADIUS)),
        place=rng.uniform(-SPOT_PLACE, SPOT_PLACE, 2),
        phase=rng.uniform(0, 2 * np.pi, 2),
        gain=np.array([1 - greener / 2, 1 + greener, 1 - greener / 2]),
    )


def forge_kind(
    frames: Sequence[UInt8[np.ndarray, "H W 3"]], boxes_px: Float64[np.ndarray, "T 4"], kind: Kind, *, seed: int
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Yield the frames of a clip with its face forged; without ``reorder``, all outside of it stays bit by bit.

    Args:
        frames: RGB, in order.
        boxes_px: The face in each, ``x0 y0 x1 y1``.
        kind: Of ``KINDS``.
        seed: The same seed gives the same frames.
    """
    rng = np.random.default_rng(seed)
    if kind == "reorder":
        yield from _reordered(frames, boxes_px, rng)
        return
    drawn = draw_kind(rng)
    for frame, box_px in zip(frames, boxes_px, strict=True):
        yield forge_still(frame, box_px, kind, drawn)


def _reordered(
    frames: Sequence[UInt8[np.ndarray, "H W 3"]], boxes_px: Float64[np.ndarray, "T 4"], rng: np.random.Generator
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Frames of each second in another order, moved by whole pixels so that the face is where it was at that time.

    Left where they were filmed they are cropped off the face's centre, which any frame shows: of 23 clips of people who
    move, that alone told reordered ones at an AUC of 0.88.
    """
    centres = (boxes_px[:, :2] + boxes_px[:, 2:]) / 2
    for start in range(0, len(frames), REORDERED_FRAMES):
        count = min(REORDERED_FRAMES, len(frames) - start)
        for time, place in enumerate(jumbled(count, rng)):
            across, down = np.rint(centres[start + time] - centres[start + place]).astype(int)
            yield moved(frames[start + place], across=int(across), down=int(down))


def moved(frame: UInt8[np.ndarray, "H W 3"], *, across: int, down: int) -> UInt8[np.ndarray, "H W 3"]:
    """Return a frame whose picture has moved by whole pixels; at the edge its last pixels go on."""
    height, width = frame.shape[:2]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - across, 0, width - 1)
    picture: UInt8[np.ndarray, "H W 3"] = frame[rows][:, columns]
    return picture


def forge_still(
    frame: UInt8[np.ndarray, "H W 3"], box_px: Float64[np.ndarray, "4"], kind: Kind, drawn: Drawn
) -> UInt8[np.ndarray, "H W 3"]:
    """Return one frame with its face forged as drawn; ``kind`` is ``patch`` or ``tone``."""
    place, region, centre, side = cut_region(frame, box_px)
    if region.size == 0:
        return frame
    if kind == "patch":
        face = region + _grid(region.shape[:2], centre, drawn, side=side)[..., None]
        mask = ellipse(region.shape[:2], centre + drawn.place * side, (drawn.radius * side,) * 2, edge=SPOT_EDGE)
    else:
        face = region * drawn.gain.astype(np.float32)
        radii = (FACE_RADII[0] * side, FACE_RADII[1] * side)
        mask = ellipse(region.shape[:2], centre, radii, edge=FACE_EDGE)
    return with_region(frame, place, region + mask[..., None] * (face - region))


def ellipse(
    shape: tuple[int, int], centre: Float64[np.ndarray, "2"], radii: tuple[float, float], *, edge: float
) -> Float32[np.ndarray, "H W"]:
    """Return 1 within an ellipse and 0 outside, with a soft edge that ends at its outline, ``edge`` radii wide."""
    down, across = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    reach = np.hypot((across - centre[0]) / radii[0], (down - centre[1]) / radii[1])
    inside = np.clip((1 - reach) / edge, 0, 1)
    mask: Float32[np.ndarray, "H W"] = (inside * inside * (3 - 2 * inside)).astype(np.float32)
    return mask


def jumbled(num: int, rng: np.random.Generator) -> list[int]:
    """Return the places of a clip's frames in an order in which none is followed by its neighbour, if there is one."""
    order = rng.permutation(num)
    for _ in range(_TRIES):
        close = np.flatnonzero(np.abs(np.diff(order)) == 1)
        if not len(close):
            break
        place, other = int(close[0]) + 1, int(rng.integers(num))
        order[[place, other]] = order[[other, place]]
    found: list[int] = order.tolist()
    return found


def _grid(
    shape: tuple[int, int], centre: Float64[np.ndarray, "2"], drawn: Drawn, *, side: float
) -> Float32[np.ndarray, "H W"]:
    """A grid that keeps its place in the face."""
    down, across = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    waves = 2 * np.pi / (GRID_PERIOD * side)
    crossed = np.sin(waves * (across - centre[0]) + drawn.phase[0]) * np.sin(
        waves * (down - centre[1]) + drawn.phase[1]
    )
    grid: Float32[np.ndarray, "H W"] = (GRID_AMPLITUDE * crossed).astype(np.float32)
    return grid
