"""Ray for the time of a scan: started on this machine or joined where a cluster runs the job, quiet, and closed."""

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

# Read by Ray's native part when it is loaded: it reports as errors what this use of it makes harmless.
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# Without it a thread that asks Ray for something after its shutdown starts a second Ray.
os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")

import psutil
import ray
from ray.data import DataContext

from gsgmodel.scan.gate import open_gate
from gsgmodel.scan.preflight import Machine, Pools, fit_pools, this_machine

NO_PROGRESS_S = 4 * 3600.0
"""Ray ends a run in which no block moved for this long; its half hour is less than a bad video may take."""
GATE_ANSWER_S = 30.0
RAY_PROCESSES = frozenset({"raylet", "gcs_server"})
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
def start_ray(
    *,
    device: Literal["auto", "cpu", "gpu"],
    prepare_actors: int | None,
    score_actors: int | None,
    batch_clips: int,
) -> Iterator[Session]:
    """Check that the pools fit, start Ray, and shut it down afterwards.

    Args:
        device: Where the network runs.
        prepare_actors: Size of the pool, or None to fit it.
        score_actors: Size of the pool, or None to fit it.
        batch_clips: Clips of one forward pass.

    Yields:
        The session. Pools that do not fit are a ``ConfigError`` before Ray starts.
    """
    _hush(logging.ERROR)
    fit = partial(
        fit_pools,
        device=device,
        prepare_actors=prepare_actors,
        score_actors=score_actors,
        batch_clips=batch_clips,
    )
    is_joining = bool(os.environ.get("RAY_ADDRESS"))
    if is_joining:
        ray.init(logging_level=logging.ERROR)
    else:
        _start_here(this_machine(), object_store_bytes=fit(this_machine()).object_store_bytes)
    try:
        _set_context()
        pools = fit(_cluster() if is_joining else this_machine())
        gate = open_gate(max_in_work=pools.max_in_work)
        own = (process for process in psutil.Process().children() if process.name() in RAY_PROCESSES)
        yield Session(pools=pools, gate=gate, processes=tuple(own))
    finally:
        _hush(logging.CRITICAL)
        family = psutil.Process().children(recursive=True)
        ray.shutdown()
        _end(family)


def _start_here(machine: Machine, *, object_store_bytes: int) -> None:
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


def _end(family: list[psutil.Process]) -> None:
    # A worker of Ray 2.60 can deadlock in its own destructors and stay, with all its memory, for good.
    _, alive = psutil.wait_procs(family, timeout=END_S)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _cluster() -> Machine:
    total = ray.cluster_resources()
    return Machine(
        cores=int(total.get("CPU", 0)), memory_bytes=int(total.get("memory", 0)), num_gpus=int(total.get("GPU", 0))
    )


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
    """Keep what Ray's native part writes at its start off the terminal, unless it does not start."""
    with tempfile.TemporaryFile() as held:
        terminal = os.dup(2)
        os.dup2(held.fileno(), 2)
        is_started = False
        try:
            yield
            is_started = True
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            if not is_started:
                held.seek(0)
                sys.stderr.write(held.read().decode(errors="replace"))


def _hush(level: int) -> None:
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(level)
    warnings.filterwarnings("ignore", module=r"ray\.")
