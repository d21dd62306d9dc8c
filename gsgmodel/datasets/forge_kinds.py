"""Three kinds of forgery, each to be seen best by one part of the network: to test that every part earns its place.

``patch``: a spot of a third of the face's width bears a faint grid, as transposed convolutions leave it; one patch out
of sixteen shows it. ``tone``: the whole face is slightly greener than it was, under an edge too soft to be seen; every
patch shows a little of it and none more than another. ``drift``: within each second the face gets lighter, evenly from
frame to frame, and then begins anew. Beside it every other face, a real one too, is lighter or darker than it was
filmed, by a gain of its own that stays, so that each frame of a drifting face is one that steady faces show as often.
Nothing of the first two changes from frame to frame beside the place of the face, so that time tells nothing of them.

How strong they are was set by what networks learned of them within some hundred steps; the rows of a table were trained
afterwards. At chance after 200 to 400 steps, on clips that had been learned from too, were a finer, weaker grid (0.06
of the face, 14 of 255), a spot that had moved by 0.08 of the face, and a face whose colours had changed by 3 to 6 % in
either direction; a grid of 32 of 255 still was in seven epochs of ``table3 --data made``. For time others were tried on
crops, as the only kind, 14 epochs, one seed, AUC with and without memory: frames of a second in another order 0.58 and
0.50, of four seconds 0.66 and 0.50, a face that is up to 6 % lighter or darker from frame to frame 0.54 and 0.50, up to
10 % 0.90 and 0.51, half of the frames mirrored 1.00 and 0.50. Beside the other two kinds mirrored frames were not
learned in 14 epochs (0.54), light that drifts by 10 % in each of four seconds, 40 % in all, not in 10 (0.51). As it is
now, by 24 % within each second, it is: 0.75 with memory and 0.52 without, 10 epochs, one seed, on crops whose light was
changed afterwards.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from gsgmodel.datasets.forge_methods import cut_region, with_region

Kind = Literal["patch", "tone", "drift"]
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
LIGHT = 0.12
"""By how much a face is lighter or darker than it was filmed, at most."""
DRIFT_FRAMES = 12
"""In which light drifts from one end to the other, to begin again: a second of what is made."""


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
    """Yield the frames of a clip with its face forged; all outside of it stays bit by bit.

    Args:
        frames: RGB, in order; of ``drift`` as they were filmed, of the others as ``lit``.
        boxes_px: The face in each, ``x0 y0 x1 y1``.
        kind: Of ``KINDS``.
        seed: The same seed gives the same frames; nothing is drawn for ``drift``.
    """
    if kind == "drift":
        yield from lit(frames, boxes_px, drifting_light(len(frames)))
        return
    drawn = draw_kind(np.random.default_rng(seed))
    for frame, box_px in zip(frames, boxes_px, strict=True):
        yield forge_still(frame, box_px, kind, drawn)


def draw_light(rng: np.random.Generator, *, num_frames: int) -> Float64[np.ndarray, "T"]:
    """Draw how a face is lit that is not forged in time: by one gain for all frames, within ``LIGHT`` of 1."""
    return np.full(num_frames, 1 + rng.uniform(-LIGHT, LIGHT))


def drifting_light(num_frames: int) -> Float64[np.ndarray, "T"]:
    """Return gains that rise evenly within each second; among all frames each is as frequent as in ``draw_light``."""
    return 1 + LIGHT * (2 * (np.arange(num_frames) % DRIFT_FRAMES + 0.5) / DRIFT_FRAMES - 1)


def lit(
    frames: Sequence[UInt8[np.ndarray, "H W 3"]],
    boxes_px: Float64[np.ndarray, "T 4"],
    gains: Float64[np.ndarray, "T"],
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Yield frames whose face is so much lighter or darker, with a soft edge.

    Args:
        frames: RGB, in order.
        boxes_px: The face in each, ``x0 y0 x1 y1``.
        gains: Of each frame.
    """
    for frame, box_px, gain in zip(frames, boxes_px, gains, strict=True):
        yield _with_gain(frame, box_px, np.full(3, gain))


def forge_still(
    frame: UInt8[np.ndarray, "H W 3"], box_px: Float64[np.ndarray, "4"], kind: Kind, drawn: Drawn
) -> UInt8[np.ndarray, "H W 3"]:
    """Return one frame with its face forged as drawn; ``kind`` is ``patch`` or ``tone``."""
    if kind == "tone":
        return _with_gain(frame, box_px, drawn.gain)
    place, region, centre, side = cut_region(frame, box_px)
    if region.size == 0:
        return frame
    mask = ellipse(region.shape[:2], centre + drawn.place * side, (drawn.radius * side,) * 2, edge=SPOT_EDGE)
    grid = _grid(region.shape[:2], centre, drawn, side=side)
    return with_region(frame, place, region + (mask * grid)[..., None])


def _with_gain(
    frame: UInt8[np.ndarray, "H W 3"], box_px: Float64[np.ndarray, "4"], gain: Float64[np.ndarray, "3"]
) -> UInt8[np.ndarray, "H W 3"]:
    """A frame with red, green and blue of its face multiplied, under a soft edge."""
    place, region, centre, side = cut_region(frame, box_px)
    if region.size == 0:
        return frame
    mask = ellipse(region.shape[:2], centre, (FACE_RADII[0] * side, FACE_RADII[1] * side), edge=FACE_EDGE)
    face = region * gain.astype(np.float32)
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
