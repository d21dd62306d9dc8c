"""Footage where there is none: the portraits moving, each video in a light of its own, to make forgeries of.

The same three people are in all of it; what is learned from it says nothing of others.
"""

from pathlib import Path

import numpy as np

from gsgmodel.datasets.made import FPS, QUICK_H264, make_frames
from gsgmodel.datasets.portraits import NAMES, load_portrait
from gsgmodel.video.write import write_video

TINT = 0.15
"""Most by which red and blue differ from green in a video's light; the portraits themselves are grey."""
WARMTH = (0.25, 0.12)
"""By how much more red and less blue than green skin is, about."""


def make_footage(folder: Path, *, num_videos: int, seconds: float, size_px: int, seed: int) -> list[Path]:
    """Write videos of the portraits in turn; those that are there stay.

    Args:
        folder: Made if it is not there.
        num_videos: How many.
        seconds: How long each is, at 25 frames a second.
        size_px: Width and height of the frames; even.
        seed: The same seed gives the same frames.

    Returns:
        Their paths, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(num_videos):
        name = NAMES[index % len(NAMES)]
        path = folder / f"{index:03}_{name}.mp4"
        paths.append(path)
        if path.exists():
            continue
        rng = np.random.default_rng([seed, index])
        # Forgeries that change colours must not be the only ones that have any.
        light = np.array([1 + WARMTH[0], 1.0, 1 - WARMTH[1]]) + rng.uniform(-TINT, TINT, 3) * [1, 0, 1]
        light = (light / light.max()).astype(np.float32)
        frames = make_frames(load_portrait(name), None, rng=rng, num_frames=round(seconds * FPS), size_px=size_px)
        arriving = path.with_name(f".partial-{path.name}")
        lit = ((frame * light).astype(np.uint8) for frame in frames)
        write_video(arriving, lit, fps=FPS, encoding=QUICK_H264)
        arriving.replace(path)
    return paths
