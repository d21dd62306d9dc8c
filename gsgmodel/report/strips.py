"""Strips of crops beside each other, and files of them; light, because every process that scores may write some."""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image

FOLDER = "evidence"
"""Of an output: where scans keep strips of videos."""
GAP_PX = 2
JPEG_QUALITY = 80
BACKGROUND = (255, 255, 255)


def kept_name(video_id: bytes) -> str:
    """What the strip of a video is called that a scan kept."""
    return f"{video_id.hex()}.jpg"


def strip(crops: UInt8[np.ndarray, "T S S 3"], *, side_px: int) -> Image.Image:
    """Put crops beside each other.

    Args:
        crops: RGB.
        side_px: Of each in the picture.
    """
    picture = Image.new("RGB", (len(crops) * (side_px + GAP_PX) - GAP_PX, side_px), BACKGROUND)
    for place, crop in enumerate(crops):
        small = Image.fromarray(crop).resize((side_px, side_px), Image.Resampling.LANCZOS)
        picture.paste(small, (place * (side_px + GAP_PX), 0))
    return picture


def as_jpeg(picture: Image.Image) -> bytes:
    """A picture as a JPEG file, without a word about where it comes from."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return file.getvalue()


def crops_of_strip(content: bytes) -> UInt8[np.ndarray, "T S S 3"]:
    """Take a file of a strip apart again.

    Raises:
        ValueError: If it is no strip.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as picture:
            pixels = np.asarray(picture.convert("RGB"))
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"this is no picture: {error}") from error
    side, width = pixels.shape[:2]
    count = (width + GAP_PX) // (side + GAP_PX)
    if count < 1 or count * (side + GAP_PX) - GAP_PX != width:
        raise ValueError(f"a picture of {width} x {side} pixels is no strip")
    return np.stack([pixels[:, start : start + side] for start in range(0, width, side + GAP_PX)])
