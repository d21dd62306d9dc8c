"""The start of a scan: everything a user can have got wrong is found here, before any work."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from gsgmodel.errors import ConfigError, OutputError, Status
from gsgmodel.model.weights import ModelFiles
from gsgmodel.records import Preparation
from gsgmodel.redact import redact
from gsgmodel.results.done import DoneIds
from gsgmodel.results.runs import RunFolder, new_run_id
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.commit import Sink
from gsgmodel.scan.plan import IsDone
from gsgmodel.scan.settings import ScanSettings, deadline_time
from gsgmodel.scan.sinks import ListSink, Provenance, TableSink
from gsgmodel.scan.stop import Patience, StopRequest
from gsgmodel.scan.submitted import drain_within
from gsgmodel.tracking.address import NO_TRACKING, tracking_address
from gsgmodel.tracking.registry import resolve_model
from gsgmodel.tracking.runs import ScanRun
from gsgmodel.video.container import DECODER_VERSION

SCORING_REVISION = 1
"""Raised whenever this code moves scores of an unchanged video by an unchanged model; a golden test holds it."""
DEFAULT_POINT = "default"
FAILED, USAGE = 1, 2
SHOW_EVERY_S = 1.0

Show = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Scan:
    """An opened scan: the model, where rows go, and what they say of themselves."""

    inputs: tuple[str, ...]
    settings: ScanSettings
    model: ModelFiles
    provenance: Provenance
    threshold: float | None
    """The score from which a video is flagged; None where the model has no operating point."""
    sink: Sink
    plan_folder: Path
    run_folder: RunFolder | None
    """None where nothing is kept."""
    tracked: ScanRun | None
    """The run in MLflow; None where nothing is kept or MLflow is not wanted."""
    resolved: Mapping[str, Any]
    """The settings as they were resolved, and the identity of the run."""
    notes: tuple[str, ...]
    """What the user should know of although the scan goes on; in the summary too."""
    recount: Callable[[], IsDone]
    """Looks anew at what the sink holds."""
    started_at: datetime

    @property
    def deadline_s(self) -> float | None:
        """Seconds from now until the deadline, or None."""
        if self.settings.deadline is None:
            return None
        then = deadline_time(self.settings.deadline, now=self.started_at.astimezone())
        return max(0.0, (then - datetime.now(UTC)).total_seconds())

    @cached_property
    def stop(self) -> StopRequest:
        """What ends the scan early."""
        return StopRequest(deadline_s=self.deadline_s, drain_s=drain_within(self.settings.drain_s))

    def patience(self, note: Callable[[str], None]) -> Patience:
        """How long to wait for a cluster's room."""
        return Patience(
            timeout_s=self.settings.start_timeout_s, note=note, is_stopped=lambda: self.stop.reason is not None
        )

    def keep_plan(self, plan_path: Path) -> None:
        """Keep a plan's file with the run, where it does not lie there already."""
        if self.run_folder:
            self.run_folder.keep_plan(plan_path)

    @property
    def commit_s(self) -> float:
        """How often finished rows leave the driver; what is only shown is shown soon."""
        return self.settings.commit_s if self.run_folder else SHOW_EVERY_S


@contextmanager
def open_scan(
    inputs: tuple[str, ...],
    settings: ScanSettings,
    *,
    printer: Callable[[float | None], Show],
    notes: Sequence[str] = (),
) -> Iterator[Scan]:
    """Open the model and the output; ``check_scan`` has looked at everything cheaper.

    Args:
        inputs: Files, folders, S3 prefixes and manifests.
        settings: As parsed.
        printer: Given the threshold, makes what shows each finished row where there is no output.
        notes: What the checks found worth saying.

    Yields:
        The scan; its temporary files are gone afterwards.

    Raises:
        ConfigError: If the model or the output cannot be used as they are.
    """
    tracking_uri = tracking_address(settings.tracking_uri, folder=Path.cwd())
    model = resolve_model(settings.model, tracking_uri=tracking_uri)
    threshold = threshold_of(model)
    if settings.fail_on_flagged and threshold is None:
        raise ConfigError(f"--fail-on-flagged is set, but model {model.uri} has no operating point to flag by")
    started_at = datetime.now(UTC)
    provenance = _provenance(settings, model, started_at)
    with tempfile.TemporaryDirectory(prefix="gsg-plan-") as scratch:
        kept = settings.output is not None and not settings.dry_run
        resolved = {**asdict(replace(settings, input=inputs)), "identity": asdict(provenance)}
        run_folder = _run_folder(settings, provenance, resolved) if kept else None
        sink, recount = _open_sink(settings, provenance, printer(threshold))
        scan = Scan(
            inputs=inputs,
            settings=settings,
            model=model,
            provenance=provenance,
            threshold=threshold,
            sink=sink,
            plan_folder=(run_folder and run_folder.plan_path) or Path(scratch),
            run_folder=run_folder,
            tracked=_start_tracking(tracking_uri, resolved) if kept else None,
            resolved=resolved,
            notes=tuple(notes),
            recount=recount,
            started_at=started_at,
        )
        with _last_word(scan):
            yield scan


