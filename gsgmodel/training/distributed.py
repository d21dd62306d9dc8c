"""The one file that knows Ray Train: the workers that train together, and the driver that waits for them."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A worker's death, or the end, is to be seen soon.
os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")

import ray
import ray.train
import torch
from pyarrow.fs import FileSystem, S3FileSystem
from ray.train import Checkpoint, CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, get_device
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback
from ray.train.v2.api.exceptions import TrainingFailedError
from ray.train.v2.api.report_config import CheckpointUploadMode

from gsgmodel.errors import ConfigError, OutputError, TrainingError
from gsgmodel.redact import hide_credentials, redact
from gsgmodel.results.buckets import S3Place
from gsgmodel.results.places import LocalPlace
from gsgmodel.results.runs import RunFolder
from gsgmodel.scan.stop import StopRequest
from gsgmodel.scan.submitted import is_joining
from gsgmodel.training.crew import Crew
from gsgmodel.training.desk import Point, open_desk
from gsgmodel.training.loop import Trainer, TrainingJob

CHECKPOINTS = "checkpoints"
"""Folder of a run that Ray Train keeps checkpoints in."""
KEPT = 2
DEFAULT_REGION = "us-east-1"
POLL_S = 0.2
ROOM_WITHIN = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"
"""Ray's setting: seconds that workers who are to start wait for their cores."""
FIXED_ROOM_S, ELASTIC_ROOM_S = "600", "30"
"""So many workers and no fewer wait for another node. Where fewer will do, Ray may have counted a node that is lost and
not yet known to be, and counts again after this."""
_given_room_s = os.environ.get(ROOM_WITHIN)
FAILED_END_S = 90.0
"""What the workers get to end by themselves when training cannot go on."""


@dataclass(frozen=True, kw_only=True)
class RunStore:
    """Where checkpoints go."""

    path: str
    """Of the run's folder, as the file system takes it."""
    files: FileSystem | None
    """None for the local disk."""


def run_store(folder: RunFolder) -> RunStore:
    """Return where a run keeps its checkpoints."""
    place = folder.place
    if isinstance(place, LocalPlace):
        return RunStore(path=str(place.path), files=None)
    assert isinstance(place, S3Place)
    endpoint = place.endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    # Without credentials: each node finds its own, and none travels.
    return RunStore(path=place.file_path("").rstrip("/"), files=S3FileSystem(endpoint_override=endpoint, region=region))


def train_together(
    job: TrainingJob,
    crew: Crew,
    store: RunStore,
    *,
    max_failures: int,
    stop: StopRequest,
    show: Callable[[Point], None],
) -> Path | None:
    """Train with many workers, going on from the run's latest checkpoint where it has one.

    Args:
        job: What is trained; it goes to every node once.
        crew: The workers.
        store: Where the run keeps checkpoints.
        max_failures: How often training goes on after workers died.
        stop: Asks for an end with a checkpoint.
        show: Told how far training is.

    Returns:
        The folder of the last checkpoint, brought here, which is the caller's; None if training stopped early.

    Raises:
        TrainingError: If it cannot go on, or workers died too often.
    """
    desk = open_desk()
    trainer = _make_trainer({"job": ray.put(job), "desk": desk, "threads": crew.threads}, crew, store, max_failures)
    fitting = _Fitting(trainer)
    stopped_at: float | None = None
    failed: _Failure | None = None
    while fitting.is_running(wait_s=POLL_S):
        failed = failed or _hear(desk, show)
        if failed is not None and failed.is_overdue:
            break
        if stop.reason is not None and stopped_at is None:
            stopped_at = time.monotonic()
            desk.ask_to_stop.remote()
        if stopped_at is not None and (stop.is_urgent or time.monotonic() - stopped_at > stop.drain_s):
            return None
    failed = failed or _hear(desk, show)
    if failed is not None:
        raise TrainingError(failed.reason)
    result = fitting.result()
    if not result.return_value:
        return None
    return Path(result.checkpoint.to_directory())


class RayWorker:
    """One of Ray Train's workers, as the loop sees it."""

    def __init__(self, desk: Any, *, threads: int) -> None:
        context = ray.train.get_context()
        self.rank: int = context.get_world_rank()
        self.world_size: int = context.get_world_size()
        self.device: torch.device = get_device()
        self.threads = threads
        self._desk = desk
        self._asked = desk.is_to_stop.remote()
        self._is_stopped = False

    def read_latest(self, read: Callable[[Path], None]) -> bool:
        """Have the latest checkpoint read, if there is one."""
        checkpoint = ray.train.get_checkpoint()
        if checkpoint is None:
            return False
        with checkpoint.as_directory() as folder:
            read(Path(folder))
        return True

    def keep(self, folder: Path | None, metrics: Mapping[str, float]) -> None:
        """Hand a checkpoint to Ray, which carries it to the run's store while training goes on."""
        checkpoint = None if folder is None else Checkpoint.from_directory(str(folder))
        ray.train.report(dict(metrics), checkpoint=checkpoint, checkpoint_upload_mode=CheckpointUploadMode.ASYNC)

    def tell(self, metrics: Mapping[str, float], *, step: int) -> None:
        """Leave word for the driver."""
        self._desk.tell.remote(Point(step=step, metrics=metrics))

    def is_to_stop(self) -> bool:
        """Whether the driver has asked for the end, as far as is known here; nobody waits for the answer."""
        ready, _ = ray.wait([self._asked], timeout=0)
        if ready:
            self._is_stopped = self._is_stopped or bool(ray.get(self._asked))
            self._asked = self._desk.is_to_stop.remote()
        return self._is_stopped

    def has_anybody_failed(self) -> bool:
        """Whether training cannot go on."""
        return bool(ray.get(self._desk.has_failed.remote()))

    def fail(self, reason: str) -> None:
        """Tell the driver that training cannot go on."""
        ray.get(self._desk.fail.remote(reason))


