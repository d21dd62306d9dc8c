"""Training clips changed as the world changes videos: drawn once a clip and the same for all its frames.

Changes that differ from frame to frame would be signs of their own, which real videos do not have. Compression, blur,
noise and resizing are what DeeperForensics-1.0 perturbs by, milder, because they are to be learned over.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageFilter

from gsgmodel.errors import ConfigError
from gsgmodel.video.round_trip import round_trip_h264

_ORDERED = ("jpeg_quality", "h264_crf", "blur_px", "noise", "resize")


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How often each change is made, and between which bounds its strength is drawn.

    Raises:
        ConfigError: A chance is not within 0 to 1, or bounds are not ordered or out of range.
    """

    flip: float = 0.5
    """Chance that left and right are exchanged."""
    jpeg: float = 0.2
    """Chance of JPEG compression."""
    jpeg_quality: tuple[int, int] = (40, 95)
    """Its quality, 1 to 95."""
    h264: float = 0.2
    """Chance of H.264 compression."""
    h264_crf: tuple[int, int] = (18, 35)
    """Its constant rate factor, 0 to 51; higher is worse."""
    blur: float = 0.1
    """Chance of a Gaussian blur."""
    blur_px: tuple[float, float] = (0.3, 1.5)
    """Its standard deviation."""
    noiseful: float = 0.1
    """Chance of Gaussian noise, drawn anew for each frame as a sensor's is."""
    noise: tuple[float, float] = (1.0, 8.0)
    """Its standard deviation, of 255."""
    resized: float = 0.2
    """Chance of being made smaller and large again."""
    resize: tuple[float, float] = (0.4, 0.9)
    """The smaller side as a share of the original."""
    colour: float = 0.3
    """Chance of other brightness, contrast and saturation."""
    colour_change: float = 0.2
    """By how much each of them changes at most, as a share."""

    def __post_init__(self) -> None:
        for name in ("flip", "jpeg", "h264", "blur", "noiseful", "resized", "colour", "colour_change"):
            chance = getattr(self, name)
            if not 0 <= chance <= 1:
                raise ConfigError(f"augmentation.{name} is {chance}; accepted: 0 to 1")
        limits = {
            "jpeg_quality": (1, 95),
            "h264_crf": (0, 51),
            "blur_px": (0, 20),
            "noise": (0, 255),
            "resize": (0.05, 1),
        }
        for name, (least, most) in limits.items():
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise ConfigError(
                    f"augmentation.{name} is {low}, {high}; accepted: two rising values from {least} to {most}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is done to one clip; None and False leave it as it is."""

    is_flipped: bool
    resize: float | None
    colour: tuple[float, float, float] | None
    """Factors of brightness, contrast and saturation."""
    blur_px: float | None
    noise: float | None
    h264_crf: int | None
    jpeg_quality: int | None


def draw_change(augmentation: Augmentation, rng: np.random.Generator) -> Change:
    """Draw what is done to a clip; as many numbers are taken from the stream whatever comes of them."""
    chances = dict(
        zip(("flip", "jpeg", "h264", "blur", "noiseful", "resized", "colour"), rng.random(7).tolist(), strict=True)
    )
    strengths = dict(zip(_ORDERED, rng.random(5).tolist(), strict=True))
    turns = rng.uniform(-1, 1, 3) * augmentation.colour_change

    def is_due(name: str) -> bool:
        return bool(chances[name] < getattr(augmentation, name))

    def between(name: str) -> float:
        low, high = getattr(augmentation, name)
        return float(low + (high - low) * strengths[name])

    return Change(
        is_flipped=is_due("flip"),
        resize=between("resize") if is_due("resized") else None,
        colour=tuple((1 + turns).tolist()) if is_due("colour") else None,
        blur_px=between("blur_px") if is_due("blur") else None,
        noise=between("noise") if is_due("noiseful") else None,
        h264_crf=round(between("h264_crf")) if is_due("h264") else None,
        jpeg_quality=round(between("jpeg_quality")) if is_due("jpeg") else None,
    )


def augment(
    crops: UInt8[np.ndarray, "T S S 3"], *, rng: np.random.Generator, augmentation: Augmentation
) -> UInt8[np.ndarray, "T S S 3"]:
    """Return a clip as the world might have changed it.

    Args:
        crops: RGB, of an even side; stays as it is.
        rng: Where the randomness comes from; a generator in the same state changes a clip alike.
        augmentation: How often and how far.
    """
    return apply_change(crops, draw_change(augmentation, rng), rng=rng)


def apply_change(
    crops: UInt8[np.ndarray, "T S S 3"], change: Change, *, rng: np.random.Generator
) -> UInt8[np.ndarray, "T S S 3"]:
    """Make a change, in the order of a camera, an editor and an upload.

    Args:
        crops: RGB, of an even side; stays as it is.
        change: What is done.
        rng: Of the noise.
    """
    clip = crops[:, :, ::-1] if change.is_flipped else crops
    if change.resize is not None:
        clip = each_picture(clip, lambda picture: _resized(picture, change.resize or 1.0))
    if change.colour is not None:
        clip = _coloured(clip, change.colour)
    if change.blur_px is not None:
        blur = ImageFilter.GaussianBlur(change.blur_px)
        clip = each_picture(clip, lambda picture: picture.filter(blur))
    if change.noise is not None:
        noisy = clip + change.noise * rng.standard_normal(clip.shape, dtype=np.float32)
        clip = np.rint(noisy).clip(0, 255).astype(np.uint8)
    if change.h264_crf is not None:
        clip = round_trip_h264(np.ascontiguousarray(clip), crf=change.h264_crf)
    if change.jpeg_quality is not None:
        clip = each_picture(clip, lambda picture: as_jpeg(picture, change.jpeg_quality or 95))
    return np.ascontiguousarray(clip)


def each_picture(
    clip: UInt8[np.ndarray, "T H W 3"], change: Callable[[Image.Image], Image.Image]
) -> UInt8[np.ndarray, "T H W 3"]:
    """Change the pictures of a clip one by one."""
    return np.stack([np.asarray(change(Image.fromarray(np.ascontiguousarray(picture)))) for picture in clip])


def _resized(picture: Image.Image, share: float) -> Image.Image:
    side = max(1, round(picture.width * share))
    return picture.resize((side, side), Image.Resampling.BILINEAR).resize(picture.size, Image.Resampling.BILINEAR)


def as_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    """A picture after JPEG compression, 1 to 95."""
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=quality)
    return Image.open(content)


def _coloured(clip: UInt8[np.ndarray, "T S S 3"], factors: tuple[float, float, float]) -> UInt8[np.ndarray, "T S S 3"]:
    """Multiply brightness, contrast about the clip's mean, and saturation about each pixel's grey."""
    brightness, contrast, saturation = factors
    pixels = clip.astype(np.float32) * brightness
    mean = pixels.mean()
    pixels = mean + contrast * (pixels - mean)
    coloured: UInt8[np.ndarray, "T S S 3"] = np.rint(saturated(pixels, saturation)).clip(0, 255).astype(np.uint8)
    return coloured


def saturated(pixels: Float32[np.ndarray, "T H W 3"], factor: float) -> Float32[np.ndarray, "T H W 3"]:
    """Multiply saturation about each pixel's grey (ITU-R BT.601)."""
    grey = (pixels @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    changed: Float32[np.ndarray, "T H W 3"] = grey + np.float32(factor) * (pixels - grey)
    return changed
