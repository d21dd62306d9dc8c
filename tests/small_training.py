"""Clips with a planted sign, held in memory, and a worker that trains alone in this process."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from gsgmodel.model.config import GSGConfig
from gsgmodel.training.initial import initial_weights
from gsgmodel.training.loop import TrainingJob
from gsgmodel.training.settings import TrainSettings

ARCHITECTURE = GSGConfig(backbone="tiny", hidden=16, layers=1, num_selected=2, attention_hidden=8, layer_norm=True)
FRAMES, SIZE_PX = 3, 96


@dataclass(frozen=True)
class MemoryClips:
    """Noise; in fakes one corner of the second frame is bright."""

    clips: pa.Table
    seed: int = 0

    @property
    def videos(self) -> pa.Table:
        """Every fake was made from the real video before it."""
        uris = [str(number) for number in range(self.clips.num_rows)]
        sources = [str(number - 1) if number % 2 else None for number in range(self.clips.num_rows)]
        return pa.table({"uri": uris, "original_uri": pa.array(sources, pa.string())})

    def read_crops(self, index: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, index])
        crops = rng.integers(60, 120, (FRAMES, SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
        if self.clips["planted"][index].as_py():
            crops[1, :40, :40] += 120
        return crops


def make_clips(*, num_train: int = 16, num_val: int = 8, num_test: int = 8, is_shuffled: bool = False) -> MemoryClips:
    """One clip a video; with shuffled labels what is planted says nothing of them."""
    splits = ["train"] * num_train + ["val"] * num_val + ["test"] * num_test
    labels = [place % 2 for place in range(len(splits))]
    planted = np.random.default_rng(7).permutation(labels).tolist() if is_shuffled else labels
    table = pa.table(
        {
            "video": pa.array(range(len(splits)), pa.int32()),
            "label": pa.array(labels, pa.int8()),
            "split": splits,
            "start_s": [0.0] * len(splits),
            "track_id": pa.array([0] * len(splits), pa.int32()),
            "detected": [[True] * FRAMES] * len(splits),
            "planted": planted,
        }
    )
    return MemoryClips(clips=table)


def make_settings(**changes: Any) -> TrainSettings:
    usual: dict[str, Any] = {
        "architecture": ARCHITECTURE,
        "backbone_weights": "none",
        "epochs": 2,
        "batch_clips": 4,
        "lr": 0.02,
        "backbone_lr": 0.02,
        "augment": False,
    }
    return TrainSettings(**(usual | changes))


def make_job(settings: TrainSettings, clips: MemoryClips | None = None) -> TrainingJob:
    weights = initial_weights(
        settings.architecture, backbone_weights=settings.backbone_weights, seed=settings.seed, s3_endpoint=None
    )
    return TrainingJob(store=clips or make_clips(), settings=settings, weights=weights)


@dataclass
class LoneWorker:
    """Keeps every checkpoint in a folder of its own; stops after so many steps."""

    folder: Path
    stop_after: int | None = None
    rank: int = 0
    world_size: int = 1
    threads: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    kept: list[Path] = field(default_factory=list)
    told: list[tuple[int, Mapping[str, float]]] = field(default_factory=list)
    num_asked: int = 0
    metrics: dict[str, float] = field(default_factory=dict)

    def read_latest(self, read: Callable[[Path], None]) -> bool:
        if not self.kept:
            return False
        read(self.kept[-1])
        return True

    def keep(self, folder: Path | None, metrics: Mapping[str, float]) -> None:
        assert (folder is not None) == (self.rank == 0)
        self.metrics = dict(metrics)
        if folder:
            self.kept.append(Path(shutil.move(folder, self.folder / f"{len(self.kept):03}")))

    def tell(self, metrics: Mapping[str, float], *, step: int) -> None:
        self.told.append((step, metrics))

    def is_to_stop(self) -> bool:
        self.num_asked += 1
        return self.num_asked == self.stop_after
