"""How much a model still tells from videos that were perturbed, type by type and level by level.

On the crops of a clip store perturbation comes after face finding: the network alone is tested. On videos it comes
before: a face that is not found any more counts too. Videos without a score are left out of the area and counted.
"""

import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from gsgmodel.archive.reading import open_object
from gsgmodel.clips.store import ClipStore
from gsgmodel.datasets.labelled import LabelledVideo
from gsgmodel.datasets.perturb import LEVELS, Frames, Kind, perturb
from gsgmodel.errors import Status, VideoError
from gsgmodel.evaluation.groups import HALF
from gsgmodel.evaluation.judged import Judge
from gsgmodel.metrics.bootstrap import Interval, fast_area, interval_of
from gsgmodel.model.weights import ModelFiles
from gsgmodel.scoring.video import VideoScorer, find_video
from gsgmodel.training.shortcuts import groups_of
from gsgmodel.video.reader import FrameWindow, Opener, WindowReader
from gsgmodel.video.recode import recode_video
from gsgmodel.video.source import ByteSource

UNTOUCHED = "untouched"
RECODED = ("compression", "frame_rate")
"""Of videos, done to the whole of them."""
FINE_CRF = 12.0
"""Of videos that only lose frames: hardly to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One type at one level."""

    kind: Kind | None
    """None for the videos as they are."""
    level: int
    """0 for the videos as they are, else 1 to 5."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.kind} {self.level}" if self.kind else UNTOUCHED

    def frames(self, frames: Frames, *, key: str, seed: int, fps: float) -> Frames:
        """Frames as this trial leaves them; the same for the same video and seed."""
        if self.kind is None:
            return frames
        rng = np.random.default_rng([seed, zlib.crc32(key.encode())])
        return perturb(frames, self.kind, self.level, rng=rng, fps=fps)


AS_IT_IS = Trial(kind=None, level=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a model says of perturbed videos."""

    trial: Trial
    auc: float | None
    auc_interval: Interval | None
    accuracy: float | None
    """At 0.5, of the videos that have a score."""
    coverage: float
    """Share of the videos that have a score."""
    num_videos: int


def trials_of(kinds: Sequence[Kind]) -> list[Trial]:
    """Everything that is measured: the videos as they are, then each type from its mildest level."""
    perturbed = [Trial(kind=kind, level=level) for kind in kinds for level in range(1, len(LEVELS[kind]) + 1)]
    return [AS_IT_IS, *perturbed]


def on_crops(store: ClipStore, files: ModelFiles, trials: Sequence[Trial], *, seed: int) -> Iterator[Outcome]:
    """Perturb the crops of a store's test split.

    Args:
        store: Its clips are of the model's preparation, else it is a ``ConfigError``.
        files: The model.
        trials: What is done.
        seed: Of what is random, and of the draws for the intervals.
    """
    uris = store.videos["uri"].take(store.clips["video"]).to_pylist()
    rates = [_rate(times) for times in store.clips["time_s"].to_pylist()]
    labels, people = store.videos["label"].to_numpy().astype(np.int64), groups_of(store.videos)
    judge = Judge(store, files)
    for trial in trials:
        change = partial(_changed, trial, uris=uris, rates=rates, seed=seed)
        videos, scores = judge.scores(change)
        yield _outcome(trial, scores, labels[videos], [people[video] for video in videos.tolist()], seed=seed)


def _changed(
    trial: Trial, row: int, crops: Frames, *, uris: Sequence[str], rates: Sequence[float], seed: int
) -> Frames:
    return trial.frames(crops, key=uris[row], seed=seed, fps=rates[row])


def on_videos(
    labels: Mapping[str, LabelledVideo], files: ModelFiles, trials: Sequence[Trial], *, seed: int
) -> Iterator[Outcome]:
    """Perturb videos before faces are looked for in them: every frame where they are encoded again, else the sampled.

    Args:
        labels: Of the videos, by uri.
        files: The model.
        trials: What is done.
        seed: Of what is random, and of the draws for the intervals.
    """
    current: list[tuple[Trial, str]] = [(trials[0], "")]
    scorer = VideoScorer(files, wrap=lambda opener: _Perturbing(opener, current, seed=seed))
    people = [video.group for video in labels.values()]
    known = np.array([video.label for video in labels.values()], np.int64)
    for trial in trials:
        scores = []
        for uri in labels:
            with _as_recoded(uri, trial) as (name, left):
                current[0] = (left, uri)
                row = scorer.score_named(name) if name else {"status": None}
            scores.append(row["score"] if row["status"] == Status.SCORED else np.nan)
        yield _outcome(trial, np.array(scores, np.float64), known, people, seed=seed)


