"""Ray for the time of a scan: started on this machine or joined where a cluster runs the job, quiet, and closed."""

import logging
import math
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, TextIO

import psutil
import ray
from ray.data import DataContext

import gsgmodel
from gsgmodel.errors import ConfigError
from gsgmodel.redact import redact
from gsgmodel.scan.gate import open_gate
from gsgmodel.scan.preflight import Machine, Pools, Wishes, fit_for, this_machine
from gsgmodel.scan.stop import Patience
from gsgmodel.scan.submitted import is_joining, submission_id

NO_PROGRESS_S = 4 * 3600.0
"""Ray ends a run in which no block moved for this long; its half hour is less than a bad video may take."""
GATE_ANSWER_S = 30.0
NO_POOLS = Pools(
    prepare_actors=1,
    score_actors=1,
    cpus_per_actor=1.0,
    gpus_per_score_actor=0.0,
    rows_per_score_call=1,
    object_store_bytes=0,
)
"""Of a scan that was stopped before it had room; nothing is started for it."""
RAY_PROCESSES = frozenset({"raylet", "gcs_server"})
_RUNNING = threading.Event()
"""Set within ``running_ray``."""
_STARTING = threading.Lock()
"""Held while Ray starts; whoever comes meanwhile waits and finds it running."""
STARTS = 3
SLOW_START = "timed out during startup"
"""In what Ray raises after the 30 s that it gives its processes."""
END_S = 5.0
"""What Ray's processes get to end by themselves; all but the stuck ones are gone in 3 seconds."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A running Ray, the pools that fit it, and the gate that videos pass."""

    pools: Pools
    gate: Any
    """The actor; its handle goes to the prepare actors."""
    processes: tuple[psutil.Process, ...]
    """Ray's own processes, where this process started them."""

    def leave(self, video_ids: list[bytes]) -> None:
        """Give back the slots of videos that arrived."""
        self.gate.leave.remote(video_ids)

    def close(self) -> int:
        """Let nothing new start, and return how many videos in work may still arrive.

        A signal to the whole process group takes Ray's own processes along; then none will.
        """
        if not all(_is_alive(process) for process in self.processes):
            return 0
        return int(ray.get(self.gate.close.remote(), timeout=GATE_ANSWER_S))


@contextmanager
def start_ray(wishes: Wishes, *, num_videos: int, patience: Patience, run_id: str | None = None) -> Iterator[Session]:
    """Check that the pools fit, start Ray or join the cluster that ``RAY_ADDRESS`` names, and let go of it afterwards.

    Args:
        wishes: What the user asks of the pools.
        num_videos: What is to be scored; more actors of a stage are not started.
        patience: With a cluster that has no room yet.
        run_id: Of the run, for a cluster's metrics.

    Yields:
        The session. Pools that do not fit are a ``ConfigError`` before any actor starts.
    """
    store_bytes = 0
    if not is_joining():
        store_bytes = fit_for(num_videos, wishes, [this_machine()], on_cluster=False).object_store_bytes
    with running_ray(object_store_bytes=store_bytes):
        _set_context()
        free = _free_of_cluster(wishes, num_videos, patience) if is_joining() else [this_machine()]
        is_stopped = is_joining() and patience.is_stopped()
        pools = NO_POOLS if is_stopped else fit_for(num_videos, wishes, free, on_cluster=is_joining())
        gate = open_gate(max_in_work=pools.max_in_work, run_id=run_id if is_joining() else None)
        own = (process for process in psutil.Process().children() if process.name() in RAY_PROCESSES)
        yield Session(pools=pools, gate=gate, processes=tuple(own))


@contextmanager
def running_ray(*, object_store_bytes: int) -> Iterator[None]:
    """Start Ray on this machine, or join the cluster that ``RAY_ADDRESS`` names, and let go of it afterwards.

    Within another such block the Ray that runs already is used, and stays.

    Args:
        object_store_bytes: Of the object store of a Ray that is started here.

    Yields:
        When it runs.
    """
    with _STARTING:
        others = None if _RUNNING.is_set() else _start_or_join(object_store_bytes)
    try:
        yield
    finally:
        if others is not None:
            _let_go(others)


def _start_or_join(object_store_bytes: int) -> set[psutil.Process]:
    """Return what this process had started before: that is not Ray's to end."""
    others = set(psutil.Process().children(recursive=True))
    if is_joining():
        join()
    else:
        _hush(logging.ERROR)
        _start_here(this_machine(), object_store_bytes=object_store_bytes)
    _RUNNING.set()
    return others


