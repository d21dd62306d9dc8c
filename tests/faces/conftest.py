"""Real faces from the packages' own sample pictures, and frames made of them."""

from collections.abc import Callable

import matplotlib.cbook
import numpy as np
import pytest
import skimage.data
from PIL import Image

from gsgmodel.faces.detector import FaceDetector

PLACES = {"astronaut": (225, 110, 120), "hopper": (256, 250, 250)}
"""Centre and rough side of the face in each picture."""


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    return FaceDetector(long_side_px=640, min_face_px=20, thresholds=(0.6, 0.7, 0.7))


@pytest.fixture(scope="session")
def portraits() -> dict[str, np.ndarray]:
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = np.asarray(Image.open(file).convert("RGB"))
    pictures = {"astronaut": skimage.data.astronaut(), "hopper": hopper}
    portraits = {}
    for name, (x, y, side) in PLACES.items():
        half = round(side * 0.9)
        portraits[name] = pictures[name][max(y - half, 0) : y + half, max(x - half, 0) : x + half]
    return portraits


@pytest.fixture(scope="session")
def scene(portraits) -> Callable[..., np.ndarray]:
    """``scene((name, x, y, side), ...)``: a frame with a portrait of that side centred at each place."""

    def paint(*faces, width=320, height=180, light=1.0):
        row = np.linspace(40, 160, width)
        frame = np.repeat(np.repeat(row[None, :, None], height, 0), 3, 2).astype(np.uint8)
        canvas = Image.fromarray(frame)
        for name, x, y, side in faces:
            picture = Image.fromarray(portraits[name]).resize((side, side), Image.Resampling.BICUBIC)
            canvas.paste(picture, (round(x - side / 2), round(y - side / 2)))
        return np.clip(np.asarray(canvas) * light, 0, 255).astype(np.uint8)

    return paint
