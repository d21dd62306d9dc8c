"""The start of a scan: everything a user can have got wrong is found here, before any work."""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from gsgmodel.errors import ConfigError, Status
from gsgmodel.model.numerics import choose_numerics
from gsgmodel.model.weights import ModelFiles
from gsgmodel.records import Preparation
from gsgmodel.results.done import DoneIds
from gsgmodel.results.runs import new_run_id
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.commit import Committer, Sink
from gsgmodel.scan.evidence import check_keep
from gsgmodel.scan.metrics import ClusterMetrics
from gsgmodel.scan.notify import kept_settings
from gsgmodel.scan.parts import IsDone
from gsgmodel.scan.progress import Progress
from gsgmodel.scan.run import Run, last_word, make_run_folder, recount
from gsgmodel.scan.settings import ScanSettings, deadline_time
from gsgmodel.scan.sinks import ListSink, Provenance, TableSink, videos_of
from gsgmodel.scan.submitted import is_joining
from gsgmodel.scan.turn import taking_turns
from gsgmodel.tracking.address import NO_TRACKING, tracking_address
from gsgmodel.tracking.registry import canary_of, resolve_model
from gsgmodel.tracking.runs import TrackedRun
from gsgmodel.video.container import DECODER_VERSION

SCORING_REVISION = 1
"""Raised whenever this code moves scores of an unchanged video by an unchanged model; a golden test holds it."""

"""For word of the end to arrive."""
Show = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Scan(Run):
    """An opened scan: the model, where rows go, and what they say of themselves."""

    settings: ScanSettings
    model: ModelFiles
    provenance: Provenance
    threshold: float | None
    """The score from which a video is flagged; None where the model has no operating point."""
    canary: bytes | None
    """Clips of the model with what it said of them where it was registered; None where it has none."""
    tracked: TrackedRun | None
    """The run in MLflow; None where nothing is kept or MLflow is not wanted."""

    def committer(self, *, num_planned: int) -> Committer:
        """What takes the rows that arrive, and shows how many of those planned so far have.

        Args:
            num_planned: May grow.
        """
        return Committer(
            sink=self.sink,
            progress=Progress(num_planned=num_planned),
            commit_s=self.commit_s,
            max_crashed=self.settings.max_crashed,
            threshold=self.threshold,
            report=self._report(),
        )

    def _report(self) -> Callable[[Mapping[str, float], int], None] | None:
        """What is told how far the scan is: MLflow, and the metrics of a cluster, which has dashboards for them."""
        told: list[Callable[[Mapping[str, float], int], None]] = [self.tracked.log] if self.tracked else []
        if is_joining():
            counts = ClusterMetrics(self.provenance.run_id)
            told.append(lambda done, _step: counts.tell(done))
        if not told:
            return None

        def report(done: Mapping[str, float], step: int) -> None:
            for each in told:
                each(done, step)

        return report


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
    canary = canary_of(model, tracking_uri=tracking_uri)
    threshold = model.settings.threshold
    if settings.fail_on_flagged and threshold is None:
        raise ConfigError(f"--fail-on-flagged is set, but model {model.uri} has no operating point to flag by")
    check_keep(settings.keep_evidence, output=settings.output, threshold=threshold)
    choose_numerics(settings.numerics, is_fit=model.settings.bfloat16, device="cpu")
    started_at = datetime.now(UTC)
    provenance = _provenance(settings, model, started_at)
    kept = settings.output is not None and not settings.dry_run
    with tempfile.TemporaryDirectory(prefix="gsg-plan-") as scratch, _turn(settings, provenance.run_id, kept=kept):
        resolved = {**kept_settings(settings, input=inputs), "identity": asdict(provenance)}
        run_folder = None
        if settings.output is not None and kept:
            run_folder = make_run_folder(settings.output, resolved, s3_endpoint=settings.s3_endpoint)
        sink, recount = _open_sink(settings, provenance, printer(threshold))
        scan = Scan(
            inputs=inputs,
            settings=settings,
            model=model,
            provenance=provenance,
            threshold=threshold,
            canary=canary,
            sink=sink,
            plan_folder=(run_folder and run_folder.plan_path) or Path(scratch),
            run_folder=run_folder,
            tracked=_start_tracking(tracking_uri, resolved) if kept else None,
            identity=resolved["identity"],
            resolved=resolved,
            notes=tuple(notes),
            recount=recount,
            started_at=started_at,
        )
        with last_word(scan, what="scan", tell=partial(scan.tracked.finish, failed=True) if scan.tracked else None):
            yield scan


def _turn(settings: ScanSettings, run_id: str, *, kept: bool) -> AbstractContextManager[bool]:
    """Wait for other scans of the output before anything is read of it."""
    if settings.output is None or not kept:
        return nullcontext(enter_result=True)
    started_s = time.monotonic()
    deadline = None if settings.deadline is None else deadline_time(settings.deadline, now=datetime.now().astimezone())
    left_s = None if deadline is None else (deadline - datetime.now().astimezone()).total_seconds()
    return taking_turns(
        settings.output,
        run_id,
        if_running=settings.if_running,
        s3_endpoint=settings.s3_endpoint,
        tell=Progress(num_planned=0).note,
        is_stopped=lambda: left_s is not None and time.monotonic() - started_s > left_s,
    )


def _start_tracking(tracking_uri: str, resolved: Mapping[str, Any]) -> TrackedRun | None:
    return None if tracking_uri == NO_TRACKING else TrackedRun.start(resolved, tracking_uri=tracking_uri)


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


def _open_sink(settings: ScanSettings, provenance: Provenance, show: Show) -> tuple[Sink, Callable[[DoneIds], IsDone]]:
    if settings.output is None:
        shown = ListSink(show=show)
        return shown, lambda _: shown.contains
    if settings.dry_run and not VideoTable.exists(settings.output, s3_endpoint=settings.s3_endpoint):
        nothing = DoneIds()
        return ListSink(show=show), lambda _: nothing.contains
    open_table = VideoTable.open if settings.dry_run else VideoTable.open_or_create
    table = open_table(settings.output, s3_endpoint=settings.s3_endpoint)
    retry = frozenset(Status(name) for name in settings.retry_statuses)
    done = table.load_done(provenance.scoring_id, retry=retry, decoder=DECODER_VERSION)
    sink = TableSink(
        table=table, done=done, key=provenance.scoring_id, finished=partial(videos_of, provenance=provenance)
    )
    return sink, partial(recount, table, done=done, key=provenance.scoring_id)