def _let_go(others: set[psutil.Process]) -> None:
    """End what Ray has started, or leave the cluster.

    Args:
        others: Processes that were there before, and stay.
    """
    _RUNNING.clear()
    _hush(logging.CRITICAL)
    family = [each for each in psutil.Process().children(recursive=True) if each not in others]
    ray.shutdown()
    _end(family)


def join() -> None:
    """Connect to the cluster that ``RAY_ADDRESS`` names, unless that is done.

    Raises:
        ConfigError: If it cannot be reached, refuses this process, or runs another version of Ray.
    """
    if ray.is_initialized():
        return
    _hush(logging.ERROR)
    # A submitted job's working folder brings the code to every node; without one it is sent along.
    code = (
        {} if submission_id() else {"runtime_env": {"py_modules": [gsgmodel.__path__[0]], "excludes": ["__pycache__"]}}
    )
    try:
        with _native_log_held():
            ray.init(logging_level=logging.ERROR, log_to_driver=False, **code)
    except (ConnectionError, RuntimeError, ray.exceptions.RayError) as error:
        address = redact(os.environ["RAY_ADDRESS"])
        raise ConfigError(f"RAY_ADDRESS is {address!r}, and that cluster cannot be joined: {error}") from error


def _free_of_cluster(wishes: Wishes, num_videos: int, patience: Patience) -> list[Machine]:
    # Ray's questions about a cluster take a third of a second to load, in every process that knows a session.
    from gsgmodel.scan.cluster import Room, await_room  # noqa: PLC0415

    most_gpus = wishes.score_actors or math.ceil(num_videos / wishes.batch_clips)
    room = Room(
        cores=wishes.prepare_actors or num_videos,
        gpus=0 if wishes.device in {"cpu", "none"} else most_gpus,
        needs_gpu=wishes.device == "gpu",
    )
    return await_room(room, patience)


def _start_here(machine: Machine, *, object_store_bytes: int) -> None:
    """Start Ray; once more where the machine is so busy that its processes are not up within Ray's own half minute.

    Raises:
        ConfigError: They never are.
    """
    for _ in range(STARTS):
        others = set(psutil.Process().children(recursive=True))
        try:
            _start(machine, object_store_bytes=object_store_bytes)
        except Exception as error:
            if SLOW_START not in str(error):
                raise
            # Ray leaves behind what did start.
            _end([each for each in psutil.Process().children(recursive=True) if each not in others], within_s=0.0)
        else:
            return
    raise ConfigError(f"Ray did not start within 30 s, {STARTS} times in a row: this machine is too busy")


def _start(machine: Machine, *, object_store_bytes: int) -> None:
    with _native_log_held():
        # "local": without it Ray joins any cluster that left its address on this machine.
        ray.init(
            address="local",
            num_cpus=machine.cores,
            num_gpus=machine.num_gpus,
            object_store_memory=object_store_bytes,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _end(family: list[psutil.Process], *, within_s: float = END_S) -> None:
    # A worker of Ray 2.60 can deadlock in its own destructors and stay, with all its memory, for good.
    _, alive = psutil.wait_procs(family, timeout=within_s)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=END_S)


def _set_context() -> None:
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = NO_PROGRESS_S
    # Blocks of one byte: every planned row becomes a block, so that one call, one retry and one loss are one video.
    context.target_max_block_size = 1
    context.target_min_block_size = 1


@contextmanager
def _native_log_held() -> Iterator[None]:
    """Keep what Ray's native part writes at its start off the terminal, unless it does not start.

    What Python writes meanwhile, from other threads, still goes there.
    """
    with tempfile.TemporaryFile() as held:
        terminal, usual = os.dup(2), sys.stderr
        if usual is sys.__stderr__:
            sys.stderr = _other_stderr()
        os.dup2(held.fileno(), 2)
        is_started = False
        try:
            yield
            is_started = True
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            sys.stderr = usual
            if not is_started:
                held.seek(0)
                sys.stderr.write(held.read().decode(errors="replace"))


@cache
def _other_stderr() -> TextIO:
    """Standard error on a descriptor of its own; it stays open, for whoever took it to write to."""
    return os.fdopen(os.dup(2), "w", buffering=1)


def _hush(level: int) -> None:
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(level)
    warnings.filterwarnings("ignore", module=r"ray\.")
