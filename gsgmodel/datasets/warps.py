"""Plane maps as matrices for column vectors ``x y 1`` in pixels, and pictures seen through them."""

import numpy as np
from jaxtyping import Float64, UInt8
from PIL import Image


def move(shift_px: Float64[np.ndarray, "2"]) -> Float64[np.ndarray, "3 3"]:
    """Return the map that moves by ``x y``."""
    return np.array([[1.0, 0.0, shift_px[0]], [0.0, 1.0, shift_px[1]], [0.0, 0.0, 1.0]])


def turn_and_scale(centre_px: Float64[np.ndarray, "2"], *, scale: float, turn_rad: float) -> Float64[np.ndarray, "3 3"]:
    """Return the map that scales and turns about a point, which stays where it is."""
    cos, sin = scale * np.cos(turn_rad), scale * np.sin(turn_rad)
    linear = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    about: Float64[np.ndarray, "3 3"] = move(centre_px) @ linear @ move(-centre_px)
    return about


def fit_affine(
    points: Float64[np.ndarray, "N 2"], onto: Float64[np.ndarray, "N 2"], *, stiffness: float
) -> Float64[np.ndarray, "3 3"]:
    """Return the affine map that takes points closest to others, held back from shearing and stretching.

    Args:
        points: At least three, not on one line.
        onto: Where each should come to lie.
        stiffness: 0 gives the least-squares affine map; the larger, the nearer to the least-squares one that only
            moves, turns and scales. The centre of the points always comes to lie on the centre of the others.

    Returns:
        The weighted mean of the two maps.
    """
    start, end = points.mean(axis=0), onto.mean(axis=0)
    source, target = points - start, onto - end
    free = np.linalg.lstsq(source, target)[0].T
    # With points as complex numbers, turning and scaling is one complex factor; least squares is then a quotient.
    z, w = source @ [1, 1j], target @ [1, 1j]
    factor = np.vdot(z, w) / np.vdot(z, z)
    stiff = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    linear = np.eye(3)
    linear[:2, :2] = (free + stiffness * stiff) / (1 + stiffness)
    fitted: Float64[np.ndarray, "3 3"] = move(end) @ linear @ move(-start)
    return fitted


def look(
    picture: Image.Image, to_picture: Float64[np.ndarray, "3 3"], size_px: tuple[int, int]
) -> UInt8[np.ndarray, "H W"]:
    """Return what is seen of a grey picture through a map.

    Args:
        picture: Mode ``L``.
        to_picture: From a pixel of the result to the place in the picture that it shows.
        size_px: Width and height of the result.

    Returns:
        Bilinear; 0 where it looks beyond the picture.
    """
    numbers = tuple(to_picture[:2].ravel().tolist())
    return np.asarray(picture.transform(size_px, Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR))
