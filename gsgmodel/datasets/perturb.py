"""Perturbations by level, as robustness is reported: those of DeeperForensics-1.0, and what uploads do to videos.

Source: Jiang et al., "DeeperForensics-1.0", CVPR 2020, and the levels of its published code. What differs from that
code, on purpose: values are clipped before they become bytes, blocks are there in pictures under 256 pixels too, and
everything random is drawn from a generator that the caller seeds. Its "JPEG" makes pictures smaller and large again and
is called ``pixelation`` here; ``jpeg`` is JPEG.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageFilter

from gsgmodel.datasets.augment import as_jpeg, each_picture, saturated
from gsgmodel.video.round_trip import round_trip_h264

Kind = Literal[
    "saturation", "contrast", "blocks", "noise", "blur", "pixelation", "compression", "jpeg", "resize", "frame_rate"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
DEEPER_FORENSICS: tuple[Kind, ...] = KINDS[:7]
"""The seven types of the paper."""
LEVELS: Mapping[Kind, tuple[float, ...]] = MappingProxyType(
    {
        "saturation": (0.4, 0.3, 0.2, 0.1, 0.0),
        "contrast": (0.85, 0.725, 0.6, 0.475, 0.35),
        "blocks": (16, 32, 48, 64, 80),
        "noise": (0.001, 0.002, 0.005, 0.01, 0.05),
        "blur": (7, 9, 13, 17, 21),
        "pixelation": (2, 3, 4, 5, 6),
        "compression": (30, 32, 35, 38, 40),
        "jpeg": (90, 75, 60, 45, 30),
        "resize": (0.75, 0.5, 0.375, 0.25, 0.125),
        "frame_rate": (15, 10, 7.5, 5, 3),
    }
)
"""Of each type from the mildest: saturation and contrast that are left, blocks in a picture of 256 pixels, variance of
the noise (of 1, in luma and chroma), side of the blur's kernel, factor of the pixels, H.264's constant rate factor,
JPEG's quality, share of the sides, frames a second."""
BLOCK_SHARE = 8 / 256
"""Side of a block as a share of the picture's shorter side."""
GREY = 128
SIGMA_SHARE = 1 / 6
_FULL = 255.0

Frames = UInt8[np.ndarray, "T H W 3"]
Pixels = Float32[np.ndarray, "T H W 3"]


def perturb(frames: Frames, kind: Kind, level: int, *, rng: np.random.Generator, fps: float | None = None) -> Frames:
    """Return frames as a perturbation leaves them.

    Args:
        frames: RGB, of even sides, in order; they stay as they are.
        kind: Of ``KINDS``.
        level: 1 to 5, from the mildest.
        rng: Of what is random: one generator a video.
        fps: At which the frames were taken; of ``frame_rate`` alone, which shows each frame until the next that a
            slower video has.

    Raises:
        ValueError: There is no such level, or no rate where one is needed.
    """
    if not 1 <= level <= len(LEVELS[kind]):
        raise ValueError(f"level {level} of {kind}; there are 1 to {len(LEVELS[kind])}")
    amount = LEVELS[kind][level - 1]
    if kind == "frame_rate":
        if fps is None:
            raise ValueError("a slower frame rate needs the rate of the frames")
        return frames[held_places(len(frames), fps=fps, slower_fps=amount)]
    if kind == "compression":
        return round_trip_h264(np.ascontiguousarray(frames), crf=int(amount), preset="medium")
    if kind in _PIXELS:
        return _bytes(_PIXELS[kind](frames.astype(np.float32), amount, rng))
    change = _PICTURES[kind]
    return each_picture(frames, lambda picture: change(picture, amount))


def held_places(num: int, *, fps: float, slower_fps: float) -> list[int]:
    """Which frame is shown at the time of each, where only those of a slower rate are left.

    >>> held_places(6, fps=30, slower_fps=15)
    [0, 0, 2, 2, 4, 4]
    """
    step = max(1.0, fps / slower_fps)
    return [int(int(place / step + 1e-9) * step + 1e-9) for place in range(num)]


def _saturation(pixels: Pixels, left: float, _: np.random.Generator) -> Pixels:
    return saturated(pixels, left)


def _contrast(pixels: Pixels, left: float, _: np.random.Generator) -> Pixels:
    return pixels * np.float32(left)


def _blocks(pixels: Pixels, count: float, rng: np.random.Generator) -> Pixels:
    height, width = pixels.shape[1:3]
    side = max(1, round(BLOCK_SHARE * min(height, width)))
    changed = pixels.copy()
    for picture in changed:
        for top, left in zip(
            rng.integers(0, height - side + 1, int(count)), rng.integers(0, width - side + 1, int(count)), strict=True
        ):
            picture[top : top + side, left : left + side] = GREY
    return changed


def _noise(pixels: Pixels, variance: float, rng: np.random.Generator) -> Pixels:
    drawn = rng.standard_normal(pixels.shape, dtype=np.float32) * np.float32(_FULL * np.sqrt(variance))
    luma, blue, red = drawn[..., 0], drawn[..., 1], drawn[..., 2]
    # The inverse of ITU-R BT.601: noise is added in luma and chroma.
    added = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=-1)
    noisy: Pixels = pixels + added
    return noisy


def _blur(picture: Image.Image, kernel: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(kernel * SIGMA_SHARE))


def _pixelation(picture: Image.Image, factor: float) -> Image.Image:
    small = (max(1, int(picture.width / factor)), max(1, int(picture.height / factor)))
    return picture.resize(small, Image.Resampling.BILINEAR).resize(picture.size, Image.Resampling.NEAREST)


def _resize(picture: Image.Image, share: float) -> Image.Image:
    small = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    return picture.resize(small, Image.Resampling.BICUBIC).resize(picture.size, Image.Resampling.BICUBIC)


def _jpeg(picture: Image.Image, quality: float) -> Image.Image:
    return as_jpeg(picture, int(quality))


def _bytes(pixels: Pixels) -> Frames:
    whole: Frames = np.rint(pixels).clip(0, 255).astype(np.uint8)
    return whole


_PIXELS: Mapping[str, Callable[[Pixels, float, np.random.Generator], Pixels]] = MappingProxyType(
    {"saturation": _saturation, "contrast": _contrast, "blocks": _blocks, "noise": _noise}
)
_PICTURES: Mapping[str, Callable[[Image.Image, float], Image.Image]] = MappingProxyType(
    {"blur": _blur, "pixelation": _pixelation, "resize": _resize, "jpeg": _jpeg}
)
