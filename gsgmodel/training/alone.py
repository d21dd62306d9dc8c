"""A training in one process by itself: no workers that wait for each other, its checkpoints on the local disk.

What a table of many small trainings is made of: several of these side by side leave no core idle.
"""

import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from gsgmodel.clips.store import ClipStore
from gsgmodel.results.places import LocalPlace
from gsgmodel.training.desk import Point
from gsgmodel.training.distributed import CHECKPOINTS
from gsgmodel.training.finish import TrainingSummary, finish, stopped
from gsgmodel.training.loop import Clips, Trainer
from gsgmodel.training.opening import make_job, open_training
from gsgmodel.training.settings import TrainSettings
from gsgmodel.training.state import STATE

MOST_HELD_BYTES = 512 << 20
"""Of unpacked crops in a process."""


@dataclass(kw_only=True)
class LoneWorker:
    """The only worker of a training."""

    folder: Path
    """Of the run's checkpoints; the newest is kept."""
    device: torch.device
    threads: int
    is_asked: Callable[[], bool]
    """Whether training is to end with a checkpoint."""
    show: Callable[[Point], None]
    rank: int = 0
    world_size: int = 1
    was_asked: bool = field(default=False, init=False)

    @property
    def latest(self) -> Path | None:
        """The newest checkpoint that is whole; None where there is none."""
        found = sorted((path.parent for path in self.folder.glob(f"*/{STATE}")), key=lambda path: path.stat().st_mtime)
        return found[-1] if found else None

    def read_latest(self, read: Callable[[Path], None]) -> bool:
        """Have the newest checkpoint read, if there is one."""
        latest = self.latest
        if latest is None:
            return False
        read(latest)
        return True

    def keep(self, folder: Path | None, metrics: Mapping[str, float]) -> None:
        """Keep a checkpoint in place of the one before; it is there as a whole or not at all."""
        del metrics
        assert folder is not None
        before = self.latest
        self.folder.mkdir(parents=True, exist_ok=True)
        name = uuid.uuid4().hex[:12]
        arriving = self.folder.parent / f".{name}"
        shutil.move(folder, arriving)
        arriving.rename(self.folder / name)
        if before is not None:
            shutil.rmtree(before)

    def tell(self, metrics: Mapping[str, float], *, step: int) -> None:
        """Show how far training is."""
        self.show(Point(step=step, metrics=metrics))

    def is_to_stop(self) -> bool:
        """Whether training is to end here."""
        self.was_asked = self.was_asked or self.is_asked()
        return self.was_asked


class HeldClips:
    """Clips that are unpacked once and held; several trainings of few clips would unpack them again and again."""

    def __init__(self, store: ClipStore) -> None:
        self.clips, self.videos = store.clips, store.videos
        self._read = store.read_crops
        self._held: dict[int, UInt8[np.ndarray, "T S S 3"]] = {}

    def read_crops(self, index: int) -> UInt8[np.ndarray, "T S S 3"]:
        """Return the crops of one clip."""
        found = self._held.get(index)
        if found is None:
            found = self._held[index] = self._read(index)
        return found


def held_if_few(store: ClipStore) -> Clips:
    """Return the clips of a store, held where they are few enough."""
    preparation = store.preparation
    clip_bytes = preparation.frames_per_clip * preparation.crop_size_px**2 * 3
    return HeldClips(store) if store.clips.num_rows * clip_bytes <= MOST_HELD_BYTES else store


def train_alone(
    store_uri: str, settings: TrainSettings, *, device: str, threads: int, is_asked: Callable[[], int | None]
) -> TrainingSummary:
    """Train, judge and write a model in this process; errors are those of ``open_training`` and the loop.

    Args:
        store_uri: Of the clip store.
        settings: With a local folder as output.
        device: As torch names it.
        threads: That compute.
        is_asked: The signal for which training is to end with a checkpoint, or None; asked at each step.
    """
    torch.set_num_threads(threads)
    with open_training(store_uri, settings) as training:
        tracked, place = training.tracked, training.run_folder.place
        assert isinstance(place, LocalPlace)

        def hear() -> bool:
            training.stop.signum = is_asked()
            return training.stop.signum is not None

        def show(point: Point) -> None:
            if tracked:
                tracked.log(point.metrics, step=point.step)

        worker = LoneWorker(
            folder=place.path / CHECKPOINTS, device=torch.device(device), threads=threads, is_asked=hear, show=show
        )
        job = replace(make_job(training), store=held_if_few(training.store))
        if not Trainer(job, worker).run():
            return stopped(training)
        checkpoint = worker.latest
        assert checkpoint is not None
        return finish(training, checkpoint)