@contextmanager
def _as_recoded(uri: str, trial: Trial) -> Iterator[tuple[str | None, Trial]]:
    """The video that is scored, and what is still to be done to its frames; none where it cannot be encoded again.

    What concerns all frames of a video, and not only those that are sampled, is done by encoding it again.
    """
    if trial.kind not in RECODED:
        yield uri, trial
        return
    amount = LEVELS[trial.kind][trial.level - 1]
    crf, most_fps = (amount, None) if trial.kind == "compression" else (FINE_CRF, amount)
    with tempfile.TemporaryDirectory(prefix="gsg-recoded-") as scratch:
        path = Path(scratch) / "video.mp4"
        try:
            with open_object(find_video(uri)) as source:
                recode_video(source, path, crf=crf, most_fps=most_fps)
            name = str(path)
        except VideoError:
            name = None
        yield name, AS_IT_IS


def levels_markdown(outcomes: Sequence[Outcome], *, at: str) -> str:
    """A line a type, a column a level, and the mean over levels as papers give it."""
    header = ["perturbation", *(f"level {level}" for level in range(1, 6)), "mean", "least coverage"]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for kind in dict.fromkeys(each.trial.kind for each in outcomes if each.trial.kind):
        own = [each for each in outcomes if each.trial.kind == kind]
        known = [each.auc for each in own if each.auc is not None]
        cells = [*map(_auc_text, own), f"{np.mean(known):.3f}" if known else "-"]
        lines.append("| " + " | ".join([kind, *cells, f"{min(each.coverage for each in own):.1%}"]) + " |")
    first = outcomes[0]
    return "\n".join(
        [*lines, "", f"AUC of {first.num_videos} videos, {at} perturbed; untouched {_auc_text(first)}", ""]
    )


def levels_rows(outcomes: Sequence[Outcome]) -> list[dict[str, str | float | int | None]]:
    """Every figure, a row a trial."""
    return [
        {
            "perturbation": each.trial.kind or UNTOUCHED,
            "level": each.trial.level,
            "amount": LEVELS[each.trial.kind][each.trial.level - 1] if each.trial.kind else None,
            "auc": each.auc,
            "auc_low": each.auc_interval.low if each.auc_interval else None,
            "auc_high": each.auc_interval.high if each.auc_interval else None,
            "accuracy": each.accuracy,
            "coverage": each.coverage,
            "num_videos": each.num_videos,
        }
        for each in outcomes
    ]


def _auc_text(outcome: Outcome) -> str:
    if outcome.auc is None or outcome.auc_interval is None:
        return "-"
    return f"{outcome.auc:.3f} ({outcome.auc_interval.low:.3f} to {outcome.auc_interval.high:.3f})"


class _Perturbing:
    """Opens videos whose frames come out perturbed."""

    def __init__(self, opener: Opener, current: Sequence[tuple[Trial, str]], *, seed: int) -> None:
        self._opener, self._current, self._seed = opener, current, seed

    def __call__(
        self, source: ByteSource, /, *, frames_per_clip: int, window_s: float, max_clips: int
    ) -> AbstractContextManager[WindowReader]:
        return self._opened(source, frames_per_clip=frames_per_clip, window_s=window_s, max_clips=max_clips)

    @contextmanager
    def _opened(self, source: ByteSource, **wanted: float | int) -> Iterator[WindowReader]:
        trial, uri = self._current[0]
        with self._opener(source, **wanted) as reader:  # type: ignore[arg-type]
            yield _PerturbedReader(reader, trial, uri, seed=self._seed)


class _PerturbedReader:
    """A reader whose frames are perturbed."""

    def __init__(self, reader: WindowReader, trial: Trial, uri: str, *, seed: int) -> None:
        self._reader, self._trial, self._uri, self._seed = reader, trial, uri, seed
        self.info, self.is_widened = reader.info, reader.is_widened
        self.frames_decoded = self.frames_missing = 0

    def read(self) -> Iterator[FrameWindow]:
        """Yield the windows with other frames."""
        for window in self._reader.read():
            self.frames_decoded, self.frames_missing = self._reader.frames_decoded, self._reader.frames_missing
            frames = np.stack(window.frames)
            height, width = (side // 2 * 2 for side in frames.shape[1:3])
            changed = frames.copy()
            # Chroma is halved by codecs: an odd last line stays as it is.
            changed[:, :height, :width] = self._trial.frames(
                frames[:, :height, :width], key=self._uri, seed=self._seed, fps=_rate(window.time_s.tolist())
            )
            yield replace(window, frames=tuple(changed))


def _rate(time_s: Sequence[float]) -> float:
    """Frames a second of what was sampled; many where all are of one moment."""
    span = max(time_s) - min(time_s)
    return (len(time_s) - 1) / span if span > 0 else 1000.0


def _outcome(
    trial: Trial, scores: Float64[np.ndarray, "V"], labels: Int64[np.ndarray, "V"], people: Sequence[str], *, seed: int
) -> Outcome:
    known = np.flatnonzero(np.isfinite(scores))
    said, true = scores[known], labels[known]
    named = [people[n] for n in known.tolist()]
    return Outcome(
        trial=trial,
        auc=fast_area(said, true),
        auc_interval=interval_of(fast_area, said, true, groups=named, seed=seed) if named else None,
        accuracy=float(np.mean((said >= HALF) == (true == 1))) if len(known) else None,
        coverage=len(known) / len(labels) if len(labels) else 0.0,
        num_videos=len(labels),
    )
