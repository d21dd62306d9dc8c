"""The workers of a training brought together: Ray started or joined, room awaited, the crew sized."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gsgmodel.errors import ConfigError
from gsgmodel.scan.cluster import Room, await_room, num_nodes
from gsgmodel.scan.preflight import this_machine
from gsgmodel.scan.session import running_ray
from gsgmodel.scan.stop import Patience, StopRequest
from gsgmodel.scan.submitted import check_local_inputs, is_joining
from gsgmodel.training.crew import Crew, fit_crew
from gsgmodel.training.settings import TrainSettings, worker_range

STORE_BYTES = 1 << 30
"""Of the object store of a Ray that is started here: the network's weights pass it, clips do not."""


@contextmanager
def gathered(
    settings: TrainSettings, places: tuple[str, ...], *, num_clips: int, stop: StopRequest, note: Callable[[str], None]
) -> Iterator[Crew]:
    """Run Ray for the time of a training.

    Args:
        settings: Of the training.
        places: Of clips and results; on several nodes all of them must lie on a store.
        num_clips: Of the training split; each worker needs one.
        stop: Ends the wait for room.
        note: Told what is waited for.

    Yields:
        The workers that fit. What does not is a ``ConfigError`` before any of them starts.
    """
    wanted = worker_range(settings.workers) if settings.workers else None
    if not is_joining():
        # Before Ray is started, which takes seconds.
        _check(fit_crew([this_machine()], wanted, device=settings.device), settings, num_clips=num_clips)
    with running_ray(object_store_bytes=STORE_BYTES):
        nodes = [this_machine()]
        if is_joining():
            check_local_inputs(places, num_nodes=num_nodes())
            most = wanted[1] if wanted else 1
            room = Room(
                cores=most,
                gpus=0 if settings.device == "cpu" else most,
                needs_gpu=settings.device == "gpu",
            )
            patience = Patience(
                timeout_s=settings.start_timeout_s, note=note, is_stopped=lambda: stop.reason is not None
            )
            nodes = await_room(room, patience)
        yield _check(fit_crew(nodes, wanted, device=settings.device), settings, num_clips=num_clips)


def _check(crew: Crew, settings: TrainSettings, *, num_clips: int) -> Crew:
    """Refuse what the workers that there are cannot do.

    Raises:
        ConfigError: If statistics are to be synchronised without GPUs, or there are more workers than clips.
    """
    if settings.batch_norm == "sync" and not crew.on_gpu:
        raise ConfigError(
            "--batch-norm is sync, which torch has for GPUs alone, and training is on CPUs; accepted: train or frozen"
        )
    if crew.most > min(num_clips, settings.batch_clips):
        raise ConfigError(
            f"there are {crew.most} workers for {num_clips} training clips in batches of {settings.batch_clips}; "
            "accepted: at least one clip of each batch for each worker, see --workers and --batch-clips"
        )
    return crew
