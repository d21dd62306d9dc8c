"""What a user can set for a training. Frozen, checked on construction, written into the run as it was resolved."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

from cyclopts import Parameter

from gsgmodel.archive.identity import check_endpoint
from gsgmodel.datasets.augment import Augmentation
from gsgmodel.errors import ConfigError
from gsgmodel.model.config import PAPER, GSGConfig
from gsgmodel.model.objective import Objective
from gsgmodel.model.system import Architecture, System, parse_options
from gsgmodel.model.systems import NAMES, find_system
from gsgmodel.scan.notify import check_address
from gsgmodel.scan.settings import duration_s

Device = Literal["auto", "cpu", "gpu"]
BatchNorm = Literal["train", "frozen", "sync"]
Schedule = Literal["cosine", "step", "constant"]
CHALLENGER = "challenger"
"""Alias of the newest trained version; ``./gsg promote`` makes it the champion."""
_PAPER, _OBJECTIVE, _AUGMENTATION = GSGConfig(), Objective(), Augmentation()
_WORKERS = re.compile(r"(\d{1,4})(?::(\d{1,4}))?")


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """What to train, on which clips, how, and where it goes."""

    output: str = "training"
    """Folder or s3://BUCKET/PREFIX for `runs/RUN`: checkpoints, history, predictions and the trained model."""
    s3_endpoint: str | None = None
    """Address of an S3 store other than the environment's; credentials only ever come from the environment."""
    tracking_uri: str | None = None
    """MLflow's address, MLFLOW_TRACKING_URI or a database in this folder by default; `none` registers nothing."""
    model: str = PAPER
    """Which system is trained: gsg, or one that the paper compares with."""
    option: tuple[str, ...] = ()
    """NAME=VALUE of such another system, for example crop_size_px=224."""
    name: str | None = None
    """Under which the model is registered, with the alias `challenger`; that of the system by default."""
    register: bool = True
    """Whether it is; otherwise the run alone is kept in MLflow."""
    parent_run: str | None = None
    """MLflow's ID of a run of the experiment `gsg-training` below which this one is shown."""
    resume: str | None = None
    """Go on with this run of the output, from its last checkpoint, with the settings that it began with."""
    architecture: Annotated[GSGConfig, Parameter(name="*")] = _PAPER
    """The network of gsg; the defaults are the paper's."""
    backbone_weights: str = "imagenet"
    """imagenet (through torchvision, where there are such), none, or the path or URI of a .safetensors or .pth file."""
    objective: Annotated[Objective, Parameter(name="*")] = _OBJECTIVE
    """What is minimised; the default is the paper's."""
    epochs: int = 30
    """Passes over as many clips as the training split has."""
    batch_clips: int = 16
    """Clips of one step, over all workers together."""
    micro_clips: int | None = None
    """Clips of one forward pass of a worker; fewer than its part of the batch means gradient accumulation."""
    lr: float = 1e-2
    """Highest learning rate of all but the backbone."""
    backbone_lr: float = 1e-3
    """Highest learning rate of the backbone."""
    momentum: float = 0.9
    """Of stochastic gradient descent."""
    weight_decay: float = 5e-4
    """Of all weights alike."""
    clip_norm: float | None = None
    """Longest gradient of all weights together; longer ones are scaled to it. As they are by default (the paper)."""
    schedule: Schedule = "cosine"
    """How learning rates fall: to 0 by a half cosine, by steps, or not at all."""
    warmup_epochs: float = 0.0
    """Learning rates rise linearly for so long first."""
    step_epochs: int = 10
    """With the step schedule: epochs between two falls."""
    step_factor: float = 0.1
    """With the step schedule: what a fall multiplies learning rates by."""
    batch_norm: BatchNorm = "train"
    """Statistics of the batch (each worker's own), frozen as they are, or of all workers' batches (sync, on GPUs)."""
    balance: bool = True
    """Draw real and fake clips equally often, those of the rarer class several times."""
    pairs: bool = False
    """With `balance`: before each fake clip the real one that it was made from, changed alike, in the same batch."""
    augment: bool = True
    """Change training clips: flip, compression, blur, noise, size, colour; the same for all frames of a clip."""
    augmentation: Annotated[Augmentation, Parameter(name="augmentation")] = _AUGMENTATION
    """How often and how far clips are changed."""
    keep: Literal["best", "last"] = "best"
    """Which epoch's weights become the model: of the lowest loss on the validation split, or the last."""
    workers: str | None = None
    """Processes that train: a number, or MIN:MAX to go on with what is there; one a GPU, else one, by default."""
    device: Device = "auto"
    """Where the network trains; auto takes GPUs where Ray sees them."""
    autocast: Literal["auto", "on", "off"] = "auto"
    """Matrix products in bfloat16; auto does so on GPUs, where it helps."""
    seed: int = 0
    """Of initial weights, order and augmentation."""
    checkpoint_minutes: float = 10.0
    """A checkpoint is written after each epoch, and at least this often."""
    max_failures: int = 3
    """How often training goes on after a worker died."""
    start_timeout: str = "10m"
    """On a cluster, wait this long for room."""
    notify: str | None = None
    """Send the summary as JSON to this http(s) address at the end; best as GSG_NOTIFY: such addresses are secrets."""
    json: bool = False
    """End with the summary as one line of JSON on standard output."""

    def __post_init__(self) -> None:
        check_address(self.notify)
        check_endpoint(self.s3_endpoint)
        _require(self.model in NAMES, "model", repr(self.model), ", ".join(NAMES))
        # Both refuse what the system does not have.
        _ = self.network, self.minimised
        if self.architecture.streams != "both" and (
            self.objective.cross_entropy != "fusion" or self.objective.guide_weight
        ):
            raise ConfigError(
                f"--streams is {self.architecture.streams}, which leaves no stream to guide; accepted with it: "
                "--cross-entropy fusion --guide-weight 0"
            )
        if self.pairs and (not self.balance or self.batch_clips % 2 or (self.micro_clips or 2) % 2):
            raise ConfigError("--pairs wants --balance, and --batch-clips and --micro-clips that are even")
        for flag, value in {
            "epochs": self.epochs,
            "batch-clips": self.batch_clips,
            "micro-clips": 1 if self.micro_clips is None else self.micro_clips,
            "step-epochs": self.step_epochs,
        }.items():
            _require(value >= 1, flag, value, "1 or more")
        for flag, rate in {"lr": self.lr, "backbone-lr": self.backbone_lr, "step-factor": self.step_factor}.items():
            _require(0 < rate < float("inf"), flag, rate, "a number above 0")
        for flag, amount in {"weight-decay": self.weight_decay, "warmup-epochs": self.warmup_epochs}.items():
            _require(0 <= amount < float("inf"), flag, amount, "0 or more")
        clip = 1.0 if self.clip_norm is None else self.clip_norm
        _require(0 < clip < float("inf"), "clip-norm", self.clip_norm, "a number above 0")
        _require(0 <= self.momentum < 1, "momentum", self.momentum, "0 to less than 1")
        _require(0 < self.checkpoint_minutes < float("inf"), "checkpoint-minutes", self.checkpoint_minutes, "above 0")
        _require(self.max_failures >= 0, "max-failures", self.max_failures, "0 or more")
        accepted = "a duration such as 10m or 1h"
        _require(self.start_timeout_s > 0, "start-timeout", repr(self.start_timeout), accepted)
        _require(self.seed >= 0, "seed", self.seed, "0 or more")
        if self.workers is not None:
            most = worker_range(self.workers)[1]
            _require(most <= self.batch_clips, "workers", self.workers, f"at most --batch-clips, {self.batch_clips}")

    @cached_property
    def network(self) -> Architecture:
        """Architecture of the system that is trained."""
        return self._system.configure(self.architecture, parse_options(self.option))

    @property
    def minimised(self) -> Objective:
        """What the system makes of the objective."""
        return self._system.objective(self.objective)

    @property
    def start(self) -> str:
        """Where the backbone's weights come from: ``backbone_weights``, but ``none`` where ImageNet has none."""
        is_there = self.backbone_weights != "imagenet" or self._system.has_imagenet
        return self.backbone_weights if is_there else "none"

    @property
    def registered_name(self) -> str:
        """Under which the model is registered."""
        return self.name or self.model

    @property
    def _system(self) -> System:
        return find_system(self.model)

    @property
    def start_timeout_s(self) -> float:
        """Seconds to wait for room on a cluster."""
        return duration_s(self.start_timeout)


def worker_range(text: str) -> tuple[int, int]:
    """Return the least and the most workers.

    >>> worker_range("4"), worker_range("2:8")
    ((4, 4), (2, 8))

    Args:
        text: A number, or ``MIN:MAX``.

    Raises:
        ConfigError: If it is neither.
    """
    found = _WORKERS.fullmatch(text.strip())
    least = int(found[1]) if found else 0
    most = int(found[2]) if found and found[2] else least
    if not 1 <= least <= most:
        raise ConfigError(f"--workers is {text!r}; accepted: a number such as 4, or MIN:MAX such as 2:8")
    return least, most


def _require(is_met: object, flag: str, value: object, accepted: str) -> None:
    if not is_met:
        raise ConfigError(f"--{flag} is {value}; accepted: {accepted}")