@contextmanager
def _last_word(scan: Scan) -> Iterator[None]:
    """See to it that a run that an error ends has a summary: whoever watches runs by their summaries must see it.

    Raises:
        ConfigError: As it came.
    """
    ended = {"exit_code": FAILED, "reason": "ended by an error"}
    try:
        yield
    except ConfigError as error:
        ended = {"exit_code": USAGE, "reason": redact(str(error))}
        raise
    finally:
        if scan.run_folder and not scan.run_folder.has_summary:
            summary = {**ended, **asdict(scan.provenance)}
            with suppress(OutputError):
                scan.run_folder.write_summary(summary)
            if scan.tracked:
                scan.tracked.finish(summary, failed=True)


def _start_tracking(tracking_uri: str, resolved: Mapping[str, Any]) -> ScanRun | None:
    return None if tracking_uri == NO_TRACKING else ScanRun.start(resolved, tracking_uri=tracking_uri)


def _provenance(settings: ScanSettings, model: ModelFiles, started_at: datetime) -> Provenance:
    return Provenance(
        scoring_id=scoring_id(
            model_digest=model.digest,
            preparation=model.settings.preparation,
            faces=settings.faces,
            window_s=settings.window_s,
            max_clips=settings.max_clips,
        ),
        run_id=new_run_id(started_at),
        model_uri=model.uri,
        model_version=model.version,
        model_digest=model.digest,
    )


def scoring_id(*, model_digest: str, preparation: Preparation, faces: str, window_s: float, max_clips: int) -> str:
    """Return the identity of a way of scoring: 32 hexadecimal digits that change whenever scores may.

    Thresholds are not in it: scoring again with another one is a query over the table.
    """
    content = {
        "revision": SCORING_REVISION,
        "model": model_digest,
        "preparation": preparation.digest,
        "faces": faces,
        "window_s": float(window_s),
        "max_clips": max_clips,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def threshold_of(model: ModelFiles) -> float | None:
    """Return the model's threshold: of the operating point ``default``, else of its first, else None."""
    points = model.settings.operating_points
    return points.get(DEFAULT_POINT, next(iter(points.values()), None))


def _open_sink(settings: ScanSettings, provenance: Provenance, show: Show) -> tuple[Sink, Callable[[], IsDone]]:
    if settings.output is None:
        shown = ListSink(show=show)
        return shown, lambda: shown.contains
    if settings.dry_run and not VideoTable.exists(settings.output, s3_endpoint=settings.s3_endpoint):
        nothing = DoneIds()
        return ListSink(show=show), lambda: nothing.contains
    open_table = VideoTable.open if settings.dry_run else VideoTable.open_or_create
    table = open_table(settings.output, s3_endpoint=settings.s3_endpoint)
    retry = frozenset(Status(name) for name in settings.retry_statuses)
    done = table.load_done(provenance.scoring_id, retry=retry, decoder=DECODER_VERSION)
    sink = TableSink(table=table, done=done, provenance=provenance)
    return sink, lambda: _recount(table, done, scoring_id=provenance.scoring_id)


def _recount(table: VideoTable, done: DoneIds, *, scoring_id: str) -> IsDone:
    """Look anew at what the table holds; a row that was to be replaced and still stands there does not count."""
    held = table.load_done(scoring_id)
    held.stale = set(done.stale)
    return held.contains


def _run_folder(settings: ScanSettings, provenance: Provenance, resolved: Mapping[str, Any]) -> RunFolder:
    assert settings.output is not None
    folder = RunFolder.create(settings.output, provenance.run_id, s3_endpoint=settings.s3_endpoint)
    folder.write_settings(resolved)
    return folder
