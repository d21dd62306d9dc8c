"""What a user can set for a scan. Frozen, checked on construction, written into the run as it was resolved."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from gsgmodel.archive.conditions import parse_filters
from gsgmodel.archive.identity import check_endpoint
from gsgmodel.errors import TERMINAL, ConfigError, Status
from gsgmodel.scan.preflight import Wishes
from gsgmodel.tracking.address import DEFAULT_MODEL

# So few digits that no sum of the parts leaves the calendar.
_DURATION = re.compile(r"(?:(?P<h>\d{1,6})h)?(?:(?P<m>\d{1,8})m)?(?:(?P<s>\d{1,9})s)?")
_CLOCK = re.compile(r"(?P<h>[01]?\d|2[0-3]):(?P<m>[0-5]\d)")
MAX_CLIPS_LIMIT = 256
"""Above this one video's crops pass 460 MB, which no pool of actors is planned for."""


@dataclass(frozen=True, kw_only=True)
class ScanSettings:
    """What to score, with which model, where results go, and within which bounds."""

    input: tuple[str, ...] = ()
    """Files, folders, s3://BUCKET/PREFIX, or manifests (.csv, .parquet with a column uri or path), as INPUTS are."""
    output: str | None = None
    """Folder or s3://BUCKET/PREFIX for the table `videos` and `runs/RUN`; without it, verdicts are only printed."""
    s3_endpoint: str | None = None
    """Address of an S3 store other than the environment's; credentials only ever come from the environment."""
    model: str = DEFAULT_MODEL
    """models:/NAME@ALIAS, models:/NAME/VERSION, runs:/RUN/PATH, a model folder, or `untrained` to try the pipeline."""
    tracking_uri: str | None = None
    """MLflow's address, MLFLOW_TRACKING_URI or a database in this folder by default; `none` keeps no run there."""
    limit: int | None = None
    """Score at most this many videos, the first in listing order."""
    filter: tuple[str, ...] = ()
    """Globs over names and paths that choose what is a video ('*': every file); also size>=1MB, size<2GB, age<1d."""
    dry_run: bool = False
    """Print what would be scored and what is left out, and why; score nothing."""
    retry: tuple[str, ...] = ()
    """Statuses whose rows are scored again and replaced, for example unreadable,crashed."""
    faces: Literal["all", "largest"] = "all"
    """Score every face (the video's score is the highest), or only the largest track (the paper)."""
    window_s: float = 60.0
    """A longer video gets one clip of a face for every window of this many seconds."""
    max_clips: int = 32
    """At most this many clips a video; a longer video gets wider windows and its row says so."""
    deadline: str | None = None
    """Stop starting videos at this time of day (HH:MM) or after this long (2h, 90m, 45s); exit code 5."""
    max_failures: float = 1.0
    """Exit with 3 when a larger share of the videos than this could not be scored; no face is no failure."""
    fail_on_flagged: bool = False
    """Exit with 4 when a video's score reaches the model's threshold."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where the network runs; auto takes a GPU where Ray sees one."""
    prepare_actors: int | None = None
    """Processes that decode and find faces; as many as there are cores by default."""
    score_actors: int | None = None
    """Processes that run the network; one a GPU, or one for three cores, by default."""
    batch_clips: int = 4
    """Clips the network takes at once."""
    start_timeout: str = "10m"
    """On a cluster, wait this long for the first core and GPU, for other jobs to end or the autoscaler to add nodes."""
    commit_s: float = 30.0
    """Finished videos are committed at least this often; what a killed run loses is at most this old."""
    drain_s: float = 60.0
    """After a signal or the deadline, videos in work get this long to finish."""
    json: bool = False
    """End with the summary as one line of JSON on standard output."""

    def __post_init__(self) -> None:
        _at_least("limit", self.limit, 1)
        _at_least("prepare-actors", self.prepare_actors, 1)
        _at_least("score-actors", self.score_actors, 1)
        _at_least("batch-clips", self.batch_clips, 1)
        _above_zero("window-s", self.window_s)
        _above_zero("commit-s", self.commit_s)
        if not 0 <= self.drain_s < float("inf"):
            raise ConfigError(f"--drain-s is {self.drain_s}; accepted: seconds, 0 or more")
        if not 1 <= self.max_clips <= MAX_CLIPS_LIMIT:
            raise ConfigError(f"--max-clips is {self.max_clips}; accepted: 1 to {MAX_CLIPS_LIMIT}")
        if not 0 <= self.max_failures <= 1:
            raise ConfigError(f"--max-failures is {self.max_failures}; accepted: a share from 0 to 1")
        for name in self.retry_statuses:
            if name not in TERMINAL or name == Status.SCORED:
                raise ConfigError(f"--retry names {name!r}; accepted: {', '.join(sorted(TERMINAL - {Status.SCORED}))}")
        check_endpoint(self.s3_endpoint)
        parse_filters(self.filter)
        if self.start_timeout_s <= 0:
            raise ConfigError(f"--start-timeout is {self.start_timeout!r}; accepted: a duration such as 10m or 1h")
        if self.deadline is not None:
            deadline_time(self.deadline, now=datetime.now().astimezone())

    @property
    def wishes(self) -> Wishes:
        """What is asked of the pools of actors."""
        return Wishes(
            device=self.device,
            prepare_actors=self.prepare_actors,
            score_actors=self.score_actors,
            batch_clips=self.batch_clips,
        )

    @property
    def start_timeout_s(self) -> float:
        """Seconds to wait for the first core and GPU of a cluster; 0 where the text is no duration."""
        return duration_s(self.start_timeout)

    @property
    def retry_statuses(self) -> tuple[str, ...]:
        """The statuses to retry, whether given as several values or as one with commas."""
        return tuple(name.strip() for value in self.retry for name in value.split(",") if name.strip())


def deadline_time(text: str, *, now: datetime) -> datetime:
    """Return when a deadline is: the next time the clock shows HH:MM, or a duration from now.

    Args:
        text: ``HH:MM`` in local time, or a duration such as ``2h``, ``90m``, ``1h30m`` or ``45s``.
        now: The present, with its time zone.

    Raises:
        ConfigError: If the text is neither.
    """
    if clock := _CLOCK.fullmatch(text.strip()):
        then = now.replace(hour=int(clock["h"]), minute=int(clock["m"]), second=0, microsecond=0)
        return then if then > now else then + timedelta(days=1)
    parts = _DURATION.fullmatch(text.strip())
    if not text.strip() or parts is None:
        raise ConfigError(f"--deadline is {text!r}; accepted: HH:MM, or a duration such as 2h, 90m or 45s")
    return now + timedelta(seconds=_seconds(parts))


def duration_s(text: str) -> float:
    """Return the seconds of a duration such as ``2h``, ``90m``, ``1h30m`` or ``45s``; 0 where the text is none."""
    parts = _DURATION.fullmatch(text.strip())
    return _seconds(parts) if parts else 0.0


def _seconds(parts: re.Match[str]) -> float:
    return 3600.0 * int(parts["h"] or 0) + 60.0 * int(parts["m"] or 0) + int(parts["s"] or 0)


def _at_least(flag: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise ConfigError(f"--{flag} is {value}; accepted: {least} or more")


def _above_zero(flag: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise ConfigError(f"--{flag} is {value}; accepted: a number above 0")