def work(config: Mapping[str, Any]) -> bool:
    """Do one worker's part, which is what Ray runs in each of them; whether the end was reached.

    Raises:
        ConfigError: If a checkpoint is broken; the driver is told.
        OutputError: If a checkpoint cannot be written; the driver is told.
    """
    hide_credentials()
    torch.set_num_threads(config["threads"])
    worker = RayWorker(config["desk"], threads=config["threads"])
    if worker.has_anybody_failed():
        return False
    try:
        return Trainer(ray.get(config["job"]), worker).run()
    except TrainingError as error:
        # All workers come here at once; as an error Ray would have it tried again.
        worker.fail(str(error))
        return False
    except (ConfigError, OutputError) as error:
        # The others wait for this one: Ray ends them, starts all anew, and they find the word that was left.
        worker.fail(str(error))
        raise


class _Fitting:
    """``TorchTrainer.fit`` in a thread: in the main one Ray takes signals for itself."""

    def __init__(self, trainer: TorchTrainer) -> None:
        self._result: Any = None
        self._error: TrainingFailedError | ray.exceptions.RayError | None = None
        self._thread = threading.Thread(target=self._fit, args=(trainer,), name="training", daemon=True)
        self._thread.start()

    def is_running(self, *, wait_s: float) -> bool:
        """Whether it goes on, after a moment."""
        self._thread.join(wait_s)
        return self._thread.is_alive()

    def result(self) -> Any:
        """Ray's result.

        Raises:
            TrainingError: If workers died too often, or Ray itself failed.
        """
        if self._error is not None:
            said = redact(str(self._error).strip())
            lines = [line.strip() for line in said.splitlines() if line.strip()]
            raise TrainingError(
                f"training failed: {lines[-1] if lines else type(self._error).__name__}"
            ) from self._error
        return self._result

    def _fit(self, trainer: TorchTrainer) -> None:
        try:
            self._result = trainer.fit()
        except (TrainingFailedError, ray.exceptions.RayError) as error:
            self._error = error
        except SystemExit:
            # Ray's native part raises it in threads that ask when a signal to the whole group ended Ray's processes.
            self._error = ray.exceptions.RaySystemError("Ray's processes are gone")


@dataclass(frozen=True, kw_only=True)
class _Failure:
    """Why training cannot go on, and since when that is known."""

    reason: str
    since_s: float

    @property
    def is_overdue(self) -> bool:
        """Whether the workers had their time to end; Ray must not be shut down under a thread that asks it."""
        return time.monotonic() - self.since_s > FAILED_END_S


def _hear(desk: Any, show: Callable[[Point], None]) -> _Failure | None:
    """Show what the workers said; a failure if one of them said that training cannot go on."""
    points, reason = ray.get(desk.take.remote())
    for point in points:
        show(point)
    return None if reason is None else _Failure(reason=reason, since_s=time.monotonic())


class _TrainerHere(TorchTrainer):  # type: ignore[misc]
    """Ray's trainer where Ray itself ends with this process.

    What cleans up after a dead controller asks a dashboard, which does not run here: it would be waited for in vain for
    12 seconds at the end.
    """

    def _create_default_callbacks(self) -> list[Any]:
        callbacks: list[Any] = super()._create_default_callbacks()
        return [each for each in callbacks if not isinstance(each, PlacementGroupCleanerCallback)]


def _make_trainer(config: dict[str, Any], crew: Crew, store: RunStore, max_failures: int) -> TorchTrainer:
    os.environ[ROOM_WITHIN] = _given_room_s or (ELASTIC_ROOM_S if crew.least < crew.most else FIXED_ROOM_S)
    resources = {"CPU": crew.cpus, **({"GPU": 1.0} if crew.on_gpu else {})}
    trainer = TorchTrainer if is_joining() else _TrainerHere
    return trainer(
        work,
        train_loop_config=config,
        scaling_config=ScalingConfig(
            num_workers=crew.most if crew.least == crew.most else (crew.least, crew.most),
            use_gpu=crew.on_gpu,
            resources_per_worker=resources,
        ),
        run_config=RunConfig(
            name=CHECKPOINTS,
            storage_path=store.path,
            storage_filesystem=store.files,
            failure_config=FailureConfig(max_failures=max_failures),
            checkpoint_config=CheckpointConfig(num_to_keep=KEPT),
        ),
    )
