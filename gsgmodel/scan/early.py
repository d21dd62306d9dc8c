"""Ray on its way while a scan is opened: Ray mostly waits for its own processes to start, a scan loads its model."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gsgmodel.model.config import UNTRAINED
from gsgmodel.model.settings import SETTINGS_NAME
from gsgmodel.scan.preflight import Wishes, fit_machine, this_machine
from gsgmodel.scan.settings import ScanSettings
from gsgmodel.scan.submitted import is_joining


def is_sure_to_need_ray(settings: ScanSettings) -> bool:
    """Whether little can end a checked scan before its first video, as far as can be told in no time.

    With an output another run may have to be waited for, or nothing may be left to do; a model in MLflow may not be
    found. Then Ray would have been started, and waited for, in vain.
    """
    is_model_here = settings.model == UNTRAINED or (Path(settings.model) / SETTINGS_NAME).is_file()
    return is_model_here and settings.output is None and not settings.dry_run


@contextmanager
def starting_ray(wishes: Wishes, *, is_wanted: bool) -> Iterator[None]:
    """Start Ray on this machine beside what the block does first; ``start_ray`` in the block waits for it.

    A cluster is joined in its time: that takes a moment, and others may have to wait for what is asked of it.

    Args:
        wishes: What the user asks of the pools; they have been found to fit.
        is_wanted: Whether to start it at all.

    Yields:
        At once. What goes wrong with Ray is raised where it is used.
    """
    if not is_wanted or is_joining():
        yield
        return
    # The executor is the outer one: Ray's processes are killed when the thread that started them ends.
    with ThreadPoolExecutor(1, thread_name_prefix="ray-start") as beside, ExitStack() as until_the_end:
        coming = beside.submit(_start, wishes, until_the_end)
        try:
            yield
        finally:
            wait([coming])


def _start(wishes: Wishes, until_the_end: ExitStack) -> None:
    # Here, not above: loading Ray is a part of what is done beside.
    from gsgmodel.scan.session import running_ray  # noqa: PLC0415

    store_bytes = fit_machine(this_machine(), wishes).object_store_bytes
    until_the_end.enter_context(running_ray(object_store_bytes=store_bytes))
