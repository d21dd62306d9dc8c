"""Ways of forging the face in one frame, each from drawn parameters that hold for a whole clip and a little jitter.

Self-blending is written from the description of Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images"
(CVPR 2022): a frame is blended with itself, changed in colour, sharpness, size and place, under a soft deformed mask.
The others take the face of somebody else, light the face otherwise, bend it, or let it tremble from frame to frame.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from PIL import Image, ImageFilter
from scipy.ndimage import map_coordinates

from gsgmodel.datasets.warps import move, turn_and_scale

Method = Literal["self_blend", "swap", "relight", "warp", "flicker"]
METHODS: tuple[Method, ...] = get_args(Method)
REGION_SCALE = 1.6
"""Side of the square that is worked on, relative to the longer side of the face's box."""
BLEND_RATIOS = (0.5, 0.75, 1.0, 1.0)
NUM_BUMPS, BUMP_WIDTH = 4, 0.15

Region = Float32[np.ndarray, "H W 3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Of one forged clip; lengths are shares of the face's longer side."""

    method: Method
    radii: tuple[float, float]
    """Of the mask's ellipse, across and down."""
    edge: float
    """Width of the mask's soft edge, in radii."""
    wobble: Float64[np.ndarray, "3 2"]
    """Amplitude and phase of the first bends of the mask's outline."""
    ratio: float
    """How much of the forged face is laid over."""
    shift: Float64[np.ndarray, "2"]
    scale: float
    turn_rad: float
    gain: Float64[np.ndarray, "3"]
    """Of each colour."""
    blur: float
    """Standard deviation."""
    light: Float64[np.ndarray, "2"]
    """Change of brightness from one side of the face to the other, across and down."""
    bumps: Float64[np.ndarray, "4 4"]
    """Of the bending: place (from -0.4 to 0.4) and displacement of each, ``x y dx dy``."""
    jitter: float
    """How much everything trembles, 1 as usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Face:
    """A face in the part of a frame that is worked on."""

    region: Region
    centre: Float64[np.ndarray, "2"]
    side: float
    """The longer one of its box, in pixels."""
    mask: Float32[np.ndarray, "H W 1"]


def draw_parameters(method: Method, rng: np.random.Generator) -> Parameters:
    """Draw what holds for a whole clip.

    Args:
        method: One of ``METHODS``.
        rng: Where the randomness comes from.
    """
    angle = rng.uniform(0, 2 * np.pi)
    steady = method == "relight"
    return Parameters(
        method=method,
        radii=(float(rng.uniform(0.36, 0.46)), float(rng.uniform(0.42, 0.52))),
        edge=float(rng.uniform(0.12, 0.35)),
        wobble=np.stack([rng.uniform(0, 0.08, 3), rng.uniform(0, 2 * np.pi, 3)], axis=1),
        ratio=float(rng.choice(BLEND_RATIOS)) if method == "self_blend" else 1.0,
        shift=rng.uniform(-0.03, 0.03, 2),
        scale=float(rng.uniform(0.95, 1.05)),
        turn_rad=float(rng.uniform(-0.03, 0.03)),
        gain=1 + rng.uniform(-0.1, 0.1, 3) * (1.0 if method == "self_blend" else 0.3),
        blur=float(rng.uniform(0.004, 0.012)),
        light=np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(0.25, 0.5),
        bumps=np.concatenate([rng.uniform(-0.4, 0.4, (NUM_BUMPS, 2)), rng.normal(size=(NUM_BUMPS, 2)) * 0.03], axis=1),
        jitter=3.0 if method == "flicker" else 0.5 if steady else 1.0,
    )


def forge_face(
    frame: UInt8[np.ndarray, "H W 3"],
    box_px: Float64[np.ndarray, "4"],
    parameters: Parameters,
    *,
    tremble: Float64[np.ndarray, "6"],
    other: UInt8[np.ndarray, "_ _ 3"] | None = None,
) -> UInt8[np.ndarray, "H W 3"]:
    """Return a frame with its face forged; everything else stays bit by bit.

    Args:
        frame: RGB; stays as it is.
        box_px: The face, ``x0 y0 x1 y1``.
        parameters: Of the clip.
        tremble: Standard normal numbers, drawn anew for each frame.
        other: Of a swap, the square around the other face, ``REGION_SCALE`` times its longer side.
    """
    place, region, centre, side = cut_region(frame, box_px)
    if region.size == 0:
        return frame
    wanted = 0.004 * parameters.jitter * tremble[:2] * side
    mask = soft_mask(region.shape[:2], centre + wanted, side, parameters)[..., None]
    face = _changed(_Face(region=region, centre=centre, side=side, mask=mask), parameters, tremble, other)
    gain = parameters.gain + 0.006 * parameters.jitter * tremble[2]
    weight = mask * np.float32(parameters.ratio)
    forged = region + weight * (face * gain.astype(np.float32) - region)
    return with_region(frame, place, forged)


def cut_region(
    frame: UInt8[np.ndarray, "H W 3"], box_px: Float64[np.ndarray, "4"]
) -> tuple[tuple[slice, slice], Float32[np.ndarray, "h w 3"], Float64[np.ndarray, "2"], float]:
    """Return where the part around a face lies, its pixels, the face's centre in it, and the face's longer side."""
    height, width = frame.shape[:2]
    x0, y0, x1, y1 = region_of(box_px, width_px=width, height_px=height)
    place = (slice(y0, y1), slice(x0, x1))
    side = float(max(box_px[2] - box_px[0], box_px[3] - box_px[1]))
    return place, frame[place].astype(np.float32), (box_px[:2] + box_px[2:]) / 2 - (x0, y0), side


def with_region(
    frame: UInt8[np.ndarray, "H W 3"], place: tuple[slice, slice], region: Float32[np.ndarray, "h w 3"]
) -> UInt8[np.ndarray, "H W 3"]:
    """Return the frame with other pixels in one place; it stays as it is itself."""
    result = frame.copy()
    result[place] = np.rint(region).clip(0, 255).astype(np.uint8)
    return result


def region_of(box_px: Float64[np.ndarray, "4"], *, width_px: int, height_px: int) -> tuple[int, int, int, int]:
    """Return the part of the frame around a face that is worked on, cut at the frame's edges."""
    half = REGION_SCALE * max(box_px[2] - box_px[0], box_px[3] - box_px[1]) / 2
    x, y = ((box_px[:2] + box_px[2:]) / 2).tolist()
    x0, x1 = (int(np.clip(round(value), 0, width_px)) for value in (x - half, x + half))
    y0, y1 = (int(np.clip(round(value), 0, height_px)) for value in (y - half, y + half))
    return x0, y0, x1, y1


def soft_mask(
    shape: tuple[int, int], centre: Float64[np.ndarray, "2"], side: float, parameters: Parameters
) -> Float32[np.ndarray, "H W"]:
    """Return how much of each pixel is forged, 0 to 1: an ellipse with a bent outline and a soft edge."""
    down, across = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    x = (across - centre[0]) / (parameters.radii[0] * side)
    y = (down - centre[1]) / (parameters.radii[1] * side)
    angle = np.arctan2(y, x)
    reach = 1 + sum(a * np.cos((k + 2) * angle + phase) for k, (a, phase) in enumerate(parameters.wobble.tolist()))
    inside = np.clip((1 - np.hypot(x, y) / reach) / parameters.edge + 0.5, 0, 1)
    mask: Float32[np.ndarray, "H W"] = (inside * inside * (3 - 2 * inside)).astype(np.float32)
    return mask


def _changed(
    face: _Face, parameters: Parameters, tremble: Float64[np.ndarray, "6"], other: UInt8[np.ndarray, "_ _ 3"] | None
) -> Region:
    """The region as the forger would have it."""
    if parameters.method == "relight":
        return _lit(face, parameters)
    if parameters.method == "warp":
        return _bent(face, parameters, tremble)
    source, side = face.region, face.side
    if parameters.method == "swap":
        assert other is not None
        source = _like(_fitted(other, face), face.region, face.mask)
    is_blend = parameters.method == "self_blend"
    scale = (parameters.scale if is_blend else 1.0) + 0.002 * parameters.jitter * tremble[5]
    shift = (parameters.shift if is_blend else np.zeros(2)) + 0.003 * parameters.jitter * tremble[3:5]
    turn = turn_and_scale(face.centre, scale=scale, turn_rad=parameters.turn_rad)
    seen = _look(source, turn @ move(shift * side))
    blur = float(parameters.blur * side * (1 + 0.2 * parameters.jitter * abs(tremble[5])))
    return np.asarray(_picture(seen).filter(ImageFilter.GaussianBlur(blur)), np.float32)


def _lit(face: _Face, parameters: Parameters) -> Region:
    x, y = _coordinates(face)
    light = parameters.light[0] * x + parameters.light[1] * y
    lit: Region = face.region * (1 + 2 * light)[..., None].astype(np.float32)
    return lit


def _bent(face: _Face, parameters: Parameters, tremble: Float64[np.ndarray, "6"]) -> Region:
    x, y = _coordinates(face)
    moved = np.zeros((2, *x.shape), np.float32)
    for place, (at_x, at_y, dx, dy) in enumerate(parameters.bumps.tolist()):
        weight = np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * BUMP_WIDTH**2))
        strength = 1 + 0.15 * parameters.jitter * tremble[place]
        moved += (weight * strength * face.side)[None] * np.array([dy, dx], np.float32)[:, None, None]
    places = np.mgrid[: x.shape[0], : x.shape[1]].astype(np.float32) + moved
    channels = [map_coordinates(face.region[..., c], places, order=1, mode="nearest") for c in range(3)]
    return np.stack(channels, axis=-1)


