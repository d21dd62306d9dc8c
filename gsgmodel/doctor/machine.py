"""Room on this machine: disks, memory, open files."""

import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gsgmodel.doctor.findings import Finding
from gsgmodel.scan.preflight import DRIVER_BYTES, MIN_OBJECT_STORE_BYTES, PREPARE_BYTES, SCORE_BYTES, this_machine

SCRATCH_BYTES = 2 << 30
"""Ray spills to the temporary folder, and a plan of ten million videos takes about as much there."""
OUTPUT_BYTES = 1 << 30
"""A scored video is about a kilobyte; merging keeps everything twice for a while."""
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Ray keeps its objects
FEWEST_FILES = 4096
"""Ray wants a few hundred files for each process; below this it warns itself."""


def check_machine() -> Iterator[Finding]:
    """Look at memory, the temporary folder, shared memory, and how many files may be open."""
    machine = this_machine()
    yield check_memory(machine.memory_bytes, cores=machine.cores)
    folder = Path(tempfile.gettempdir())
    yield check_disk(folder, wanted_bytes=SCRATCH_BYTES, name="scratch", fix="TMPDIR names another folder")
    if SHARED_MEMORY.is_dir():
        fix = "give the container more (docker --shm-size, or a volume of medium Memory at /dev/shm)"
        yield check_disk(SHARED_MEMORY, wanted_bytes=MIN_OBJECT_STORE_BYTES, name="shared memory", fix=fix)
    yield check_open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def check_memory(memory_bytes: int, *, cores: float) -> Finding:
    """Whether one actor of each stage fits beside the driver and Ray's objects."""
    wanted_bytes = PREPARE_BYTES + SCORE_BYTES + DRIVER_BYTES + MIN_OBJECT_STORE_BYTES
    text = f"{_gb(memory_bytes)} and {cores:g} cores"
    if memory_bytes >= wanted_bytes:
        return Finding(name="memory", verdict="ok", text=text)
    fix = f"a scan of one actor a stage takes {_gb(wanted_bytes)}"
    return Finding(name="memory", verdict="failed", text=f"{text}, too little", fix=fix)


def check_disk(folder: Path, *, wanted_bytes: int, name: str, fix: str) -> Finding:
    """Whether a folder, or the nearest one above it that is there, can be written and has room.

    Args:
        folder: Absolute.
        wanted_bytes: As much should be free.
        name: Of the finding.
        fix: What to do if it is not.
    """
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    free_bytes = shutil.disk_usage(place).free
    text = f"{_gb(free_bytes)} free in {folder}"
    if not os.access(place, os.W_OK):
        return Finding(name=name, verdict="failed", text=f"{place} cannot be written", fix=fix)
    if free_bytes < wanted_bytes:
        return Finding(name=name, verdict="failed", text=f"{text}, less than {_gb(wanted_bytes)}", fix=fix)
    return Finding(name=name, verdict="ok", text=text)


def check_open_files(most: int) -> Finding:
    """Whether enough files may be open at once.

    Args:
        most: The hard limit, which processes may raise their own to.
    """
    if most == resource.RLIM_INFINITY or most >= FEWEST_FILES:
        return Finding(
            name="open files", verdict="ok", text="any number" if most == resource.RLIM_INFINITY else f"{most}"
        )
    return Finding(
        name="open files",
        verdict="warning",
        text=f"at most {most}, where {FEWEST_FILES} are wanted",
        fix=f"ulimit -n {FEWEST_FILES}, or LimitNOFILE of the service",
    )


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
