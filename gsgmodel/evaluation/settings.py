"""Settings of an evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from gsgmodel.datasets.perturb import KINDS, Kind
from gsgmodel.datasets.published import check_csv
from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.compared import chosen_models
from gsgmodel.tracking.address import DEFAULT_MODEL


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateSettings:
    """Which scores count, and how.

    Raises:
        ConfigError: A value is out of range.
    """

    model: str | None = None
    """Whose scores count; it may be left out where the table holds one model's."""
    split: Literal["train", "val", "test", "all"] = "test"
    """Only videos of this split count; where a manifest has no splits, every one."""
    threshold: float | None = None
    """From which a video is flagged; that of the model by default, else 0.5."""
    csv: Path | None = None
    """Gets every figure."""
    seed: int = 0
    """Of the draws for the intervals."""
    s3_endpoint: str | None = None
    """Of the object store, else as in the environment."""
    json: Annotated[bool, Parameter(negative=())] = False
    """Print one line of JSON."""

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ConfigError(f"--threshold is {self.threshold:g}; accepted: 0 to 1")
        if self.csv is not None:
            check_csv("--csv", self.csv)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSettings:
    """What a table is made of, besides its trainings' settings.

    Raises:
        ConfigError: A value is out of range.
    """

    data: Literal["made"] | None = None
    """`made`: forgeries of three kinds are made first, and trained on; a store is not given then."""
    footage: tuple[str, ...] = ()
    """With `--data made`: real videos, forged beside the portraits that installed libraries ship."""
    small: Annotated[bool, Parameter(negative=())] = False
    """With `--data made`: a few videos, one seed and few steps, to see that all of it runs."""
    models: str | None = None
    """Of tables 1 and 2: which systems, with commas, or `all`; the paper's own alone by default."""
    seeds: int | None = None
    """Each row is trained so many times; 5 by default, with `--small` once."""
    at_once: int | None = None
    """Trainings at the same time; one a GPU, else one a core by default. With `--workers` above 1, one."""

    def __post_init__(self) -> None:
        if self.models is not None:
            chosen_models(self.models)
        if self.seeds is not None and self.seeds < 1:
            raise ConfigError(f"--seeds is {self.seeds}; accepted: 1 or more")
        if self.at_once is not None and self.at_once < 1:
            raise ConfigError(f"--at-once is {self.at_once}; accepted: 1 or more")
        if self.data is None and (self.footage or self.small):
            raise ConfigError("--footage and --small are for made data; accepted: with --data made")

    @property
    def num_seeds(self) -> int:
        """How many times each row is trained."""
        return self.seeds or (1 if self.small else 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustnessSettings:
    """Which perturbations are measured, of which model.

    Raises:
        ConfigError: A value is none that there is.
    """

    model: str = DEFAULT_MODEL
    """A folder, or models:/NAME@ALIAS."""
    kinds: str = ",".join(KINDS)
    """Types of perturbation, with commas."""
    at: Literal["crops", "videos"] = "crops"
    """Perturb crops after faces were found, which tests the network, or frames before, which tests all of it."""
    output: Path | None = None
    """Folder for the table, a CSV and a plot."""
    seed: int = 0
    """Of what is random, and of the draws for the intervals."""
    s3_endpoint: str | None = None
    """Of the object store, else as in the environment."""
    json: Annotated[bool, Parameter(negative=())] = False
    """Print one line of JSON."""

    def __post_init__(self) -> None:
        if not self.kinds or set(self.kinds.split(",")) - set(KINDS):
            raise ConfigError(f"--kinds is {self.kinds!r}; accepted, with commas: {', '.join(KINDS)}")

    @property
    def chosen(self) -> list[Kind]:
        """The types in the order of ``KINDS``."""
        return [kind for kind in KINDS if kind in self.kinds.split(",")]