def _coordinates(face: _Face) -> tuple[Float32[np.ndarray, "H W"], Float32[np.ndarray, "H W"]]:
    """Across and down from the face's centre, in its sides."""
    down, across = np.mgrid[: face.region.shape[0], : face.region.shape[1]]
    return (
        ((across - face.centre[0]) / face.side).astype(np.float32),
        ((down - face.centre[1]) / face.side).astype(np.float32),
    )


def _fitted(other: UInt8[np.ndarray, "_ _ 3"], face: _Face) -> Region:
    """The other face, as large as this one and in its place."""
    ratio = other.shape[0] / (REGION_SCALE * face.side)
    middle = np.array([other.shape[1], other.shape[0]]) / 2
    to_other = move(middle) @ np.diag([ratio, ratio, 1.0]) @ move(-face.centre)
    height, width = face.region.shape[:2]
    return _look(other.astype(np.float32), to_other, size_px=(width, height))


def _like(source: Region, target: Region, mask: Float32[np.ndarray, "H W 1"]) -> Region:
    """The source with the target's mean and deviation of each colour under the mask."""
    inside = mask[..., 0] > 0.5  # noqa: PLR2004 - the middle
    if not inside.any():
        return source
    was, wanted = source[inside], target[inside]
    gain = (wanted.std(axis=0) + 1) / (was.std(axis=0) + 1)
    matched: Region = (source - was.mean(axis=0)) * np.clip(gain, 0.5, 2.0) + wanted.mean(axis=0)
    return matched


def _look(
    region: Region, to_region: Float64[np.ndarray, "3 3"], *, size_px: tuple[int, int] | None = None
) -> Float32[np.ndarray, "h w 3"]:
    numbers = tuple(to_region[:2].ravel().tolist())
    picture = _picture(region)
    seen = picture.transform(size_px or picture.size, Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR)
    return np.asarray(seen, np.float32)


def _picture(region: Region) -> Image.Image:
    return Image.fromarray(np.rint(region).clip(0, 255).astype(np.uint8))
