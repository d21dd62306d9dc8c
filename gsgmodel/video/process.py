"""A running process that decodes, seen from its parent: how it is started, bounded and ended."""

import json
import mmap
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from fcntl import F_ADD_SEALS, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, fcntl

from gsgmodel.video.child import IO_BYTES
from gsgmodel.video.confine import PROCESS
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.wire import ClosedError, ProtocolError, SlowError, Wire, connected_pair

START_S = 60.0
"""A child that has not started by then, on whatever busy machine, never will."""
SPARE_BYTES = 256 << 20
"""Shared memory of frames that is kept between videos."""
_CODE = "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); from gsgmodel.video.child import main; main()"


class SandboxError(Exception):
    """The process that decodes cannot be started, or not confined as was asked for; no fault of any video."""


class Child:
    """A running process that decodes, and the memory that is shared with it.

    Args:
        limits: What a video may cost.

    Raises:
        SandboxError: It does not start.
    """

    def __init__(self, limits: DecodeLimits) -> None:
        self.num_videos = 0
        self._cpu_s = 0.0
        size = IO_BYTES + limits.max_window_bytes
        here, there = connected_pair()
        memory_fd = sealed_memory(size)
        try:
            self.shared = mmap.mmap(memory_fd, size)
            said = [str(there.fileno()), str(memory_fd), str(os.getpid())]
            said += [json.dumps(asdict(limits)), json.dumps(sys.path)]
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-c", _CODE, *said],
                pass_fds=(there.fileno(), memory_fd),
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
            )
        except OSError as error:
            here.close()
            raise SandboxError(f"the process that decodes does not start: {error}") from error
        finally:
            os.close(memory_fd)
            there.close()
        self._socket = here
        self.wire = Wire(here.fileno())
        self.measures = self._started()

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def cpu_s(self) -> float:
        """CPU time that it has used."""
        if self._process.poll() is None:
            with suppress(OSError):
                # The clock of another process: clock_getcpuclockid(3).
                self._cpu_s = time.clock_gettime((~self._process.pid << 3) | 2)
        return self._cpu_s

    @property
    def end_text(self) -> str:
        """How it ended, once it has."""
        code = self._process.returncode
        return self.signal_name or f"exit code {code}"

    @property
    def signal_name(self) -> str:
        """What killed it; empty if nothing did."""
        code = self._process.returncode
        with suppress(ValueError):
            return signal.Signals(-code).name if code is not None and code < 0 else ""
        return f"signal {-code}"

    def _started(self) -> tuple[str, ...]:
        """Wait until it is ready; which measures hold.

        Raises:
            SandboxError: It ended, or took too long.
        """
        errors = self._process.stderr
        assert errors is not None
        with errors:
            try:
                ready = self.wire.receive(timeout_s=START_S).get("ready")
            except (ClosedError, SlowError, ProtocolError) as error:
                self.close()
                last = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
                raise SandboxError(f"the process that decodes does not start ({self.end_text}): {last}") from error
        return tuple(ready) if isinstance(ready, list) else (PROCESS,)

    def allow_cpu(self, more_s: float) -> None:
        """Let the kernel kill it once it has used so much more CPU time."""
        soft = int(self.cpu_s + more_s) + 1
        with suppress(OSError):
            resource.prlimit(self._process.pid, resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))

    def wait(self, timeout_s: float) -> None:
        """Wait until it has ended, and see to it that it has."""
        _ = self.cpu_s
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
            return
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it and let go of what is shared."""
        _ = self.cpu_s
        self._process.kill()
        self._process.wait()
        self._socket.close()
        # Frames may still be looked at; the memory goes with the last of them.
        with suppress(BufferError):
            self.shared.close()

    def shrink(self) -> None:
        """Give back memory that a large video took."""
        if len(self.shared) > IO_BYTES + SPARE_BYTES:
            self.shared.madvise(mmap.MADV_REMOVE, IO_BYTES + SPARE_BYTES)


def sealed_memory(size_bytes: int) -> int:
    """Return a file in memory whose size stays: a child that could shrink it would kill its parent with SIGBUS."""
    memory_fd = os.memfd_create("gsg-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(memory_fd, size_bytes)
    fcntl(memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
    return memory_fd


def clean_environment() -> dict[str, str]:
    """Return all that a child gets of the environment: nothing that names a credential."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    return kept | {"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
