"""What a user can set for reports and explanations. Light, so that a slip on the command line costs no time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gsgmodel.archive.identity import check_endpoint
from gsgmodel.errors import ConfigError
from gsgmodel.tracking.address import DEFAULT_MODEL
from gsgmodel.upkeep.settings import check_threshold

MOST_PICTURED = 500
"""Videos with pictures on a page; each takes about 30 kB."""


@dataclass(frozen=True, kw_only=True)
class ExplainSettings:
    """Which models explain, how much, and where it goes."""

    model: str = DEFAULT_MODEL
    """The model, as of gsg score: a folder, models:/NAME@ALIAS, or untrained."""
    compare: tuple[str, ...] = ()
    """More models that explain the same faces at the same times, of this system or any other."""
    output: str = "explained"
    """Folder for a picture of each clip and index.html."""
    clips: int = 1
    """Clips of each video that are explained, those with the highest scores."""
    faces: Literal["all", "largest"] = "all"
    """As of gsg score."""
    window_s: float = 60.0
    """As of gsg score."""
    max_clips: int = 32
    """As of gsg score."""
    show_faces: bool = False
    """Let faces be recognized; without it they are blurred beyond recovery."""
    tracking_uri: str | None = None
    """MLflow's address, MLFLOW_TRACKING_URI or a database in this folder by default."""
    json: bool = False
    """Print a line of JSON for each video and model; sentences go to standard error."""

    def __post_init__(self) -> None:
        for name, value in (("clips", self.clips), ("max-clips", self.max_clips)):
            if value < 1:
                raise ConfigError(f"--{name} is {value}; accepted: 1 or more")
        if not self.window_s > 0:
            raise ConfigError(f"--window-s is {self.window_s}; accepted: more than 0")


@dataclass(frozen=True, kw_only=True)
class ScanChoice:
    """Which run of a scan people look at, and where its videos and model are found."""

    run: str = "newest"
    """The run, the beginning of its name, or newest; all: the newest row of each video's name, whatever run."""
    threshold: float | None = None
    """From which score on videos are flagged, if not from the scan's threshold; 0 to 1."""
    pictures: bool = True
    """Read the top videos again for pictures; without it there are none beside those that the scan kept."""
    model: str | None = None
    """Where the scan's model lies now, if not where the scan found it."""
    s3_endpoint: str | None = None
    """Address of an S3 store other than the environment's; credentials only ever come from the environment."""
    tracking_uri: str | None = None
    """MLflow's address, MLFLOW_TRACKING_URI or a database in this folder by default."""
    json: bool = False
    """Print one line of JSON; sentences go to standard error."""

    def __post_init__(self) -> None:
        check_endpoint(self.s3_endpoint)
        check_threshold(self.threshold)


@dataclass(frozen=True, kw_only=True)
class ReportSettings(ScanChoice):
    """What a report is about and what it shows."""

    output: str
    """The --output of the scan: a folder or s3://BUCKET/PREFIX."""
    top: int = 24
    """Videos with the highest scores that are shown with pictures."""
    html: str = "report.html"
    """The file."""
    show_faces: bool = False
    """Let faces be recognized; without it they are blurred beyond recovery."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.top <= MOST_PICTURED:
            raise ConfigError(f"--top is {self.top}; accepted: 0 to {MOST_PICTURED}")


@dataclass(frozen=True, kw_only=True)
class ReviewSettings(ScanChoice):
    """Which videos people judge, and how they are shown."""

    top: int = 100
    """At most so many, those with the highest scores."""
    show_faces: bool = True
    """Let faces be recognized."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.top < 1:
            raise ConfigError(f"--top is {self.top}; accepted: 1 or more")


def make_folder(output: str, *, name: str = "--output") -> Path:
    """Make the folder that pictures go to; ``name`` is what the user calls it.

    Raises:
        ConfigError: If it cannot be made.
    """
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{name} is {output!r}, which cannot be made: {error.strerror}; accepted: a folder"
        ) from error
    return folder


def page_file(html: str) -> Path:
    """The file of a page, which can be written.

    Raises:
        ConfigError: If it cannot.
    """
    file = Path(html)
    if not file.parent.is_dir() or file.is_dir():
        raise ConfigError(f"--html is {html!r}; accepted: the path of a file in a folder that is there")
    return file
