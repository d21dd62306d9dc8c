"""Cuts a face out of a frame: the square, enlarged crop of FaceForensics++, then one size for the model."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

MIN_SHARE_OF_SIDE = 0.8
"""A crop whose side had to be cut below this share of the wanted one is flagged."""


class CropWindow(NamedTuple):
    """A square of a frame: ``frame[y0_px : y0_px + side_px, x0_px : x0_px + side_px]``."""

    x0_px: int
    y0_px: int
    side_px: int
    is_reduced: bool
    """Whether the side is more than a fifth smaller than wanted."""


def crop_window(box_px: Float[np.ndarray, "4"], *, width_px: int, height_px: int, scale: float) -> CropWindow:
    """The square around a face by the rule of FaceForensics++, which never leaves the frame.

    At the left and the top the square is shifted, at the right and the bottom it is cut. The box is rounded to whole
    pixels first, half to even (the rule was written for integers); where the square would lie outside the frame and be
    empty, its centre is moved to the edge.

    Args:
        box_px: The face, ``x0 y0 x1 y1``, finite; may reach beyond the frame.
        width_px: Of the frame, at least 1.
        height_px: Of the frame, at least 1.
        scale: Side of the square relative to the longer side of the face.

    Source: ``get_boundingbox`` in FaceForensics++, ``classification/detect_from_video.py``.
    """
    x0, y0, x1, y1 = np.rint(box_px.astype(np.float64)).astype(np.int64).tolist()
    wanted = max(int(max(x1 - x0, y1 - y0) * scale), 1)
    left = _start((x0 + x1) // 2, side_px=wanted, length_px=width_px)
    top = _start((y0 + y1) // 2, side_px=wanted, length_px=height_px)
    side = min(wanted, width_px - left, height_px - top)
    return CropWindow(left, top, side, side < MIN_SHARE_OF_SIDE * wanted)


def _start(centre_px: int, *, side_px: int, length_px: int) -> int:
    """Where the square starts along one side of the frame."""
    start = max(centre_px - side_px // 2, 0)
    return start if start < length_px else max(length_px - 1 - side_px // 2, 0)


def crop_face(
    frame: UInt8[np.ndarray, "H W 3"], box_px: Float[np.ndarray, "4"], *, scale: float, size_px: int
) -> tuple[UInt8[np.ndarray, "S S 3"], bool]:
    """Cut a face out and resize it: bilinear with antialiasing, in fixed-point arithmetic (the same on every machine).

    Args:
        frame: RGB.
        box_px: The face, ``x0 y0 x1 y1``.
        scale: Side of the square relative to the longer side of the face.
        size_px: Side of the result.

    Returns:
        The crop, and whether the square was cut by more than a fifth at the frame's edge.
    """
    height_px, width_px = frame.shape[:2]
    x0, y0, side, is_reduced = crop_window(box_px, width_px=width_px, height_px=height_px, scale=scale)
    square = Image.fromarray(np.ascontiguousarray(frame[y0 : y0 + side, x0 : x0 + side]))
    return np.array(square.resize((size_px, size_px), Image.Resampling.BILINEAR)), is_reduced
