"""Labelled videos with scores, as few as a test needs."""

from gsgmodel.datasets.labelled import LabelledVideo
from gsgmodel.evaluation.scored import ScoredVideo


def labelled(uri, label, *, method="m", dataset="d", compression="", identity=None, split="test"):
    return LabelledVideo(
        uri=uri,
        label=label,
        method=method if label else "real",
        identity=identity,
        source_identity=None,
        split=split,
        original_uri=None,
        mask_uri=None,
        dataset=dataset,
        compression=compression,
    )


def scored(uri, label, score, *, frames=(), **more):
    return ScoredVideo(video=labelled(uri, label, **more), score=score, frame_scores=tuple(frames))
