"""The loop: epochs over the clips of a store, judged on its validation split; the same alone and with many workers."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
import safetensors.torch
import torch
from jaxtyping import Float64, Int64, UInt8
from torch.nn.parallel import DistributedDataParallel

from gsgmodel.errors import OutputError, TrainingError
from gsgmodel.model.weights import new_network
from gsgmodel.training.batches import Part, changed_reader, parts_of
from gsgmodel.training.feed import feed
from gsgmodel.training.judge import clip_margins, judgement
from gsgmodel.training.network import learning_network, make_optimiser, set_modes, set_rates
from gsgmodel.training.order import epoch_order, num_steps, originals_of
from gsgmodel.training.schedule import lr_factor
from gsgmodel.training.settings import TrainSettings
from gsgmodel.training.state import TrainingState
from gsgmodel.training.step import averages, learn
from gsgmodel.training.worker import Worker, add_up

PREDICTIONS = "predictions.safetensors"
"""In the last checkpoint: margins of the validation and test splits by the weights that become the model."""
JUDGED = ("val", "test")
TELL_S = 2.0


@runtime_checkable
class Clips(Protocol):
    """What is learned from; ``gsgmodel.clips.store.ClipStore`` is one."""

    @property
    def clips(self) -> pa.Table:
        """A row a clip, with the columns ``video``, ``label``, ``split``, ``track_id`` and ``detected``."""
        ...

    @property
    def videos(self) -> pa.Table:
        """A row a video; asked for where clips are taken in pairs."""
        ...

    def read_crops(self, index: int) -> UInt8[np.ndarray, "T S S 3"]:
        """Return the crops of one clip; called by several threads at once."""
        ...


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What all workers are given."""

    store: Clips
    settings: TrainSettings
    weights: bytes
    """Of the network before the first step, in the safetensors format."""


class _Asked(NamedTuple):
    """What all workers agree on after a step."""

    stop: bool
    keep: bool


