"""What gives labels away although it is no forgery: small classifiers on codec, resolution, colour and blank faces.

A network trained on videos whose labels can be told so may have learned that and nothing else; a difference of format
alone has made a published model look good (github.com/chail/patch-forensics, README).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa
from jaxtyping import Float64, Int64, UInt8

from gsgmodel.clips.store import ClipStore
from gsgmodel.metrics.bootstrap import Interval, fast_area, interval_of
from gsgmodel.metrics.probes import FOLDS, probe_scores

MOST_PROBED = 4000
"""Videos that the probes look at."""
LEAK = 0.6
"""An AUC of a probe above this says that something else than the forgery gives labels away."""
FACE_SHARE = 0.8
"""Of a crop's side: what is within is blanked. A crop is 1.3 times the face."""
CELLS = 8
"""Of a blanked crop, along each side."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a small classifier says by something that should tell nothing."""

    scores: Float64[np.ndarray, "V"] | None
    """Of videos that it has not seen; None where there are too few."""
    labels: Int64[np.ndarray, "V"]
    groups: Sequence[str]
    seed: int

    @property
    def auc(self) -> float | None:
        """How well it tells fakes; None where there are too few videos."""
        return None if self.scores is None else fast_area(self.scores, self.labels)

    @cached_property
    def interval(self) -> Interval | None:
        """95 % of the area, videos of one person drawn together; drawn when it is asked for."""
        if self.scores is None:
            return None
        return interval_of(fast_area, self.scores, self.labels, groups=self.groups, seed=self.seed)

    @property
    def is_above_chance(self) -> bool:
        """Whether chance alone would hardly be so good."""
        return self.interval is not None and self.interval.low > 0.5  # noqa: PLR2004 - chance


def groups_of(videos: pa.Table) -> list[str]:
    """Return for each video what it shares with others: its identity, else its original, else itself."""
    return [
        row["identity"] or row["original_uri"] or row["uri"]
        for row in videos.select(["identity", "original_uri", "uri"]).to_pylist()
    ]


def _pairs_of(videos: pa.Table) -> list[str]:
    """What a fake shares with the video that it was made from."""
    return [row["original_uri"] or row["uri"] for row in videos.select(["original_uri", "uri"]).to_pylist()]


def probe_store(store: ClipStore, *, groups: Sequence[str], seed: int) -> dict[str, Probe]:
    """Return how well codec, resolution, colour, and what is around the face tell a store's labels.

    Args:
        store: Of clips.
        groups: Of its videos.
        seed: Of the folds, and of the videos that are looked at where there are very many.
    """
    clips = store.clips
    videos, first = np.unique(clips["video"].to_numpy(), return_index=True)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(videos))[:MOST_PROBED])
    videos, first = videos[drawn], first[drawn]
    labels = store.videos["label"].to_numpy().astype(np.int64)[videos]
    frames = np.stack([store.read_crops(int(clip))[0] for clip in first])
    features = {
        "codec": codec_features(store.videos.take(videos)),
        "resolution": resolution_features(store.videos.take(videos), clips.take(first)),
        "colour": colour_features(frames),
        "blank face": blank_features(frames),
    }
    # A probe that has seen a fake's original would take the one for the other.
    names = groups if len(set(groups)) >= FOLDS else _pairs_of(store.videos)
    of_videos = [names[video] for video in videos]
    return {
        name: Probe(
            scores=probe_scores(values, labels, groups=of_videos, seed=seed), labels=labels, groups=of_videos, seed=seed
        )
        for name, values in features.items()
    }


def codec_features(videos: pa.Table) -> Float64[np.ndarray, "V F"]:
    """Return of each video what its container and codec say: the codec, frames a second, length, bytes a pixel."""
    rows = videos.select(["codec", "native_fps", "duration_s", "size_bytes", "width_px", "height_px"]).to_pylist()
    codecs = sorted({row["codec"] or "" for row in rows})
    found = []
    for row in rows:
        num_pixels = (
            (row["width_px"] or 1)
            * (row["height_px"] or 1)
            * max((row["duration_s"] or 0) * (row["native_fps"] or 0), 1)
        )
        one_hot = [float((row["codec"] or "") == codec) for codec in codecs]
        found.append(
            [
                *one_hot,
                row["native_fps"] or 0.0,
                row["duration_s"] or 0.0,
                np.log(row["size_bytes"] / num_pixels + 1e-9),
            ]
        )
    return np.array(found, np.float64)


def resolution_features(videos: pa.Table, clips: pa.Table) -> Float64[np.ndarray, "V F"]:
    """Return of each video its frame's size and that of the face in it.

    Args:
        videos: Of the store.
        clips: A clip of each.
    """
    boxes = np.array([np.mean(np.reshape(box, (-1, 4)), axis=0) for box in clips["boxes_px"].to_pylist()])
    faces = boxes[:, 2:] - boxes[:, :2]
    sizes = np.stack([videos["width_px"].to_numpy(), videos["height_px"].to_numpy()], axis=1)
    return np.concatenate([sizes, faces], axis=1).astype(np.float64)


def colour_features(frames: UInt8[np.ndarray, "V S S 3"]) -> Float64[np.ndarray, "V 6"]:
    """Return the mean and deviation of each colour over a crop."""
    pixels = frames.reshape(len(frames), -1, 3).astype(np.float64)
    return np.concatenate([pixels.mean(axis=1), pixels.std(axis=1)], axis=1)


def blank_features(frames: UInt8[np.ndarray, "V S S 3"]) -> Float64[np.ndarray, "V _"]:
    """Return what is around the face, which is blanked: of each cell at the rim its mean colour and its fine detail."""
    size_px = frames.shape[1]
    rim_px = round(size_px * (1 - FACE_SHARE) / 2)
    within = slice(rim_px, size_px - rim_px)
    is_rim = np.ones((size_px, size_px), bool)
    is_rim[within, within] = False
    blanked = np.where(is_rim[..., None], frames, 0).astype(np.float64)
    grey = blanked.mean(axis=3)
    detail = np.zeros_like(grey)
    detail[:, 1:, 1:] = np.abs(np.diff(grey, axis=1))[:, :, 1:] + np.abs(np.diff(grey, axis=2))[:, 1:]
    channels = np.concatenate([blanked, detail[..., None]], axis=3)
    edges = np.linspace(0, size_px, CELLS + 1).round().astype(int)
    cells = [
        channels[:, top:bottom, left:right][:, is_rim[top:bottom, left:right]].mean(axis=1)
        for top, bottom in pairwise(edges)
        for left, right in pairwise(edges)
        if is_rim[top:bottom, left:right].any()
    ]
    return np.concatenate(cells, axis=1)
