"""What a user can set for work on a table. Light, so that a slip on the command line costs no time."""

from dataclasses import dataclass
from typing import Literal

from gsgmodel.archive.identity import check_endpoint
from gsgmodel.errors import ConfigError

Format = Literal["csv", "jsonl", "parquet"]


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """What all work on a table has in common."""

    s3_endpoint: str | None = None
    """Address of an S3 store other than the environment's; credentials only ever come from the environment."""
    json: bool = False
    """Print one line of JSON; sentences go to standard error."""

    def __post_init__(self) -> None:
        check_endpoint(self.s3_endpoint)


@dataclass(frozen=True, kw_only=True)
class VacuumSettings(TableSettings):
    """Which files are deleted."""

    older_than: str = "7d"
    """Only what was written, and taken out of the table, longer ago; 1h to 7d, and longer than any compaction takes."""
    dry_run: bool = False
    """Print what would be deleted; do nothing."""


@dataclass(frozen=True, kw_only=True)
class ExportSettings(TableSettings):
    """Which rows become a file, and how they are written."""

    format: Format | None = None
    """Of the file; by its suffix if it is not said."""
    latest: bool = False
    """Only the newest row of each video's name."""
    scoring: str | None = None
    """Only rows of this scoring_id, as status prints it."""


@dataclass(frozen=True, kw_only=True)
class LookupSettings(TableSettings):
    """How what the table says is read."""

    threshold: float | None = None
    """Scores from it on are called fake, whatever the scan's own threshold was; 0 to 1."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_threshold(self.threshold)


@dataclass(frozen=True, kw_only=True)
class QuerySettings(TableSettings):
    """How much of an answer is printed."""

    rows: int = 100
    """Most rows that are printed for people; with --json all are, a line each."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rows < 1:
            raise ConfigError(f"--rows is {self.rows}; accepted: 1 or more")


@dataclass(frozen=True, kw_only=True)
class VerifySettings(TableSettings):
    """Which videos are scored again, and by what."""

    sample: int = 10
    """How many, drawn at random from the newest scoring."""
    model: str | None = None
    """Where the same model lies now, if not where the scan found it; as of gsg score."""
    seed: int = 0
    """Another one draws others."""
    tracking_uri: str | None = None
    """MLflow's address, MLFLOW_TRACKING_URI or a database in this folder by default."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sample < 1:
            raise ConfigError(f"--sample is {self.sample}; accepted: 1 or more")


def check_threshold(threshold: float | None) -> None:
    """Make sure that a threshold lies where scores do.

    Raises:
        ConfigError: If it does not.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise ConfigError(f"--threshold is {threshold}; accepted: 0 to 1")
