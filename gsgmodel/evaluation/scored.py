"""Labelled videos and the scores that a scan's table holds of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gsgmodel.datasets.labelled import LabelledVideo
from gsgmodel.errors import ConfigError
from gsgmodel.results.delta import quoted
from gsgmodel.results.table import VideoTable


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredVideo:
    """A labelled video and what is known of its score."""

    video: LabelledVideo
    score: float | None
    """Calibrated; None where it has none."""
    frame_scores: tuple[float, ...]
    """Of the face that decides, not calibrated."""


def read_rows(output_uri: str, *, model_digest: str | None, s3_endpoint: str | None = None) -> list[dict[str, Any]]:
    """Read ``uri``, ``score`` and ``faces`` of the videos that one model was asked about, the latest last.

    Args:
        output_uri: As of the scan.
        model_digest: Of the model; None where the table holds one model's scores.
        s3_endpoint: Of the store, or None for the environment's.

    Raises:
        ConfigError: There is no table, or it holds scores of several models and none is named.
    """
    table = VideoTable.open(output_uri, s3_endpoint=s3_endpoint)
    held = table.query("SELECT DISTINCT model_uri, model_digest FROM videos WHERE score IS NOT NULL").to_pylist()
    digests = sorted({row["model_digest"] for row in held})
    if model_digest is None and len(digests) > 1:
        names = ", ".join(sorted({str(row["model_uri"]) for row in held}))
        raise ConfigError(f"{output_uri!r} holds scores of {len(digests)} models; accepted for --model: one of {names}")
    wanted = quoted(model_digest or next(iter(digests), ""))
    rows: list[dict[str, Any]] = table.query(
        f"SELECT uri, score, faces FROM videos WHERE model_digest = {wanted} ORDER BY scored_at"  # noqa: S608
    ).to_pylist()
    return rows


def scored_videos(rows: Iterable[Mapping[str, Any]], labels: Mapping[str, LabelledVideo]) -> list[ScoredVideo]:
    """Join rows of a table of scores with labels; a labelled video without a row has no score.

    Args:
        rows: With ``uri``, ``score`` and ``faces``, of one model; of several for one video the last counts.
        labels: By uri.
    """
    found = {row["uri"]: row for row in rows if row["uri"] in labels and row["score"] is not None}
    return [
        ScoredVideo(
            video=video,
            score=float(found[uri]["score"]) if uri in found else None,
            frame_scores=_frame_scores(found[uri]["faces"]) if uri in found else (),
        )
        for uri, video in sorted(labels.items())
    ]


def _frame_scores(faces: Sequence[Mapping[str, Any]] | None) -> tuple[float, ...]:
    """Of the face with the highest score, which is the video's."""
    if not faces:
        return ()
    face = max(faces, key=lambda each: each["score"])
    return tuple(frame["score"] for clip in face["clips"] for frame in clip["frames"])
