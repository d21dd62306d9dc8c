"""Pictures of clips: strips of their crops, with the patches that were chosen and heat maps over them."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from matplotlib import colormaps
from PIL import Image, ImageDraw, ImageFont

from gsgmodel.report.strips import BACKGROUND, GAP_PX, strip
from gsgmodel.scoring.explain import ExplainedClip, ExplainedVideo

BLUR_CELLS = 5
"""A crop whose face may not be seen is reduced to so many pixels a side, for good; the face has about four of them, and
familiar ones are still recognized at 7 x 10 (Sinha et al., "Face Recognition by Humans: Nineteen Results", 2006)."""
HEAT_SHARE = 0.55
"""How much of a picture heat covers where it is strongest."""
PATCH_COLOURS = ((255, 210, 0), (0, 210, 255))
"""Of the patch that was chosen first, and of the others; both show on skin and on dark."""
LABEL_PX = 14
_INK = (20, 20, 20)


def blurred(crops: UInt8[np.ndarray, "T S S 3"]) -> UInt8[np.ndarray, "T S S 3"]:
    """Return crops on which no face can be told from another."""
    size = crops.shape[1]
    small = [Image.fromarray(crop).resize((BLUR_CELLS, BLUR_CELLS), Image.Resampling.BOX) for crop in crops]
    return np.stack([np.asarray(each.resize((size, size), Image.Resampling.BICUBIC)) for each in small])


def heated(crops: UInt8[np.ndarray, "T S S 3"], maps: Float32[np.ndarray, "T S S"]) -> UInt8[np.ndarray, "T S S 3"]:
    """Lay heat over crops: colourless and dark where it is 0, bright where it is 1.

    Args:
        crops: RGB.
        maps: 0 to 1.
    """
    share = HEAT_SHARE * maps[..., None]
    colours = _heat_colours()[np.clip(maps * 255, 0, 255).astype(np.uint8)]
    grey = crops.mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    mixed: UInt8[np.ndarray, "T S S 3"] = np.clip(grey * (1 - share) + colours * share, 0, 255).astype(np.uint8)
    return mixed


def framed(crops: UInt8[np.ndarray, "T S S 3"], patches: Int64[np.ndarray, "T N 4"]) -> UInt8[np.ndarray, "T S S 3"]:
    """Draw the outlines of patches, that of the best one last and in its own colour."""
    drawn = []
    for crop, boxes in zip(crops, patches, strict=True):
        picture = Image.fromarray(crop)
        pen = ImageDraw.Draw(picture)
        for place in reversed(range(len(boxes))):
            x0, y0, x1, y1 = (int(edge) for edge in boxes[place])
            pen.rectangle((x0, y0, x1 - 1, y1 - 1), outline=PATCH_COLOURS[min(place, 1)], width=max(1, len(crop) // 75))
        drawn.append(np.asarray(picture))
    return np.stack(drawn)


def clip_strips(clip: ExplainedClip, *, side_px: int, show_faces: bool) -> dict[str, Image.Image]:
    """Return the strips of a clip by what they show: the crops with patches, and the heat of each stream.

    Of a network that chooses no patches, the crops and the heat of its only stream.

    Args:
        clip: As a model sees it.
        side_px: Of each crop in a strip.
        show_faces: Whether faces can be told.
    """
    crops = clip.crops if show_faces else blurred(clip.crops)
    if not clip.patches.shape[1]:
        heat = {"heat": heated(crops, clip.global_maps)} if clip.global_maps.any() else {}
        return {name: strip(each, side_px=side_px) for name, each in {"crops": crops, **heat}.items()}
    strips = {"patches": framed(crops, clip.patches)}
    if clip.global_maps.any():
        strips["global"] = heated(crops, clip.global_maps)
    if clip.local_maps.any():
        strips["local"] = heated(crops, clip.local_maps)
    return {name: strip(each, side_px=side_px) for name, each in strips.items()}


def figure(
    videos: Sequence[ExplainedVideo], *, place: int = 0, side_px: int = 112, show_faces: bool = False
) -> Image.Image:
    """Draw one clip of a video as several models see it, a block of labelled strips each (Fig. 3 of the paper).

    Args:
        videos: The same video explained by each model.
        place: Of the clip.
        side_px: Of each crop.
        show_faces: Whether faces can be told.

    Raises:
        ValueError: If no model has such a clip.
    """
    rows: list[tuple[str, Image.Image | None]] = []
    for video in videos:
        if place < len(video.clips):
            clip = video.clips[place]
            rows.append((f"{video.model}: clip {clip.scores.score:.3f}; frames {_shown(clip.frame_scores)}", None))
            rows += list(clip_strips(clip, side_px=side_px, show_faces=show_faces).items())
    if not rows:
        raise ValueError("there is no clip to draw")
    width = max(each.width for _, each in rows if each is not None)
    height = sum(LABEL_PX + (0 if each is None else each.height + GAP_PX) for _, each in rows)
    picture = Image.new("RGB", (width, height), BACKGROUND)
    pen, top = ImageDraw.Draw(picture), 0
    for label, each in rows:
        pen.text((2, top), _latin(label), fill=_INK, font=ImageFont.load_default(LABEL_PX - 3))
        top += LABEL_PX
        if each is not None:
            picture.paste(each, (0, top))
            top += each.height + GAP_PX
    return picture


def _shown(scores: Float64[np.ndarray, "T"]) -> str:
    return " ".join(f"{score:.2f}" for score in scores)


def _latin(text: str) -> str:
    """What the font that Pillow brings can draw."""
    return text.encode("latin-1", "replace").decode("latin-1")


@cache
def _heat_colours() -> UInt8[np.ndarray, "256 3"]:
    colours: UInt8[np.ndarray, "256 3"] = (colormaps["inferno"](np.arange(256))[:, :3] * 255).astype(np.uint8)
    return colours
