"""The three photographs with a face that installed libraries ship, free of rights, and where the face is."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float64, UInt8
from matplotlib import cbook
from PIL import Image
from skimage import data


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """A grey photograph of one person; grey, so that colour never tells one portrait from another."""

    name: str
    grey: UInt8[np.ndarray, "H W"]
    box_px: Float64[np.ndarray, "4"]
    """The face, ``x0 y0 x1 y1`` in pixels of the photograph."""
    landmarks_px: Float64[np.ndarray, "5 2"]
    """Left and right eye, nose, left and right corner of the mouth, left as seen; ``x y`` in pixels."""

    @property
    def centre_px(self) -> Float64[np.ndarray, "2"]:
        """Centre of the face's box, ``x y``."""
        centre_px: Float64[np.ndarray, "2"] = (self.box_px[:2] + self.box_px[2:]) / 2
        return centre_px


# Measured with facenet-pytorch 2.5.3's MTCNN (thresholds 0.6, 0.7, 0.7) on the grey photographs, rounded to a pixel.
_FACES: dict[str, tuple[tuple[int, ...], list[tuple[int, int]]]] = {
    "hopper": ((179, 120, 356, 329), [(224, 195), (310, 188), (268, 237), (236, 279), (309, 274)]),
    "astronaut": ((181, 60, 268, 174), [(205, 101), (247, 103), (224, 129), (202, 140), (245, 143)]),
    "cameraman": ((199, 119, 254, 192), [(234, 147), (252, 150), (251, 169), (231, 180), (243, 182)]),
}
NAMES = tuple(_FACES)
"""Grace Hopper (United States Navy), Eileen Collins (NASA) and a photographer (L. Varshney, CC0)."""


@cache
def load_portrait(name: str) -> Portrait:
    """Return one of the portraits of ``NAMES``, as its library ships it, in shades of grey (ITU-R BT.601)."""
    box_px, landmarks_px = _FACES[name]
    if name == "hopper":
        picture = Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)).convert("L")
    else:
        picture = Image.fromarray(data.astronaut() if name == "astronaut" else data.camera()).convert("L")
    grey = np.array(picture)
    grey.flags.writeable = False
    box = np.array(box_px, dtype=np.float64)
    return Portrait(name=name, grey=grey, box_px=box, landmarks_px=np.array(landmarks_px, dtype=np.float64))


def resize_portrait(portrait: Portrait, *, face_px: float, is_mirrored: bool) -> Portrait:
    """Return the portrait in another size.

    Args:
        portrait: Stays as it is.
        face_px: Height of the face's box in the result.
        is_mirrored: Whether left and right are exchanged.

    Returns:
        The picture, box and landmarks changed alike; the width is scaled to whole pixels as the height is.
    """
    height, width = portrait.grey.shape
    scale = face_px / float(portrait.box_px[3] - portrait.box_px[1])
    new_size = (round(width * scale), round(height * scale))
    grey = np.asarray(Image.fromarray(portrait.grey).resize(new_size, Image.Resampling.LANCZOS))
    ratio = np.array(new_size) / (width, height)
    box_px, landmarks_px = portrait.box_px * np.tile(ratio, 2), portrait.landmarks_px * ratio
    if is_mirrored:
        grey = np.ascontiguousarray(grey[:, ::-1])
        box_px = np.array([new_size[0] - box_px[2], box_px[1], new_size[0] - box_px[0], box_px[3]])
        landmarks_px = (landmarks_px * [-1, 1] + [new_size[0], 0])[[1, 0, 2, 4, 3]]
    return Portrait(name=portrait.name, grey=grey, box_px=box_px, landmarks_px=landmarks_px)
