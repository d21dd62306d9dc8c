"""The start of a training: everything a user can have got wrong is found here, before any work."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from gsgmodel.clips.store import ClipStore
from gsgmodel.datasets.augment import Augmentation
from gsgmodel.errors import ConfigError, OutputError, VideoError
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.objective import Objective
from gsgmodel.model.settings import LABELS, PREPARATION, check_preparation
from gsgmodel.redact import redact
from gsgmodel.results.runs import RunFolder, new_run_id
from gsgmodel.results.storage import check_writable, output_place
from gsgmodel.scan.notify import kept_settings, notify
from gsgmodel.scan.stop import StopRequest
from gsgmodel.scan.submitted import check_submitted, drain_within
from gsgmodel.tracking.address import NO_TRACKING, tracking_address
from gsgmodel.tracking.runs import TrackedRun
from gsgmodel.training.initial import initial_weights
from gsgmodel.training.loop import JUDGED, TrainingJob
from gsgmodel.training.settings import TrainSettings

EXPERIMENT = "gsg-training"
BEGUN = "training.json"
"""In the run's folder: what it began with, for going on."""
DRAIN_S = 60.0
FAILED, USAGE = 1, 2
OF_THIS_START = (
    *("output", "s3_endpoint", "tracking_uri", "register", "parent_run", "resume", "workers", "device"),
    *("max_failures", "start_timeout", "notify", "json"),
)
"""Settings that a resumed run takes from its new start; all others stay as they were."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """An opened training."""

    settings: TrainSettings
    store_uri: str
    store: ClipStore
    run_id: str
    run_folder: RunFolder
    tracking_uri: str
    tracked: TrackedRun | None
    """The run in MLflow; None where it is not wanted."""
    stop: StopRequest
    started_at: datetime

    @property
    def clips_by_split(self) -> Mapping[str, int]:
        """How many clips each split has."""
        splits = self.store.clips["split"].to_pylist()
        return {split: splits.count(split) for split in ("train", *JUDGED)}

    @property
    def num_train(self) -> int:
        """Clips that are learned from."""
        return self.clips_by_split["train"]


def make_job(training: Training) -> TrainingJob:
    """Return what the workers are given; backbone weights that cannot be had are a ``ConfigError``."""
    settings = training.settings
    # What is gone on with has its weights in its checkpoint.
    source = "none" if settings.resume else settings.start
    weights = initial_weights(
        settings.network, backbone_weights=source, seed=settings.seed, s3_endpoint=settings.s3_endpoint
    )
    return TrainingJob(store=training.store, settings=settings, weights=weights)


def check_training(store_uri: str, settings: TrainSettings) -> None:
    """Find what is wrong before anything heavy is loaded; what is, is a ``ConfigError``.

    Args:
        store_uri: Of the clip store.
        settings: As parsed.
    """
    check_submitted([store_uri], output=settings.output, tracking_uri=settings.tracking_uri)
    check_writable(settings.output, s3_endpoint=settings.s3_endpoint)


def check_clips(store: ClipStore, *, preparation: Any = PREPARATION) -> None:
    """Make sure that a store can be learned from.

    Args:
        store: What is trained on.
        preparation: How crops are made when videos are scored.

    Raises:
        ConfigError: If its crops were made in another way, or a split or one of its classes is missing.
    """
    try:
        check_preparation(store.preparation, preparation)
    except ConfigError as error:
        said = str(error).replace("the model was trained with", "the clip store was made with")
        raise ConfigError(said) from error
    labels, splits = store.clips["label"].to_numpy(), np.array(store.clips["split"].to_pylist())
    for split in ("train", *JUDGED):
        for label, name in enumerate(LABELS):
            if not np.any((splits == split) & (labels == label)):
                counts = {each: int((splits == each).sum()) for each in ("train", *JUDGED)}
                raise ConfigError(
                    f"the clip store has no {name} clip in its split {split!r} ({_counted(counts)}); accepted: real "
                    "and fake clips in train, val and test, as ./gsg prepare makes them"
                )


@contextmanager
def open_training(store_uri: str, settings: TrainSettings) -> Iterator[Training]:
    """Open the clips and the run; a run that is gone on with keeps its folder.

    Args:
        store_uri: Of the clip store.
        settings: As parsed.

    Yields:
        The training. What cannot be used as it is, is a ``ConfigError``.
    """
    store = ClipStore.open(store_uri, s3_endpoint=settings.s3_endpoint)
    check_clips(store)
    crops = store.preparation
    settings.network.check_crops(num_frames=crops.frames_per_clip, size_px=crops.crop_size_px)
    tracking_uri = tracking_address(settings.tracking_uri, folder=Path.cwd())
    started_at = datetime.now(UTC)
    if settings.resume:
        run_id = settings.resume
        folder = RunFolder(output_place(settings.output, s3_endpoint=settings.s3_endpoint) / "runs" / run_id)
        settings = _begun_with(folder, settings, digest=store.digest)
    else:
        run_id = new_run_id(started_at)
        folder = RunFolder.create(settings.output, run_id, s3_endpoint=settings.s3_endpoint)
        _write_begun(folder, settings, digest=store.digest)
    identity = {"run_id": run_id, "store": store_uri, "data_digest": store.digest}
    resolved = {**kept_settings(settings), "input": store_uri, "identity": identity}
    folder.write_settings(resolved)
    training = Training(
        settings=settings,
        store_uri=store_uri,
        store=store,
        run_id=run_id,
        run_folder=folder,
        tracking_uri=tracking_uri,
        tracked=None
        if tracking_uri == NO_TRACKING
        else TrackedRun.start(
            resolved, tracking_uri=tracking_uri, experiment=EXPERIMENT, parent_run=settings.parent_run
        ),
        stop=StopRequest(drain_s=drain_within(DRAIN_S)),
        started_at=started_at,
    )
    with _last_word(training):
        yield training


@contextmanager
def _last_word(training: Training) -> Iterator[None]:
    """See to it that a training that an error ends has a summary, in its folder and in MLflow.

    Raises:
        ConfigError: As it came.
    """
    ended = {"exit_code": FAILED, "reason": "ended by an error", "run_id": training.run_id}
    is_ended = False
    try:
        yield
        is_ended = True
    except ConfigError as error:
        ended |= {"exit_code": USAGE, "reason": redact(str(error))}
        raise
    finally:
        if not is_ended:
            with suppress(OutputError):
                training.run_folder.write_summary(ended)
            if training.tracked:
                training.tracked.finish(ended, failed=True)
            notify(training.settings.notify, ended, what="training")


def _write_begun(folder: RunFolder, settings: TrainSettings, *, digest: str) -> None:
    content = json.dumps({"data_digest": digest, "settings": kept_settings(settings)}, indent=2)
    folder.place.write(BEGUN, content.encode())


def _begun_with(folder: RunFolder, settings: TrainSettings, *, digest: str) -> TrainSettings:
    """The settings that a run began with, and those of this start that do not change what is learned.

    Raises:
        ConfigError: If there is no such run, or its clips are not these.
    """
    try:
        with folder.place.files.open_input_stream(folder.place.file_path(BEGUN)) as file:
            content: Mapping[str, Any] = json.loads(file.read())
    except (OSError, ValueError, VideoError) as error:
        raise ConfigError(
            f"--resume is {settings.resume!r}, and there is no such run in {folder.uri}: {error}"
        ) from error
    if content["data_digest"] != digest:
        raise ConfigError(
            f"--resume is {settings.resume!r}, but the clip store has changed since that run began (its digest was "
            f"{content['data_digest'][:12]} and is {digest[:12]}); accepted: the clips that it began with"
        )
    return replace(settings_of(content["settings"]), **{name: getattr(settings, name) for name in OF_THIS_START})


def settings_of(values: Mapping[str, Any]) -> TrainSettings:
    """Settings from what ``asdict`` and JSON made of them."""
    plain = dict(values)
    augmentation: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in plain.pop("augmentation").items()
    }
    architecture, objective = GSGConfig.from_dict(plain.pop("architecture")), Objective(**plain.pop("objective"))
    known = {field.name for field in fields(TrainSettings)}
    return TrainSettings(
        architecture=architecture,
        objective=objective,
        augmentation=Augmentation(**augmentation),
        option=tuple(plain.pop("option", ())),
        **{name: value for name, value in plain.items() if name in known},
    )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{split} {count}" for split, count in counts.items())
