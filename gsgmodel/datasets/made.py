"""Made forgeries: short grey videos of three portraits, half of them with another portrait's face on top.

For trying things out where there is no data set. The forgeries are crude, and the same three people are in every split:
accuracy on them says nothing about forgeries in the world.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from PIL import Image, ImageFilter

from gsgmodel.datasets.portraits import NAMES, Portrait, load_portrait, resize_portrait
from gsgmodel.datasets.warps import fit_affine, look, move, turn_and_scale
from gsgmodel.errors import ConfigError
from gsgmodel.video.write import Encoding, write_alike, write_video

FPS = 25
MIN_SIZE_PX = 96
QUICK_H264 = Encoding(options={"preset": "veryfast"})
FACE_SHARE = (0.32, 0.48)
"""Height of the face over that of the frame; drawn for each video."""
SPLITS = ("train", "train", "train", "val", "test")
"""In turn over the videos of one label."""
SOURCES = {"hopper": ("astronaut",), "astronaut": ("hopper",), "cameraman": ("hopper", "astronaut")}
"""Whose faces go onto whom: a face seen from the side fits nobody. Each person is a target as often fake as real."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeVideo:
    """One video and what is known of it, as in the manifest."""

    path: Path
    label: int
    """1 = fake."""
    method: str
    """``original`` or ``face_swap``."""
    target: str
    """Whose portrait it shows."""
    source: str
    """Whose face is on it; empty where it is the person's own."""
    split: str
    original: str
    """Of a fake, the video's name that is the same but for the face; empty for a real one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """Another face, made ready to be laid over a portrait."""

    picture: Image.Image
    """Mode ``L``, as bright as the face that it covers."""
    mask: Image.Image
    """Mode ``L``, of the portrait's size: 255 where the face is covered, falling to 0."""
    to_picture: Float64[np.ndarray, "3 3"]
    """From the portrait's pixels to the picture's."""


