"""Settings of an evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from gsgmodel.datasets.published import check_csv
from gsgmodel.errors import ConfigError


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
