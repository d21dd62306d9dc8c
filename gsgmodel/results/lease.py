"""A small file beside a table that says who is writing to it, so that another run can wait, leave or join.

It saves work and protects nothing: the table keeps each row once whoever writes to it. So a holder that was thought to
be gone and comes back does no harm, and no clock of another machine is believed: a holder is gone when its file has not
changed for a while by the clock of the one who looks, or when it was a process of this machine that is there no more.
"""

import json
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from gsgmodel.errors import VideoError
from gsgmodel.results.places import Place
from gsgmodel.results.storage import output_errors

NAME = "videos.lease.json"
RENEW_S = 10.0
GONE_S = 60.0
"""A lease that has not changed for so long has no holder any more."""
LOOK_S = 1.0
LET_GO_S = 30.0
"""For a store to delete the lease at the end."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who writes to a table."""

    run_id: str
    host: str
    boot: str
    """Of the machine since its last start: a process number means nothing after another one."""
    pid: int
    born_s: float
    """When the process began, by its machine."""
    count: int = 0
    """Grows with every renewal."""

    @classmethod
    def here(cls, run_id: str) -> "Holder":
        """This process."""
        boot = _BOOT.read_text().strip() if _BOOT.is_file() else ""
        born_s = psutil.Process().create_time()
        return cls(run_id=run_id, host=platform.node(), boot=boot, pid=os.getpid(), born_s=born_s)

    @property
    def is_dead(self) -> bool:
        """Whether it was a process of this machine that has ended; False where that cannot be known."""
        me = Holder.here("")
        if not self.boot or (self.host, self.boot) != (me.host, me.boot):
            return False
        try:
            return bool(abs(psutil.Process(self.pid).create_time() - self.born_s) > 1)
        except psutil.NoSuchProcess:
            return True


@contextmanager
def holding(
    place: Place, run_id: str, *, wait: Callable[[Holder], bool], sleep: Callable[[float], None] = time.sleep
) -> Iterator[bool]:
    """Hold the lease of a table while the block runs, unless another run holds it and this one goes on regardless.

    Args:
        place: The output, which holds the table; the folder is made if it is not there.
        run_id: Of this run.
        wait: Told who holds it, again and again; False ends the waiting, and the block runs without the lease.
        sleep: Between two looks.

    Yields:
        Whether this run holds it. Where the place cannot be written, an ``OutputError`` is raised.
    """
    me = Holder.here(run_id)
    with output_errors(place.uri):
        place.make()
        is_mine = _take(place, me, wait=wait, sleep=sleep)
    if not is_mine:
        yield False
        return
    is_over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(place, me, is_over), daemon=True, name="gsg-lease")
    keeper.start()
    try:
        yield True
    finally:
        is_over.set()
        # What is left behind is found to have no holder; nothing else depends on it.
        keeper.join(LET_GO_S)


def _take(place: Place, me: Holder, *, wait: Callable[[Holder], bool], sleep: Callable[[float], None]) -> bool:
    seen: bytes | None = None
    since_s = time.monotonic()
    while not place.create(NAME, _text(me)):
        content = place.read(NAME)
        if content != seen:
            seen, since_s = content, time.monotonic()
        holder = _parse(content)
        if holder is not None and holder.run_id == me.run_id:
            # The answer to the request that wrote it was lost.
            return True
        if content is not None and (holder is None or holder.is_dead or time.monotonic() - since_s > GONE_S):
            place.remove(NAME)
        elif holder is not None:
            if not wait(holder):
                return False
            sleep(LOOK_S)
    return True


def _keep(place: Place, me: Holder, is_over: threading.Event) -> None:
    """Renew the lease, and delete it in the end; a renewal may fail, and a lease that was lost is let go."""
    while not is_over.wait(RENEW_S):
        me = replace(me, count=me.count + 1)
        with suppress(OSError, VideoError):
            found = _parse(place.read(NAME))
            if found is not None and found.run_id != me.run_id:
                return
            place.write(NAME, _text(me))
    # Here, so that no renewal can come after it.
    with suppress(OSError, VideoError):
        if (found := _parse(place.read(NAME))) and found.run_id == me.run_id:
            place.remove(NAME)


def _text(holder: Holder) -> bytes:
    return json.dumps(asdict(holder)).encode()


def _parse(content: bytes | None) -> Holder | None:
    try:
        said: dict[str, Any] = json.loads(content or b"")
        return Holder(**said)
    except (ValueError, TypeError):
        return None