def make_videos(
    folder: Path, *, num_videos: int = 30, seconds: float = 2.0, size_px: int = 320, seed: int = 0
) -> list[MadeVideo]:
    """Write videos, every other one a forgery, and ``manifest.csv`` with what is known of each.

    Args:
        folder: Made if it is not there; files of the same names are replaced.
        num_videos: How many.
        seconds: How long each is, at 25 frames a second.
        size_px: Width and height of the frames; even.
        seed: The same seed gives the same frames.

    Returns:
        The videos in the order of their names.

    Raises:
        ConfigError: If there are to be no videos or no frames, or frames that are odd or too small for a face.
    """
    num_frames = round(seconds * FPS)
    if num_videos < 1 or num_frames < 1 or size_px < MIN_SIZE_PX or size_px % 2:
        accepted = f"num_videos >= 1, seconds >= {1 / FPS}, size_px even and >= {MIN_SIZE_PX}"
        raise ConfigError(f"made videos need {accepted}; got {num_videos=} {seconds=} {size_px=}")
    folder.mkdir(parents=True, exist_ok=True)
    videos = [_describe(folder, index) for index in range(num_videos)]
    for index, video in enumerate(videos):
        frames = make_frames(
            load_portrait(video.target),
            load_portrait(video.source) if video.source else None,
            # A real video and the fake after it move, turn and are lit alike: nothing but the face tells them apart.
            rng=np.random.default_rng([seed, index // 2]),
            num_frames=num_frames,
            size_px=size_px,
        )
        if video.original:
            size_bytes = (folder / video.original).stat().st_size
            write_alike(video.path, list(frames), fps=FPS, encoding=QUICK_H264, size_bytes=size_bytes)
        else:
            write_video(video.path, frames, fps=FPS, encoding=QUICK_H264)
    with (folder / "manifest.csv").open("w", newline="") as file:
        rows = csv.DictWriter(file, [field.name for field in fields(MadeVideo)])
        rows.writeheader()
        rows.writerows({**asdict(video), "path": video.path.name} for video in videos)
    return videos


def make_once(folder: Path, *, num_videos: int, seed: int) -> bool:
    """Make videos as ``make_videos`` does, and ``held_out.csv`` with those of the test split, unless these are there.

    Args:
        folder: As of ``make_videos``.
        num_videos: How many.
        seed: Of the frames.

    Returns:
        Whether anything was made.
    """
    note, wanted = folder / "made.json", json.dumps({"num_videos": num_videos, "seed": seed})
    if note.is_file() and note.read_text() == wanted:
        return False
    note.unlink(missing_ok=True)
    videos = make_videos(folder, num_videos=num_videos, seed=seed)
    rows = [f"{video.path.name},{video.label},{video.target}" for video in videos if video.split == "test"]
    (folder / "held_out.csv").write_text("\n".join(["path,label,identity", *rows, ""]))
    note.write_text(wanted)
    return True


def make_frames(
    target: Portrait, source: Portrait | None, *, rng: np.random.Generator, num_frames: int, size_px: int
) -> Iterator[UInt8[np.ndarray, "S S 3"]]:
    """Yield the frames of one video: a portrait moved, turned, zoomed and lit over time.

    Args:
        target: Whose portrait is shown.
        source: Whose face is laid over it, a little differently in each frame as in forgeries made frame by frame; or
            none. Everything else is the same with and without it.
        rng: Where the randomness comes from.
        num_frames: How many.
        size_px: Their width and height.

    Yields:
        RGB with three equal channels.
    """
    face_px = rng.uniform(*FACE_SHARE) * size_px
    is_mirrored, is_source_mirrored = (rng.integers(2, size=2) == 1).tolist()
    target = resize_portrait(target, face_px=face_px, is_mirrored=is_mirrored)
    swap = None
    if source is not None:
        swap = fit_swap(target, resize_portrait(source, face_px=face_px, is_mirrored=is_source_mirrored))
    margin_px = size_px // 2
    picture = Image.fromarray(np.pad(target.grey, margin_px, mode="edge"))
    to_padded = move(np.array([margin_px, margin_px], dtype=np.float64))
    across = np.linspace(-1, 1, size_px, dtype=np.float32)
    down = across[:, None]
    for x, y, zoom, turn, light, light_x, light_y in smooth_paths(rng, num_paths=7, num_frames=num_frames).T.tolist():
        centre_px = target.centre_px + np.array([x, y]) * 0.3 * face_px
        to_portrait = turn_and_scale(centre_px, scale=1 + 0.15 * zoom, turn_rad=0.15 * turn) @ move(
            centre_px - size_px / 2
        )
        frame = look(picture, to_padded @ to_portrait, (size_px, size_px)).astype(np.float32)
        jitter, noise = rng.normal(size=5), rng.standard_normal(frame.shape, dtype=np.float32)
        if swap is not None:
            frame = _lay_over(frame, swap, to_portrait, target=target, jitter=jitter)
        frame = frame * (1 + 0.15 * light + 0.15 * light_x * across + 0.1 * light_y * down) + 1.5 * noise
        yield np.repeat(frame.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def smooth_paths(rng: np.random.Generator, *, num_paths: int, num_frames: int) -> Float64[np.ndarray, "K T"]:
    """Return random curves without jumps, as a hand-held camera or a passing cloud would make.

    Args:
        rng: Where the randomness comes from.
        num_paths: How many curves, independent of each other.
        num_frames: How many values of each, at 25 a second.

    Returns:
        Values in -1..1; each curve is the mean of three sines of 0.1 to 0.8 Hz.
    """
    rate_hz = rng.uniform(0.1, 0.8, (num_paths, 3, 1))
    phase = rng.uniform(0, 2 * np.pi, (num_paths, 3, 1))
    curves: Float64[np.ndarray, "K T"] = np.sin(2 * np.pi * rate_hz * np.arange(num_frames) / FPS + phase).mean(axis=1)
    return curves


def fit_swap(target: Portrait, source: Portrait) -> Swap:
    """Make one face ready to be laid over another: landmarks on landmarks, equal in brightness and contrast.

    Args:
        target: Whose portrait it is.
        source: Whose face is laid over it.

    Returns:
        The face, where it goes and how far it reaches: an ellipse from the forehead to the chin.
    """
    # Halfway between stretching the face to fit and keeping its proportions: one of the portraits is nearly a profile.
    to_source = fit_affine(target.landmarks_px, source.landmarks_px, stiffness=1.0)
    height, width = target.grey.shape
    y, x = np.ogrid[:height, :width]
    radius_px = (target.box_px[2:] - target.box_px[:2]) * (0.44, 0.46)
    distance = np.hypot((x - target.centre_px[0]) / radius_px[0], (y - target.centre_px[1]) / radius_px[1])
    inside = distance < 1
    covered = target.grey[inside].astype(np.float32)
    covering = look(Image.fromarray(source.grey), to_source, (width, height))[inside].astype(np.float32)
    gain = np.clip(covered.std() / covering.std(), 0.5, 2.0)
    matched = (source.grey - covering.mean()) * gain + covered.mean()
    return Swap(
        # Generators work at low resolution: the face is softer than the picture around it.
        picture=Image.fromarray(matched.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8)),
        mask=Image.fromarray((255 * np.clip((1.05 - distance) / 0.3, 0, 1)).astype(np.uint8)),
        to_picture=to_source,
    )


def _lay_over(
    frame: Float32[np.ndarray, "S S"],
    swap: Swap,
    to_portrait: Float64[np.ndarray, "3 3"],
    *,
    target: Portrait,
    jitter: Float64[np.ndarray, "5"],
) -> Float32[np.ndarray, "S S"]:
    """Lay the other face over a frame; ``jitter`` is drawn anew for each, so that the face trembles and flickers."""
    face_px = target.box_px[3] - target.box_px[1]
    scale, turn, light = (jitter[2:] * (0.01, 0.01, 0.02)).tolist()
    tremble = move(jitter[:2] * 0.008 * face_px) @ turn_and_scale(target.centre_px, scale=1 + scale, turn_rad=turn)
    to_mask = tremble @ to_portrait
    weight = look(swap.mask, to_mask, frame.shape) * np.float32(1 / 255)
    face = look(swap.picture, swap.to_picture @ to_mask, frame.shape) * np.float32(1 + light)
    laid: Float32[np.ndarray, "S S"] = frame + weight * (face - frame)
    return laid


def _describe(folder: Path, index: int) -> MadeVideo:
    turn, label = divmod(index, 2)
    lap, person = divmod(turn, len(NAMES))
    target = NAMES[person]
    source = SOURCES[target][lap % len(SOURCES[target])] if label else ""
    return MadeVideo(
        path=folder / (f"{index:03}_{target}_as_{source}.mp4" if source else f"{index:03}_{target}.mp4"),
        label=label,
        method="face_swap" if label else "original",
        target=target,
        source=source,
        split=SPLITS[turn % len(SPLITS)],
        original=f"{index - 1:03}_{target}.mp4" if label else "",
    )
