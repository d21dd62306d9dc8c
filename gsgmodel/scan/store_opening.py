"""The start of a preparation: labels, splits and the clip store, all that a user can have got wrong before any work."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gsgmodel.clips.recipe import CropRecipe
from gsgmodel.clips.schema import INDEX, INDEX_ROWS, PREPARED, SCHEMA_VERSION, SHARDS
from gsgmodel.datasets.labelled import LabelledVideo, read_labels
from gsgmodel.datasets.splits import draw_splits, people_in_several
from gsgmodel.errors import ConfigError, Status
from gsgmodel.results.done import DoneIds
from gsgmodel.results.runs import new_run_id
from gsgmodel.results.storage import output_errors, output_place
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.commit import COMMIT_ROWS, Committer, Sink
from gsgmodel.scan.labelled import LABELS, MADE_OF, Labelled
from gsgmodel.scan.metrics import ClusterMetrics
from gsgmodel.scan.notify import kept_settings
from gsgmodel.scan.parts import IsDone
from gsgmodel.scan.progress import Progress
from gsgmodel.scan.run import Run, last_word, make_run_folder, recount
from gsgmodel.scan.settings import PrepareSettings
from gsgmodel.scan.sinks import ListSink, TableSink, table_rows
from gsgmodel.scan.submitted import is_joining
from gsgmodel.video.container import DECODER_VERSION

STAGES = ("prepare_cpu_s", "keep_cpu_s")


@dataclass(frozen=True, kw_only=True)
class StoreRun(Run):
    """An opened preparation: labels, how crops are made, and the store that they go to."""

    settings: PrepareSettings
    store_uri: str
    """As people are shown it."""
    recipe: CropRecipe
    labelled: Labelled

    def contains(self, video_ids: pa.Array) -> Any:
        """Say which videos the store holds as they are to be; only of those that were attached to their labels."""
        if isinstance(self.sink, TableSink):
            self.sink.done.stale |= self.labelled.stale
        return self.sink.contains(video_ids)

    def committer(self, *, num_planned: int) -> Committer:
        """What takes the rows that arrive, shows how many of those planned have, and counts for a cluster's dashboards.

        Args:
            num_planned: Videos to prepare.
        """
        report = None
        if is_joining():
            counts = ClusterMetrics(self.identity["run_id"])

            def report(done: Mapping[str, float], _step: int) -> None:
                counts.tell(done)

        return Committer(
            sink=self.sink,
            progress=Progress(num_planned=num_planned, success=PREPARED),
            commit_s=self.commit_s,
            final=INDEX_ROWS.statuses,
            max_crashed=self.settings.max_crashed,
            report=report,
            stage_s=dict.fromkeys(STAGES, 0.0),
        )

    def relabel(self) -> int:
        """Give what the store holds the labels and splits that are said now; the crops stay.

        Returns:
            How many videos that were. Where the index cannot be written an ``OutputError`` is raised.
        """
        sink = self.sink
        if not isinstance(sink, TableSink):
            return 0
        # Those that are prepared anew get their labels with their crops.
        wanted = [video_id for video_id in self.labelled.relabelled if video_id not in sink.done.stale]
        if not wanted:
            return 0
        rows = sink.table.rows()
        rows = rows.filter(pc.is_in(rows["video_id"], pa.array(wanted, pa.binary())))
        for start in range(0, rows.num_rows, COMMIT_ROWS):
            batch = rows.slice(start, COMMIT_ROWS)
            renewed = _label_columns(batch, self.labelled) | {
                "last_modified": batch["last_modified"].combine_chunks(),
                "run_id": self.identity["run_id"],
                "prepared_at": datetime.now(UTC),
            }
            sink.done.stale.update(batch["video_id"].to_pylist())
            sink.table.append(table_rows(batch, schema=INDEX, added=renewed), key=sink.key)
        return len(wanted)


@contextmanager
def open_store_run(
    inputs: tuple[str, ...], settings: PrepareSettings, *, notes: Sequence[str] = ()
) -> Iterator[StoreRun]:
    """Read the labels and open the store; ``check_prepare`` has looked at everything cheaper.

    Args:
        inputs: Manifests, and folders with ``real`` and ``fake``.
        settings: As parsed, with an output.
        notes: What the checks found worth saying.

    Yields:
        The run; its temporary files are gone afterwards. Labels that cannot be meant, or a store of other crops, are a
        ``ConfigError``.
    """
    assert settings.output is not None
    videos = read_labels(inputs, filters=settings.filter, s3_endpoint=settings.s3_endpoint)
    splits = draw_splits(
        videos.values(), val_share=settings.val_share, test_share=settings.test_share, seed=settings.split_seed
    )
    started_at = datetime.now(UTC)
    identity = {"run_id": new_run_id(started_at), "preparation_id": settings.recipe.preparation_id}
    resolved = {**kept_settings(settings, input=inputs), "identity": identity}
    table = _open_table(settings.output, settings)
    labelled = Labelled(
        videos={uri: replace(video, split=splits[uri]) for uri, video in videos.items()},
        with_originals=settings.boxes_from == "original",
        s3_endpoint=settings.s3_endpoint,
        held=_held(table) if table else {},
    )
    sink, look_again = _open_sink(table, settings, labelled, run_id=identity["run_id"])
    run_folder = None
    if not settings.dry_run:
        run_folder = make_run_folder(settings.output, resolved, s3_endpoint=settings.s3_endpoint)
    with tempfile.TemporaryDirectory(prefix="gsg-plan-") as scratch:
        run = StoreRun(
            inputs=inputs,
            settings=settings,
            sink=sink,
            plan_folder=(run_folder and run_folder.plan_path) or Path(scratch),
            run_folder=run_folder,
            identity=identity,
            resolved=resolved,
            notes=(*notes, *_label_notes(labelled)),
            recount=look_again,
            started_at=started_at,
            store_uri=output_place(settings.output, s3_endpoint=settings.s3_endpoint).uri,
            recipe=settings.recipe,
            labelled=labelled,
        )
        with last_word(run, what="preparation"):
            yield run


def _open_table(output: str, settings: PrepareSettings) -> VideoTable | None:
    """The store's index; None where a dry run finds none.

    Raises:
        ConfigError: If the store holds crops that were made otherwise.
    """
    kind, recipe, where = INDEX_ROWS, settings.recipe, {"s3_endpoint": settings.s3_endpoint}
    if not settings.dry_run:
        table = VideoTable.open_or_create(output, **where, kind=kind, description=recipe.to_json())
        shards = output_place(output, **where) / SHARDS
        with output_errors(shards.uri):
            shards.make()
    elif VideoTable.exists(output, **where, kind=kind):
        table = VideoTable.open(output, **where, kind=kind)
    else:
        return None
    differences = CropRecipe.from_json(table.description).differences(recipe)
    if differences:
        raise ConfigError(
            f"--output {output!r} is a clip store of another preparation: {'; '.join(differences)}; accepted: the "
            "settings of the store, or another --output"
        )
    return table


def _held(table: VideoTable) -> Mapping[bytes, Mapping[str, Any]]:
    rows = table.rows(["video_id", *MADE_OF, *LABELS]).to_pylist()
    return {row["video_id"]: row for row in rows}


def _open_sink(
    table: VideoTable | None, settings: PrepareSettings, labelled: Labelled, *, run_id: str
) -> tuple[Sink, Callable[[DoneIds], IsDone]]:
    if table is None:
        nothing = DoneIds()
        return ListSink(show=lambda _: None), lambda _: nothing.contains
    key = settings.recipe.preparation_id
    retry = frozenset(Status(name) for name in settings.retry_statuses)
    done = table.load_done(key, retry=retry, decoder=DECODER_VERSION)
    finished = partial(indexed, labelled=labelled, run_id=run_id, preparation_id=key)
    return TableSink(table=table, done=done, key=key, finished=finished), partial(recount, table, done=done, key=key)


def indexed(rows: pa.Table, *, labelled: Labelled, run_id: str, preparation_id: str) -> pa.Table:
    """Return kept rows with the columns of the index: what is known of the videos, and what the run adds."""
    added = {
        "preparation_id": preparation_id,
        "run_id": run_id,
        "prepared_at": datetime.now(UTC),
        "schema_version": SCHEMA_VERSION,
    }
    return table_rows(rows, schema=INDEX, added=added | _label_columns(rows, labelled))


def _label_columns(rows: pa.Table, labelled: Labelled) -> dict[str, pa.Array]:
    facts = [labelled.facts(uri) for uri in rows["uri"].to_pylist()]
    return {name: pa.array([fact[name] for fact in facts], INDEX.field(name).type) for name in (*LABELS, *MADE_OF)}


def _label_notes(labelled: Labelled) -> Iterator[str]:
    """What is odd about labels, and may be meant all the same."""
    videos = list(labelled.videos.values())
    shared = people_in_several(videos, {video.uri: video.split or "" for video in videos})
    if shared:
        yield f"{len(shared)} people are in several splits, as the splits were given: {', '.join(shared[:3])}"
    if labelled.with_originals:
        alone = sum(1 for video in videos if _is_alone(video))
        if alone:
            yield f"{alone} fakes have no original: they are cropped where their own faces are"


def _is_alone(video: LabelledVideo) -> bool:
    return bool(video.label) and video.original_uri is None
