"""What a trained network is worth: fitted on validation videos, tested on others, probed for what gives labels away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from jaxtyping import Float64, Int64

from gsgmodel.clips.store import ClipStore
from gsgmodel.metrics.bootstrap import fast_area, interval_of
from gsgmodel.metrics.calibration import fit_slope
from gsgmodel.metrics.operating import fit_thresholds
from gsgmodel.metrics.probes import FOLDS, probe_area
from gsgmodel.metrics.scores import measure
from gsgmodel.model.scoring import calibrate, fuse
from gsgmodel.model.settings import Calibration
from gsgmodel.training.judge import scores_of_videos
from gsgmodel.training.loop import JUDGED

DEFAULT_POINT = "default"
"""The operating point that scans flag by: that of the equal error."""
MOST_PROBED = 4000
"""Videos that the probes look at."""
LEAK = 0.6
"""An AUC of a probe above this says that something else than the forgery gives labels away."""


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """How good a trained network is."""

    calibration: Calibration
    operating_points: Mapping[str, float]
    metrics: Mapping[str, Mapping[str, float | None]]
    """Of the validation and test splits, by name, of calibrated scores at the default point."""
    auc_interval: tuple[float, float]
    """95 % of the test split's AUC, videos of one person drawn together."""
    probes: Mapping[str, float | None]
    """AUC of codec, resolution and colour alone, over the store's videos."""
    num_videos: Mapping[str, int]
    predictions: pa.Table
    """A row a video: split, uri, label, method, identity, calibrated score."""
    notes: tuple[str, ...]


def assess(
    store: ClipStore, margins: Mapping[str, Float64[np.ndarray, "_ 2"]], *, score_fusion: bool, seed: int
) -> Assessment:
    """Fit on the validation split, test on the test split.

    Args:
        store: What was trained on.
        margins: Of the clips of both splits, global and fusion, in the order of the store.
        score_fusion: Whether both streams make the score, or the fusion stream alone.
        seed: Of the draws for the interval.
    """
    combine = partial(fuse, score_fusion=score_fusion)
    labels = store.videos["label"].to_numpy().astype(np.int64)
    splits = np.array(store.clips["split"].to_pylist())
    raw = {
        split: scores_of_videos(store.clips.take(np.flatnonzero(splits == split)), margins[split], combine=combine)
        for split in JUDGED
    }
    calibration = Calibration(slope=fit_slope(raw["val"][1], labels[raw["val"][0]]))
    scores = {
        split: (videos, np.array([calibrate(score, calibration) for score in found.tolist()]))
        for split, (videos, found) in raw.items()
    }
    points = fit_thresholds(scores["val"][1], labels[scores["val"][0]])
    points = {DEFAULT_POINT: points["eer"], **points}
    groups = groups_of(store.videos)
    tested, found = scores["test"]
    interval = interval_of(fast_area, found, labels[tested], groups=[groups[video] for video in tested], seed=seed)
    assert interval is not None
    probes = probe_store(store, groups=groups, seed=seed)
    return Assessment(
        calibration=calibration,
        operating_points=points,
        metrics={
            split: measure(each, labels[videos], threshold=points[DEFAULT_POINT])
            for split, (videos, each) in scores.items()
        },
        auc_interval=(interval.low, interval.high),
        probes=probes,
        num_videos=_videos_by_split(store),
        predictions=_predictions(store.videos, scores),
        notes=tuple(
            f"{name} alone tells fakes from real ones (AUC {area:.2f}): the network may have learned that instead"
            for name, area in probes.items()
            if area is not None and area > LEAK
        ),
    )


def groups_of(videos: pa.Table) -> list[str]:
    """Return for each video what it shares with others: its identity, else its original, else itself."""
    return [
        row["identity"] or row["original_uri"] or row["uri"]
        for row in videos.select(["identity", "original_uri", "uri"]).to_pylist()
    ]


def _pairs_of(videos: pa.Table) -> list[str]:
    """What a fake shares with the video that it was made from."""
    return [row["original_uri"] or row["uri"] for row in videos.select(["original_uri", "uri"]).to_pylist()]


def probe_store(store: ClipStore, *, groups: Sequence[str], seed: int) -> dict[str, float | None]:
    """Return how well codec, resolution and colour alone tell a store's labels, as areas under the curve.

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
    features = {
        "codec": codec_features(store.videos.take(videos)),
        "resolution": resolution_features(store.videos.take(videos), clips.take(first)),
        "colour": _colour_features(store, first),
    }
    # A probe that has seen a fake's original would take the one for the other.
    names = groups if len(set(groups)) >= FOLDS else _pairs_of(store.videos)
    of_videos = [names[video] for video in videos]
    return {name: probe_area(values, labels, groups=of_videos, seed=seed) for name, values in features.items()}


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


def _colour_features(store: ClipStore, clips: Int64[np.ndarray, "C"]) -> Float64[np.ndarray, "C 6"]:
    """Mean and deviation of each colour over a clip's first frame."""
    frames = [store.read_crops(int(clip))[0].reshape(-1, 3).astype(np.float64) for clip in clips]
    return np.array([[*frame.mean(axis=0), *frame.std(axis=0)] for frame in frames])


def _videos_by_split(store: ClipStore) -> dict[str, int]:
    splits = store.videos["split"].to_pylist()
    return {split: splits.count(split) for split in ("train", *JUDGED)}


def _predictions(
    videos: pa.Table, scores: Mapping[str, tuple[Int64[np.ndarray, "_"], Float64[np.ndarray, "_"]]]
) -> pa.Table:
    facts = videos.select(["split", "uri", "label", "method", "identity"])
    parts = [facts.take(places).append_column("score", pa.array(found)) for places, found in scores.values()]
    return pa.concat_tables(parts)
