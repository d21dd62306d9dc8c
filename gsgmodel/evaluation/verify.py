"""Scores of a table held against those of today: a few of its videos are scored again, in the same way."""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gsgmodel.archive.s3 import connect
from gsgmodel.errors import ConfigError, Status, VideoError
from gsgmodel.model.weights import ModelFiles
from gsgmodel.results.places import Place
from gsgmodel.results.storage import reading_errors
from gsgmodel.scan.opening import scoring_id as id_of_scoring
from gsgmodel.scoring.video import VideoScorer, find_video
from gsgmodel.tracking.address import tracking_address
from gsgmodel.tracking.registry import resolve_model
from gsgmodel.upkeep.settings import VerifySettings
from gsgmodel.upkeep.snapshot import Snapshot

TOLERANCE = 0.01
"""Scores that differ by no more agree: machines differ in the last digits."""
_GONE = frozenset({Status.CHANGED, Status.MISSING, Status.DENIED, Status.UNAVAILABLE})
_ENDPOINT = "AWS_ENDPOINT_URL_S3"


@dataclass(frozen=True, slots=True, kw_only=True)
class HowScored:
    """What besides the model decides on a score and is a setting of a scan."""

    faces: Literal["all", "largest"] = "all"
    window_s: float = 60.0
    max_clips: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Scored rows of one scoring, drawn at random."""

    scoring_id: str
    how: HowScored | None
    """None where no run of these rows has its settings any more."""
    rows: Sequence[Mapping[str, Any]]
    """With ``video_id``, ``uri`` and ``score``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What became of one video's score."""

    uri: str
    outcome: Literal["agrees", "moved", "changed"]
    """``changed``: the object is another one by now, is gone or cannot be read, so there is nothing to compare."""
    before: float
    now: float | None
    text: str
    """What there is instead of a score now; empty where there is one."""


def draw_sample(snapshot: Snapshot, settings: VerifySettings, *, folder: Path) -> tuple[Sample, ModelFiles]:
    """Draw scored rows of the scoring that was used last, and find its model.

    Args:
        snapshot: Of the table.
        settings: How many rows and with which seed: the same one draws the same as long as no rows are added. A model
            that is named there decides on the scoring.
        folder: Holds MLflow's database where no address is set.

    Returns:
        The sample, of fewer rows if there are no more, and the model.

    Raises:
        ConfigError: If there is nothing to draw from, or the model is not found or another one by now.
    """
    address = tracking_address(settings.tracking_uri, folder=folder)
    named = resolve_model(settings.model, tracking_uri=address) if settings.model is not None else None
    found = snapshot.answer(
        "SELECT scoring_id, arg_max(model_uri, scored_at) AS model_uri, arg_max(model_digest, scored_at) AS digest"
        " FROM videos WHERE status = 'scored' GROUP BY scoring_id ORDER BY max(scored_at) DESC, scoring_id",
        columns=["scoring_id", "model_uri", "model_digest", "status", "scored_at"],
    )
    scorings = [one for one in found if named is None or one["digest"] == named.digest]
    if not scorings:
        whose = f" by the model that --model names, of digest {named.digest[:12]}" if named else ""
        raise ConfigError(f"OUTPUT {snapshot.output.uri!r} holds no scores{whose}; accepted: one that holds some")
    newest = scorings[0]
    if named is None and newest["model_uri"] is None:
        raise ConfigError(
            f"the rows of scoring {newest['scoring_id']} name no model; accepted: --model that scored them"
        )
    rows = snapshot.answer(
        "SELECT video_id, uri, score, run_id FROM videos WHERE status = 'scored'"  # noqa: S608 - numbers
        f" ORDER BY md5(hex(video_id) || ':{int(settings.seed)}') LIMIT {int(settings.sample)}",
        columns=["video_id", "uri", "score", "run_id", "status"],
        scoring_id=newest["scoring_id"],
    )
    files = named or resolve_model(newest["model_uri"], tracking_uri=address)
    if files.digest != newest["digest"]:
        raise ConfigError(
            f"model {files.uri!r} has the digest {files.digest[:12]} now, the scores are of {newest['digest'][:12]}; "
            "accepted: --model with the same weights and settings"
        )
    how = _how_scored(snapshot.output, sorted({row["run_id"] for row in rows}))
    return Sample(scoring_id=newest["scoring_id"], how=how, rows=rows), files


def doubts(sample: Sample, files: ModelFiles) -> list[str]:
    """Say what may be another reason than a fault where scores differ.

    Args:
        sample: What is scored again.
        files: The model that does it.

    Returns:
        Sentences; none where everything is as it was.
    """
    how = sample.how or HowScored()
    today = id_of_scoring(
        model_digest=files.digest,
        preparation=files.settings.preparation,
        faces=how.faces,
        window_s=how.window_s,
        max_clips=how.max_clips,
    )
    said = []
    if sample.how is None:
        said.append(f"no run has its settings any more: scored with {how.faces=}, {how.window_s=}, {how.max_clips=}")
    if today != sample.scoring_id:
        said.append("scores of today go by another scoring: settings or the code's scoring revision differ")
    return said


def score_again(sample: Sample, files: ModelFiles, *, s3_endpoint: str | None = None) -> Iterator[Verified]:
    """Score the videos of a sample, one after the other on the CPU, and compare.

    Args:
        sample: As drawn.
        files: The model of its scores.
        s3_endpoint: Of the store that the videos lie on, or None for the environment's.

    Yields:
        What became of each score.
    """
    how = sample.how or HowScored()
    scorer = VideoScorer(files, faces=how.faces, window_s=how.window_s, max_clips=how.max_clips)
    with _endpoint(s3_endpoint):
        for row in sample.rows:
            yield _compare(scorer, row)


def _compare(scorer: VideoScorer, row: Mapping[str, Any]) -> Verified:
    def verdict(
        outcome: Literal["agrees", "moved", "changed"], *, now: float | None = None, text: str = ""
    ) -> Verified:
        return Verified(uri=row["uri"], outcome=outcome, before=row["score"], now=now, text=text)

    try:
        ref = find_video(row["uri"])
    except VideoError as error:
        return verdict("changed", text=str(error.status))
    if ref.video_id != row["video_id"]:
        return verdict("changed", text="replaced")
    found = scorer.score(ref)
    if found["status"] in _GONE:
        return verdict("changed", text=str(found["status"]))
    if found["score"] is None:
        return verdict("moved", text=str(found["status"]))
    agrees = abs(found["score"] - row["score"]) <= TOLERANCE
    return verdict("agrees" if agrees else "moved", now=found["score"])


def _how_scored(output: Place, run_ids: Sequence[str]) -> HowScored | None:
    """The settings of the first run that has them; of one scoring they are all the same."""
    for run_id in run_ids:
        with reading_errors(output.uri):
            content = (output / "runs" / run_id).read("settings.toml")
        try:
            settings = tomllib.loads((content or b"").decode())
            return HowScored(
                faces=settings["faces"], window_s=float(settings["window_s"]), max_clips=int(settings["max_clips"])
            )
        except (ValueError, KeyError, TypeError):
            continue
    return None


@contextmanager
def _endpoint(s3_endpoint: str | None) -> Iterator[None]:
    """Make a store the environment's for a while: that is where a scorer finds it."""
    if s3_endpoint is None:
        yield
        return
    before = os.environ.get(_ENDPOINT)
    os.environ[_ENDPOINT] = s3_endpoint
    connect.cache_clear()
    try:
        yield
    finally:
        if before is None:
            del os.environ[_ENDPOINT]
        else:
            os.environ[_ENDPOINT] = before
        connect.cache_clear()
