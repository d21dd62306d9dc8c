"""What a training is at one moment, and its checkpoint: safetensors and JSON, never anything pickled."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from gsgmodel.errors import ConfigError

FORMAT = 1
"""Of a checkpoint; a reader refuses any other."""
STATE, WEIGHTS, MOMENTUM, BEST = "state.json", "weights.safetensors", "momentum.safetensors", "best.safetensors"
_RNG = "rng"


@dataclass(kw_only=True)
class TrainingState:
    """Where a training stands. Every worker holds the same but for its own part of the sums."""

    network: nn.Module
    """A ``GSGModel``."""
    optimiser: torch.optim.SGD
    epoch: int = 0
    """Of the next step; the number of epochs when all are done."""
    step: int = 0
    """Of the next step within its epoch."""
    sums: np.ndarray | None = None
    """What this worker summed over the epoch's steps so far (``step.SUMS``)."""
    history: list[dict[str, float]] = field(default_factory=list)
    """What each epoch came to."""
    best: dict[str, Tensor] | None = None
    """The network's state after the epoch of the lowest validation loss; None before the first."""
    resumes: list[dict[str, int]] = field(default_factory=list)
    """Where training went on from a checkpoint: epoch, step and number of workers."""

    def write(self, folder: Path) -> None:
        """Write a checkpoint into a folder that is there."""
        safetensors.torch.save_file(_plain(self.network.state_dict()), folder / WEIGHTS)
        safetensors.torch.save_file(_momentum(self.network, self.optimiser), folder / MOMENTUM)
        if self.best is not None:
            safetensors.torch.save_file(_plain(self.best), folder / BEST)
        content = {
            "format": FORMAT,
            "epoch": self.epoch,
            "step": self.step,
            "sums": None if self.sums is None else self.sums.tolist(),
            "history": self.history,
            "resumes": self.resumes,
        }
        (folder / STATE).write_text(json.dumps(content, allow_nan=False))

    def read(self, folder: Path) -> None:
        """Become what a checkpoint holds.

        Raises:
            ConfigError: If it is broken, of another format, or of another network.
        """
        try:
            content: dict[str, Any] = json.loads((folder / STATE).read_text())
            if content["format"] != FORMAT:
                raise ConfigError(f"checkpoint {folder} has format {content['format']}; this version reads {FORMAT}")
            self.network.load_state_dict(safetensors.torch.load_file(folder / WEIGHTS))
            momentum = safetensors.torch.load_file(folder / MOMENTUM)
            best = folder / BEST
            self.best = safetensors.torch.load_file(best) if best.is_file() else None
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise ConfigError(f"checkpoint {folder} cannot be read: {error}") from error
        torch.set_rng_state(momentum.pop(_RNG))
        for name, parameter in self.network.named_parameters():
            if name in momentum:
                self.optimiser.state[parameter]["momentum_buffer"] = momentum[name].to(parameter.device)
        self.epoch, self.step = content["epoch"], content["step"]
        self.sums = None if content["sums"] is None else np.array(content["sums"], np.float64)
        self.history, self.resumes = content["history"], content["resumes"]


def _plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in state.items()}


def _momentum(network: nn.Module, optimiser: torch.optim.SGD) -> dict[str, Tensor]:
    """The optimiser's memory by the names of parameters, and torch's own generator."""
    held = {name: optimiser.state[parameter].get("momentum_buffer") for name, parameter in network.named_parameters()}
    return _plain({name: value for name, value in held.items() if value is not None}) | {_RNG: torch.get_rng_state()}
