"""Many trainings, several at once: each is one Ray task on this machine, with a part of its cores or a GPU."""

import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from gsgmodel.errors import ConfigError, OutputError, TrainingError
from gsgmodel.redact import hide_credentials
from gsgmodel.scan.preflight import Machine
from gsgmodel.scan.stop import StopRequest
from gsgmodel.training.settings import TrainSettings

POLL_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one of the trainings gets of the machine."""

    at_once: int
    threads: int
    on_gpu: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of one training."""

    summary: dict[str, Any] | None = None
    error: str = ""
    """In a sentence, where there is no summary."""
    is_usage: bool = False
    """Whether what is wrong are the settings."""


def share_of(machine: Machine, *, at_once: int | None, device: str) -> Share:
    """Choose how many train at once: as asked, else one a GPU, else one a core.

    Args:
        machine: Where they train.
        at_once: As asked; None to choose.
        device: ``auto``, ``cpu`` or ``gpu``.

    Raises:
        ConfigError: A GPU is asked for where none is, or more trainings than the machine has room for.
    """
    on_gpu = device != "cpu" and machine.num_gpus > 0
    if device == "gpu" and not on_gpu:
        raise ConfigError("--device is gpu, but no GPU is free; accepted: auto or cpu")
    most = machine.num_gpus if on_gpu else max(1, int(machine.cores))
    chosen = at_once or most
    if chosen > most:
        what = f"{machine.num_gpus} GPUs" if on_gpu else f"{machine.cores:g} cores"
        raise ConfigError(f"--at-once is {at_once}, and this machine has {what}; accepted: up to that")
    return Share(at_once=chosen, threads=max(1, int(machine.cores) // chosen), on_gpu=on_gpu)


def train_side_by_side(
    store_uri: str,
    begin: Sequence[Callable[[], TrainSettings]],
    share: Share,
    *,
    stop: StopRequest,
    ended: Callable[[int, dict[str, Any]], None],
) -> bool:
    """Do many trainings on Ray that runs; one whose process dies goes on from its checkpoint.

    Args:
        store_uri: Of the clips.
        begin: The settings of each, asked for when it starts and when it starts again.
        share: What each gets.
        stop: Asks all to end with checkpoints.
        ended: Told the place in ``begin`` and the summary of what has ended.

    Returns:
        Whether all ended by themselves. A training that refuses its settings is a ``ConfigError``, one that cannot go
        on or whose process died too often a ``TrainingError``.
    """
    crowd = _Crowd(store_uri, begin, share, ended)
    asked_at: float | None = None
    while crowd.waiting or crowd.running:
        if stop.reason is None:
            crowd.fill()
        elif asked_at is None:
            asked_at = time.monotonic()
            crowd.bell.ring.remote(stop.signum or int(signal.SIGTERM))
        is_over = asked_at is not None and time.monotonic() - asked_at > stop.drain_s
        if stop.is_urgent or is_over or not crowd.running:
            return False
        crowd.hear()
    return stop.reason is None


class _Crowd:
    """The trainings that run and those that wait."""

    def __init__(
        self,
        store_uri: str,
        begin: Sequence[Callable[[], TrainSettings]],
        share: Share,
        ended: Callable[[int, dict[str, Any]], None],
    ) -> None:
        self._store_uri, self._begin, self._share, self._ended = store_uri, begin, share, ended
        self._task, self.bell = _task(share), _bell()
        self._failures = [0] * len(begin)
        self.waiting, self.running = deque(range(len(begin))), dict[Any, int]()

    def fill(self) -> None:
        """Start as many as there is room for."""
        while self.waiting and len(self.running) < self._share.at_once:
            place = self.waiting.popleft()
            self.running[self._task.remote(self._store_uri, self._begin[place](), self._share, self.bell)] = place

    def hear(self) -> None:
        """Take what has ended within a moment.

        Raises:
            ConfigError: A training refuses its settings.
            TrainingError: One cannot go on, or its process died too often.
        """
        ready, _ = ray.wait(list(self.running), timeout=POLL_S)
        for done in ready:
            place = self.running.pop(done)
            outcome = _outcome(done)
            if outcome is None:
                self._again(place)
            elif outcome.is_usage:
                raise ConfigError(outcome.error)
            elif outcome.summary is None:
                raise TrainingError(outcome.error)
            else:
                self._ended(place, outcome.summary)

    def _again(self, place: int) -> None:
        """Have a training whose process died go on.

        Raises:
            TrainingError: It died too often.
        """
        self._failures[place] += 1
        if self._failures[place] > self._begin[place]().max_failures:
            raise TrainingError(f"the process of a training died {self._failures[place]} times; see --max-failures")
        self.waiting.appendleft(place)


class Bell:
    """Heard by all trainings; runs as an actor."""

    def __init__(self) -> None:
        self._signum: int | None = None

    def ring(self, signum: int) -> None:
        """Ask all to end."""
        self._signum = signum

    def heard(self) -> int | None:
        """The signal that rang."""
        return self._signum


class Ear:
    """Asks the bell without waiting for the answer."""

    def __init__(self, bell: Any) -> None:
        self._bell = bell
        self._asked = bell.heard.remote()

    def __call__(self) -> int | None:
        """The signal that rang, as far as is known here."""
        ready, _ = ray.wait([self._asked], timeout=0)
        if not ready:
            return None
        signum: int | None = ray.get(self._asked)
        self._asked = self._bell.heard.remote()
        return signum


def train_one(store_uri: str, settings: TrainSettings, share: Share, bell: Any) -> Ended:
    """Do one training, which is what Ray runs; what is wrong comes back as a sentence."""
    hide_credentials()
    from gsgmodel.training.alone import train_alone  # noqa: PLC0415 - torch, which the driver does not need

    try:
        summary = train_alone(
            store_uri,
            settings,
            device="cuda" if share.on_gpu else "cpu",
            threads=share.threads,
            is_asked=Ear(bell),
        )
    except (ConfigError, OutputError, TrainingError) as error:
        return Ended(error=str(error), is_usage=isinstance(error, ConfigError))
    return Ended(summary=asdict(summary))


def _task(share: Share) -> Any:
    resources = {"num_cpus": share.threads, "num_gpus": 1 if share.on_gpu else 0}
    # Outputs are folders of this machine.
    return ray.remote(max_retries=0, scheduling_strategy=_here(), **resources)(train_one)


def _bell() -> Any:
    return ray.remote(num_cpus=0, scheduling_strategy=_here())(Bell).remote()


def _here() -> NodeAffinitySchedulingStrategy:
    return NodeAffinitySchedulingStrategy(node_id=ray.get_runtime_context().get_node_id(), soft=False)


def _outcome(done: Any) -> Ended | None:
    """What a task returned; None where its process died."""
    try:
        outcome: Ended = ray.get(done)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError):
        return None
    return outcome
