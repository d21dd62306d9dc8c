"""Three kinds of forgery, each to be seen by one part of the network alone: to test that every part earns its place.

``patch``: a spot of a tenth of the face has moved, the rest is untouched; one patch out of sixteen shows it. ``tone``:
the whole face has slightly other colours and is lit from one side, under an edge too soft to be seen; no patch shows
more of it than another. ``reorder``: every frame is as it was filmed, in an order in which nobody moves; no frame shows
it.
Nothing of the first two changes from frame to frame beside the place of the face, so that time tells nothing of them.
The numbers below were set before any network was trained on what they make, and stay.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from scipy.ndimage import gaussian_filter, map_coordinates

from gsgmodel.datasets.forge_methods import cut_region, with_region

Kind = Literal["patch", "tone", "reorder"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SPOT_RADIUS = (0.09, 0.13)
"""Of the face's longer side, as all lengths here."""
SPOT_PLACE = 0.25
"""Farthest from the face's centre, across and down."""
SPOT_MOVED = 0.08
SPOT_CONTRAST = 0.85
GAIN = (0.03, 0.06)
"""Least and most change of each colour, up or down."""
LIGHT = (0.05, 0.08)
"""Change of brightness from the face's centre to its side."""
FACE_RADII = (0.45, 0.55)
FACE_EDGE = 0.8
"""Width of the soft edge, in radii."""
SPOT_EDGE = 0.5
_TRIES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What holds for a whole clip."""

    radius: float
    place: Float64[np.ndarray, "2"]
    moved: Float64[np.ndarray, "2"]
    gain: Float64[np.ndarray, "3"]
    light: float


def draw_kind(rng: np.random.Generator) -> Drawn:
    """Draw what holds for a whole clip."""
    angle = rng.uniform(0, 2 * np.pi)
    return Drawn(
        radius=float(rng.uniform(*SPOT_RADIUS)),
        place=rng.uniform(-SPOT_PLACE, SPOT_PLACE, 2),
        moved=SPOT_MOVED * np.array([np.cos(angle), np.sin(angle)]),
        gain=1 + rng.uniform(*GAIN, 3) * rng.choice([-1.0, 1.0], 3),
        light=float(rng.uniform(*LIGHT) * rng.choice([-1.0, 1.0])),
    )


def forge_kind(
    frames: Sequence[UInt8[np.ndarray, "H W 3"]], boxes_px: Float64[np.ndarray, "T 4"], kind: Kind, *, seed: int
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Yield the frames of a clip with its face forged; what is outside of the face stays bit by bit.

    Args:
        frames: RGB, in order.
        boxes_px: The face in each, ``x0 y0 x1 y1``.
        kind: Of ``KINDS``.
        seed: The same seed gives the same frames.
    """
    rng = np.random.default_rng(seed)
    if kind == "reorder":
        yield from (frames[place] for place in jumbled(len(frames), rng))
        return
    drawn = draw_kind(rng)
    for frame, box_px in zip(frames, boxes_px, strict=True):
        yield forge_still(frame, box_px, kind, drawn)


def forge_still(
    frame: UInt8[np.ndarray, "H W 3"], box_px: Float64[np.ndarray, "4"], kind: Kind, drawn: Drawn
) -> UInt8[np.ndarray, "H W 3"]:
    """Return one frame with its face forged as drawn; ``kind`` is ``patch`` or ``tone``."""
    place, region, centre, side = cut_region(frame, box_px)
    if region.size == 0:
        return frame
    if kind == "patch":
        face = _moved(region, drawn.moved * side)
        mask = ellipse(region.shape[:2], centre + drawn.place * side, (drawn.radius * side,) * 2, edge=SPOT_EDGE)
    else:
        across = ((np.arange(region.shape[1]) - centre[0]) / side).astype(np.float32)
        face = region * (1 + 2 * drawn.light * across)[None, :, None] * drawn.gain.astype(np.float32)
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


def _moved(region: Float32[np.ndarray, "H W 3"], by_px: Float64[np.ndarray, "2"]) -> Float32[np.ndarray, "H W 3"]:
    """The region moved, with less contrast: what is there is seen elsewhere in the face."""
    down, across = np.mgrid[: region.shape[0], : region.shape[1]].astype(np.float32)
    places = np.stack([down - np.float32(by_px[1]), across - np.float32(by_px[0])])
    moved = np.stack([map_coordinates(region[..., c], places, order=1, mode="nearest") for c in range(3)], axis=-1)
    around = gaussian_filter(moved, (max(region.shape[:2]) / 8,) * 2 + (0,))
    faded: Float32[np.ndarray, "H W 3"] = (around + SPOT_CONTRAST * (moved - around)).astype(np.float32)
    return faded
