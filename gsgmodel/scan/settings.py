"""What a user can set for a scan. Frozen, checked on construction, written into the run as it was resolved."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from gsgmodel.archive.conditions import parse_filters
from gsgmodel.archive.identity import check_endpoint
from gsgmodel.clips.recipe import CropRecipe
from gsgmodel.errors import TERMINAL, ConfigError, Status
from gsgmodel.model.config import WantedNumerics
from gsgmodel.model.settings import FOLLOWED
from gsgmodel.records import Preparation
from gsgmodel.report.settings import MOST_PICTURED
from gsgmodel.scan.notify import check_address
from gsgmodel.scan.preflight import Wishes
from gsgmodel.tracking.address import DEFAULT_MODEL
from gsgmodel.video.limits import Level

# So few digits that no sum of the parts leaves the calendar.
_DURATION = re.compile(r"(?:(?P<h>\d{1,6})h)?(?:(?P<m>\d{1,8})m)?(?:(?P<s>\d{1,9})s)?")
_CLOCK = re.compile(r"(?P<h>[01]?\d|2[0-3]):(?P<m>[0-5]\d)")
MOST_ASKED = 256
"""Cores, and GPUs, that a scan asks an autoscaler for at once; what is there already it uses whatever the number."""
MAX_CLIPS_LIMIT = 256
"""Above this one video's crops pass 460 MB, which no pool of actors is planned for."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What every run over an archive has: which videos, where results go, and within which bounds."""

    input: tuple[str, ...] = ()
    """Files, folders, s3://BUCKET/PREFIX, or manifests (.csv, .parquet with a column uri or path), as INPUTS are."""
    output: str | None = None
    """Folder or s3://BUCKET/PREFIX for the table `videos` and `runs/RUN`; without it, verdicts are only printed."""
    s3_endpoint: str | None = None
    """Address of an S3 store other than the environment's; credentials only ever come from the environment."""
    limit: int | None = None
    """Take at most this many videos, the first in listing order."""
    filter: tuple[str, ...] = ()
    """Globs over names and paths that choose what is a video ('*': every file); also size>=1MB, size<2GB, age<1d."""
    dry_run: bool = False
    """Print what would be done and what is left out, and why; do nothing."""
    retry: tuple[str, ...] = ()
    """Statuses whose videos are done again and their rows replaced, for example unreadable,crashed."""
    faces: Literal["all", "largest"] = "all"
    """Score every face (the video's score is the highest), or only the largest track (the paper)."""
    window_s: float = 60.0
    """A longer video gets one clip of a face for every window of this many seconds."""
    max_clips: int = 32
    """At most this many clips a video; a longer video gets wider windows and its row says so."""
    deadline: str | None = None
    """Stop starting videos at this time of day (HH:MM) or after this long (2h, 90m, 45s); exit code 5."""
    max_failures: float = 1.0
    """Exit with 3 when a larger share of the videos than this could not be done; no face is no failure."""
    max_crashed: float = 0.1
    """Stop when a larger share of the videos than this (of 50 or more) crashed: then the decoder is broken."""
    sandbox: Level = "best-effort"
    """Decode in a process without files and network: only so (require), as far as the kernel can, or not (off)."""
    prepare_actors: int | None = None
    """Processes that decode and find faces; as many as there are cores by default."""
    start_timeout: str = "10m"
    """On a cluster, wait this long for the first core and GPU, for other jobs to end or the autoscaler to add nodes."""
    commit_s: float = 30.0
    """Finished videos are committed at least this often; what a killed run loses is at most this old."""
    drain_s: float = 60.0
    """After a signal or the deadline, videos in work get this long to finish."""
    notify: str | None = None
    """Send the summary as JSON to this http(s) address at the end; best as GSG_NOTIFY: such addresses are secrets."""
    json: bool = False
    """End with the summary as one line of JSON on standard output."""

    def __post_init__(self) -> None:
        _at_least("limit", self.limit, 1)
        _at_least("prepare-actors", self.prepare_actors, 1)
        _above_zero("window-s", self.window_s)
        _above_zero("commit-s", self.commit_s)
        if not 0 <= self.drain_s < float("inf"):
            raise ConfigError(f"--drain-s is {self.drain_s}; accepted: seconds, 0 or more")
        if not 1 <= self.max_clips <= MAX_CLIPS_LIMIT:
            raise ConfigError(f"--max-clips is {self.max_clips}; accepted: 1 to {MAX_CLIPS_LIMIT}")
        check_share("max-failures", self.max_failures)
        check_share("max-crashed", self.max_crashed)
        for name in self.retry_statuses:
            if name not in TERMINAL or name == Status.SCORED:
                raise ConfigError(f"--retry names {name!r}; accepted: {', '.join(sorted(TERMINAL - {Status.SCORED}))}")
        check_address(self.notify)
        check_endpoint(self.s3_endpoint)
        parse_filters(self.filter)
        if self.start_timeout_s <= 0:
            raise ConfigError(f"--start-timeout is {self.start_timeout!r}; accepted: a duration such as 10m or 1h")
        if self.deadline is not None:
            deadline_time(self.deadline, now=datetime.now().astimezone())

    @property
    def start_timeout_s(self) -> float:
        """Seconds to wait for the first core and GPU of a cluster; 0 where the text is no duration."""
        return duration_s(self.start_timeout)

    @property
    def retry_statuses(self) -> tuple[str, ...]:
        """The statuses to retry, whether given as several values or as one with commas."""
        return tuple(name.strip() for value in self.retry for name in value.split(",") if name.strip())


