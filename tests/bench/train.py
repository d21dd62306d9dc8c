"""How fast one worker trains, beside a plain loop of torch on the same clips.

Usage: python tests/bench/train.py STORE [--backbone NAME] [--steps N] [--rounds R]

STORE is a clip store of `gsg prepare`. The plain loop is what a competent user would write: a DataLoader over the
store's crops, cross-entropy of both streams and the guide loss, SGD with momentum, nothing logged, checked or kept.
Both take the same clips in batches of the same size and change none of them; they take turns, and each round gives one
ratio. Prints one line of JSON: clips a second of each, the median ratio of ours over theirs, and its spread. N + 1
steps must fit an epoch of the store. `./gsg bench train` does the same over made clips.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from gsgmodel.clips.store import ClipStore
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.loss import gsg_loss
from gsgmodel.training.initial import initial_weights
from gsgmodel.training.loop import Trainer, TrainingJob
from gsgmodel.training.settings import TrainSettings
from tests.bench.side_by_side import Comparison, turns
from tests.small_store import make_store
from tests.small_training import LoneWorker

BATCH = 8
BACKBONE, STEPS = "resnet18", 3


class Crops(Dataset):  # type: ignore[type-arg]
    """The training split, clip by clip."""

    def __init__(self, store: ClipStore) -> None:
        self._store = store
        splits = np.array(store.clips["split"].to_pylist())
        self._places = np.flatnonzero(splits == "train")
        self._labels = store.clips["label"].to_numpy()

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        place = int(self._places[index])
        return torch.from_numpy(self._store.read_crops(place).copy()), int(self._labels[place])


def plain_loop(store: ClipStore, architecture: GSGConfig, *, steps: int) -> float:
    """Clips a second of a plain loop."""
    torch.manual_seed(0)
    network = GSGModel(architecture).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    loader = DataLoader(Crops(store), batch_size=BATCH, shuffle=True, drop_last=True)
    done, started_s = 0, 0.0
    while done <= steps:
        for crops, labels in loader:
            if done == 1:
                started_s = time.perf_counter()
            clips = crops.permute(0, 1, 4, 2, 3).float() / 255
            output = network(clips)
            loss = gsg_loss(output.global_logits, output.fusion_logits, labels).total
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            done += 1
            if done > steps:
                break
    return steps * BATCH / (time.perf_counter() - started_s)


class Clock(LoneWorker):
    """Stops after so many steps and notes when the first and the last of them were done."""

    started_s = ended_s = 0.0

    def is_to_stop(self) -> bool:
        self.ended_s = time.perf_counter()
        self.started_s = self.started_s or self.ended_s
        return super().is_to_stop()


def our_loop(store: ClipStore, architecture: GSGConfig, *, steps: int) -> float:
    """Clips a second of ours: the same work, and all that is measured, agreed on and written on its way."""
    settings = TrainSettings(
        architecture=architecture, backbone_weights="none", batch_clips=BATCH, augment=False, epochs=10_000
    )
    weights = initial_weights(architecture, backbone_weights="none", seed=0, s3_endpoint=None)
    folder = Path(tempfile.mkdtemp(prefix="gsg-bench-"))
    try:
        worker = Clock(folder, stop_after=steps + 1)
        Trainer(TrainingJob(store=store, settings=settings, weights=weights), worker).run()
        return steps * BATCH / (worker.ended_s - worker.started_s)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, *, rounds: int) -> Comparison:
    """Wall time a clip of both loops, over made clips; ``folder`` is not looked at, because pixels cost the same."""
    del folder
    torch.set_num_threads(1)
    architecture = replace(GSGConfig(), backbone=BACKBONE)
    with tempfile.TemporaryDirectory(prefix="gsg-bench-") as scratch:
        store = make_store(Path(scratch) / "store", splits={"train": BATCH * (STEPS + 1), "val": 4, "test": 4})
        ways = {"plain loop": plain_loop, "ours": our_loop}
        took_s: dict[str, list[float]] = {name: [] for name in ways}
        for name in turns(ways, rounds=rounds):
            took_s[name].append(1 / ways[name](store, architecture, steps=STEPS))
    facts = {"network": f"{BACKBONE}, {BATCH} clips a step, {STEPS} steps after the first, one thread"}
    return Comparison(title="Training", peer="plain loop", took_s=took_s, unit="wall s a clip", facts=facts)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("store")
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    store = ClipStore.open(asked.store)
    architecture = replace(GSGConfig(), backbone=asked.backbone)
    ours, theirs = [], []
    for _ in range(asked.rounds):
        theirs.append(plain_loop(store, architecture, steps=asked.steps))
        ours.append(our_loop(store, architecture, steps=asked.steps))
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    print(
        json.dumps(
            {
                "backbone": asked.backbone,
                "ours_clips_per_s": round(statistics.median(ours), 3),
                "plain_clips_per_s": round(statistics.median(theirs), 3),
                "ratio": round(statistics.median(ratios), 3),
                "ratio_least": round(min(ratios), 3),
                "ratio_most": round(max(ratios), 3),
            }
        )
    )


if __name__ == "__main__":
    main()