class Trainer:
    """One worker's part of a training; ``run`` does it."""

    def __init__(self, job: TrainingJob, worker: Worker) -> None:
        """Build the network and go on from the latest checkpoint where there is one; a broken one is a ConfigError."""
        self._job, self._settings, self._worker = job, job.settings, worker
        self._labels: Int64[np.ndarray, "N"] = job.store.clips["label"].to_numpy().astype(np.int64)
        splits = np.array(job.store.clips["split"].to_pylist())
        self._clips = {split: np.flatnonzero(splits == split).astype(np.int64) for split in ("train", *JUDGED)}
        self._originals = originals_of(job.store, self._clips["train"]) if job.settings.pairs else None
        network = new_network(job.settings.network)
        network.load_state_dict(safetensors.torch.load(job.weights))
        self._learning = learning_network(network.to(worker.device), self._settings, world_size=worker.world_size)
        self._network = network
        self.state = TrainingState(network=network, optimiser=make_optimiser(network, self._settings))
        if worker.read_latest(self.state.read):
            here = {"epoch": self.state.epoch, "step": self.state.step, "workers": worker.world_size}
            self.state.resumes.append(here)
            if worker.rank:
                self.state.sums = None
        # In bfloat16 a CPU is slower (gsgmodel.model.scoring).
        on_gpu = worker.device.type != "cpu"
        self._is_autocast = self._settings.autocast == "on" or (self._settings.autocast == "auto" and on_gpu)
        self._kept_s = self._told_s = time.monotonic()

    def run(self) -> bool:
        """Train to the end, or to where training is asked to stop.

        Returns:
            Whether the end was reached; the last checkpoint then holds ``PREDICTIONS``.
        """
        while self.state.epoch < self._settings.epochs:
            if not self._train_epoch():
                return False
            self._close_epoch()
        self._finish()
        return True

    def _train_epoch(self) -> bool:
        """Do what is left of an epoch; False if training is to stop, which leaves a checkpoint."""
        state, settings = self.state, self._settings
        order = self._order(state.epoch)
        steps = num_steps(len(order), batch_clips=settings.batch_clips)
        parts = [self._parts(step, len(order)) for step in range(state.step, steps)]
        read = changed_reader(
            self._job.store.read_crops,
            order,
            augmentation=settings.augmentation if settings.augment else None,
            seed=settings.seed,
            epoch=state.epoch,
            in_pairs=settings.pairs,
        )
        set_modes(self._learning, settings)
        places = (part.places for each in parts for part in each)
        with closing(feed(places, read, threads=self._worker.threads)) as crops:
            for mine in parts:
                self._set_rates(state.epoch * steps + state.step, steps_per_epoch=steps)
                asked = self._step(mine, crops, self._labels[order])
                state.step += 1
                self._tell(state.epoch * steps + state.step)
                if asked.keep or asked.stop:
                    self._keep({})
                if asked.stop:
                    return False
        return True

    def _step(
        self, parts: list[Part], crops: Iterator[UInt8[np.ndarray, "B T S S 3"]], labels: Int64[np.ndarray, "M"]
    ) -> _Asked:
        """Learn from one batch, and agree with the other workers on what comes next."""
        is_finite = True
        self.state.optimiser.zero_grad()
        for index, part in enumerate(parts):
            # Gradients cross the network once a step, with its last part.
            is_last = index == len(parts) - 1
            alone = (
                nullcontext()
                if is_last or not isinstance(self._learning, DistributedDataParallel)
                else self._learning.no_sync()
            )
            with alone, self._autocast():
                outcome = learn(
                    self._learning,
                    next(crops),
                    labels[list(part.places)],
                    share=part.share,
                    device=self._worker.device,
                )
            is_finite = is_finite and outcome.is_finite
            sums = outcome.sums.numpy()
            self.state.sums = sums if self.state.sums is None else self.state.sums + sums
        asked = self._agree(is_finite=is_finite)
        if self._settings.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._settings.clip_norm)
        self.state.optimiser.step()
        return asked

    def _agree(self, *, is_finite: bool) -> _Asked:
        """Hear what any worker asks for.

        Raises:
            TrainingError: If the loss of any is no number.
        """
        is_first = self._worker.rank == 0
        is_due = time.monotonic() - self._kept_s >= 60 * self._settings.checkpoint_minutes
        mine = [is_first and self._worker.is_to_stop(), is_first and is_due, not is_finite]
        stop, keep, is_broken = (add_up(torch.tensor(mine, dtype=torch.int64), self._worker) > 0).tolist()
        if is_broken:
            raise TrainingError(
                f"the loss is no number in epoch {self.state.epoch + 1}, step {self.state.step + 1}: lower --lr "
                f"({self._settings.lr:g}) and --backbone-lr ({self._settings.backbone_lr:g}), or add --warmup-epochs"
            )
        return _Asked(stop=stop, keep=keep)

    def _close_epoch(self) -> None:
        """Judge the validation split, remember the best weights, keep a checkpoint."""
        state, settings = self.state, self._settings
        assert state.sums is not None
        sums = add_up(torch.from_numpy(state.sums), self._worker).numpy()
        margins = self._margins("val")
        learned = {f"train/{name}": value for name, value in averages(sums).items()}
        judged = judgement(
            self._job.store.clips.take(self._clips["val"]),
            margins,
            objective=settings.minimised,
            score_fusion=settings.network.score_fusion,
        )
        state.history.append(
            {"epoch": state.epoch + 1, **learned, **{f"val/{name}": value for name, value in judged.items()}}
        )
        losses = [row["val/loss"] for row in state.history]
        # Of equal losses the first counts.
        if settings.keep == "last" or losses.index(min(losses)) == len(losses) - 1:
            state.best = {name: value.detach().cpu().clone() for name, value in state.network.state_dict().items()}
        state.epoch, state.step, state.sums = state.epoch + 1, 0, None
        if self._worker.rank == 0:
            self._worker.tell(state.history[-1], step=state.epoch)
        if state.epoch < settings.epochs:
            self._keep({})

    def _finish(self) -> None:
        """Let the best weights judge the validation and test splits, and keep that with the last checkpoint."""
        assert self.state.best is not None
        current = {name: value.detach().clone() for name, value in self.state.network.state_dict().items()}
        self.state.network.load_state_dict(self.state.best)
        margins = {split: torch.from_numpy(self._margins(split)) for split in JUDGED}
        self.state.network.load_state_dict(current)
        self._keep(margins)

    def _keep(self, margins: Mapping[str, torch.Tensor]) -> None:
        """Keep a checkpoint, and margins beside it where there are any; all workers come here together.

        Raises:
            OutputError: If it cannot be written.
        """
        state, worker = self.state, self._worker
        if state.sums is not None:
            total = add_up(torch.from_numpy(state.sums), worker).numpy()
            state.sums = total if worker.rank == 0 else np.zeros_like(total)
        folder = None
        if worker.rank == 0:
            folder = Path(tempfile.mkdtemp(prefix="gsg-checkpoint-"))
            try:
                state.write(folder)
                if margins:
                    safetensors.torch.save_file(dict(margins), folder / PREDICTIONS)
            except OSError as error:
                raise OutputError(f"a checkpoint cannot be written to {folder}: {error.strerror}") from error
        worker.keep(folder, state.history[-1] if state.history else {})
        self._kept_s = time.monotonic()

    def _order(self, epoch: int) -> Int64[np.ndarray, "M"]:
        """Clips of the store in the order of an epoch."""
        train = self._clips["train"]
        order = epoch_order(
            self._labels[train],
            seed=self._settings.seed,
            epoch=epoch,
            balance=self._settings.balance,
            originals=self._originals,
        )
        clips: Int64[np.ndarray, "M"] = train[order]
        return clips

    def _parts(self, step: int, num_clips: int) -> list[Part]:
        return parts_of(
            step,
            num_clips,
            batch_clips=self._settings.batch_clips,
            micro_clips=self._settings.micro_clips,
            rank=self._worker.rank,
            world_size=self._worker.world_size,
        )

    def _set_rates(self, step: int, *, steps_per_epoch: int) -> None:
        factor = lr_factor(
            step,
            steps_per_epoch=steps_per_epoch,
            epochs=self._settings.epochs,
            schedule=self._settings.schedule,
            warmup_epochs=self._settings.warmup_epochs,
            fall=(self._settings.step_epochs, self._settings.step_factor),
        )
        set_rates(self.state.optimiser, factor)

    def _margins(self, split: str) -> Float64[np.ndarray, "N 2"]:
        return clip_margins(
            self._network,
            self._job.store.read_crops,
            self._clips[split],
            worker=self._worker,
            autocast=self._is_autocast,
        )

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._worker.device.type, dtype=torch.bfloat16, enabled=self._is_autocast)

    def _tell(self, step: int) -> None:
        if self._worker.rank or self.state.sums is None or time.monotonic() - self._told_s < TELL_S:
            return
        self._told_s = time.monotonic()
        self._worker.tell({f"running/{name}": value for name, value in averages(self.state.sums).items()}, step=step)
