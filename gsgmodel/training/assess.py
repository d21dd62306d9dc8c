"""What a trained network is worth: fitted on validation videos, tested on others, probed for what gives labels away."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from jaxtyping import Float64, Int64

from gsgmodel.clips.store import ClipStore
from gsgmodel.metrics.bootstrap import fast_area, interval_of
from gsgmodel.metrics.calibration import fit_slope
from gsgmodel.metrics.operating import fit_thresholds
from gsgmodel.metrics.scores import measure
from gsgmodel.model.scoring import calibrate, fuse
from gsgmodel.model.settings import DEFAULT_POINT, Calibration
from gsgmodel.training.judge import scores_of_videos
from gsgmodel.training.loop import JUDGED
from gsgmodel.training.shortcuts import LEAK, groups_of, probe_store


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
    """AUC of what should tell nothing, over the store's videos: None where there are too few."""
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
    probes = {name: probe.auc for name, probe in probe_store(store, groups=groups, seed=seed).items()}
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


def _videos_by_split(store: ClipStore) -> dict[str, int]:
    splits = store.videos["split"].to_pylist()
    return {split: splits.count(split) for split in ("train", *JUDGED)}


def _predictions(
    videos: pa.Table, scores: Mapping[str, tuple[Int64[np.ndarray, "_"], Float64[np.ndarray, "_"]]]
) -> pa.Table:
    facts = videos.select(["split", "uri", "label", "method", "identity"])
    parts = [facts.take(places).append_column("score", pa.array(found)) for places, found in scores.values()]
    return pa.concat_tables(parts)