@dataclass(frozen=True, kw_only=True)
class ScanSettings(RunSettings):
    """What to score, with which model, where results go, and within which bounds."""

    model: str = DEFAULT_MODEL
    """models:/NAME@ALIAS, models:/NAME/VERSION, runs:/RUN/PATH, a model folder, or `untrained` to try the pipeline."""
    tracking_uri: str | None = None
    """MLflow's address, MLFLOW_TRACKING_URI or a database in this folder by default; `none` keeps no run there."""
    if_running: Literal["wait", "leave", "join"] = "wait"
    """Where another scan is writing to the output: wait for its end, leave it to that, or score at the same time."""
    canary: str | None = None
    """A folder of a few videos to score before all others and once more at the end; the run fails if a score moved."""
    keep_evidence: Literal["none", "flagged", "all"] = "none"
    """Write a picture of the most telling clip of flagged videos, or of all, to OUTPUT/evidence, with sharp faces."""
    explain_top: int | None = None
    """Write runs/RUN/report.html, with pictures of this many of the videos with the highest scores; 0 for none."""
    fail_on_flagged: bool = False
    """Exit with 4 when a video's score reaches the model's threshold."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where the network runs; auto takes a GPU where Ray sees one."""
    numerics: WantedNumerics = "auto"
    """What the backbone computes in; auto takes bfloat16 where the model is fit for it and the machine made for it."""
    compiled: bool = False
    """Compile the backbone (torch.compile), which takes each process up to a minute at its start: for long scans on
    GPUs. Where that cannot be done, for want of a compiler, it runs as it is."""
    score_actors: int | None = None
    """Processes that run the network; one a GPU by default; without GPUs those that prepare run it too."""
    batch_clips: int = 4
    """Clips the network takes at once."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _at_least("score-actors", self.score_actors, 1)
        _at_least("batch-clips", self.batch_clips, 1)
        if self.explain_top is not None and not 0 <= self.explain_top <= MOST_PICTURED:
            raise ConfigError(f"--explain-top is {self.explain_top}; accepted: 0 to {MOST_PICTURED}")

    @property
    def wishes(self) -> Wishes:
        """What is asked of the pools of actors."""
        return Wishes(
            device=self.device,
            prepare_actors=self.prepare_actors,
            score_actors=self.score_actors,
            batch_clips=self.batch_clips,
        )


SHARD_VIDEOS = 16
"""Of which the clips go into one shard, unless they would be large together."""
SHARD_BYTES = 320 << 20
"""What the crops and masks of one shard have at most before they are packed."""


@dataclass(frozen=True, kw_only=True)
class PrepareSettings(RunSettings):
    """Which labelled videos become clips, how, and where the clips go."""

    input: tuple[str, ...] = ()
    """Manifests (.csv, .parquet with path or uri, label, ...), or folders with `real` and `fake`, as INPUTS are."""
    output: str | None = None
    """Folder or s3://BUCKET/PREFIX of the clip store; made if it is not there, added to if it is."""
    faces: Literal["all", "largest"] = "largest"
    """Keep clips of every face, or of the largest track of a video only (the paper)."""
    max_clips: int = 8
    """At most this many clips a video; a longer video gets wider windows and its row says so."""
    boxes_from: Literal["own", "original"] = "own"
    """Crop a fake at its own faces, or where the faces are of the video that the column `original` names."""
    frames_per_clip: int = Preparation().frames_per_clip
    """Frames sampled for a clip (Table 5 of the paper: 8 to 16); scans sample as many as their model was trained on."""
    crop_size_px: int = Preparation().crop_size_px
    """Side of a crop after resizing; smaller ones train faster and show less."""
    val_share: float = 0.15
    """Share of people (of videos where nobody is named) for validation, where the manifest has no split."""
    test_share: float = 0.15
    """Share of people (of videos where nobody is named) for testing, where the manifest has no split."""
    split_seed: int = 0
    """Another seed draws other splits."""
    commit_s: float = 30.0
    """Videos whose shard is written are committed at least this often; a shard waits for the clips of 16 videos."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, (least, most) in FOLLOWED.items():
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"--{name.replace('_', '-')} is {getattr(self, name)}; accepted: {least} to {most}")
        check_share("val-share", self.val_share)
        check_share("test-share", self.test_share)
        if self.val_share + self.test_share > 1:
            together = f"--val-share is {self.val_share} and --test-share {self.test_share}"
            raise ConfigError(f"{together}; accepted: together at most 1")

    @property
    def recipe(self) -> CropRecipe:
        """How the crops are made."""
        return CropRecipe(
            preparation=Preparation(frames_per_clip=self.frames_per_clip, crop_size_px=self.crop_size_px),
            faces=self.faces,
            window_s=float(self.window_s),
            max_clips=self.max_clips,
            boxes_from=self.boxes_from,
        )

    @property
    def wishes(self) -> Wishes:
        """What is asked of the pools of actors: the second stage only writes shards."""
        preparation = self.recipe.preparation
        # Three colours and a mask.
        clip_bytes = preparation.frames_per_clip * preparation.crop_size_px**2 * 4
        shard_videos = max(1, min(SHARD_VIDEOS, SHARD_BYTES // (clip_bytes * self.max_clips)))
        return Wishes(device="none", prepare_actors=self.prepare_actors, score_actors=None, batch_clips=shard_videos)


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


def check_share(flag: str, value: float) -> None:
    """Make sure that a setting is a share.

    Args:
        flag: Its name on the command line, without dashes.
        value: Its value.

    Raises:
        ConfigError: If it is not within 0 and 1.
    """
    if not 0 <= value <= 1:
        raise ConfigError(f"--{flag} is {value}; accepted: a share from 0 to 1")


def _at_least(flag: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise ConfigError(f"--{flag} is {value}; accepted: {least} or more")


def _above_zero(flag: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise ConfigError(f"--{flag} is {value}; accepted: a number above 0")
