"""The end of a preparation: its summary in words and as JSON, and the run's last files."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import pyarrow as pa

from gsgmodel.clips.schema import PREPARED
from gsgmodel.clips.store import ClipStore
from gsgmodel.datasets.labelled import NAMES, SPLITS
from gsgmodel.scan.commit import Committer
from gsgmodel.scan.labelled import ALREADY
from gsgmodel.scan.passes import Account
from gsgmodel.scan.plan import Plan, left_out_text
from gsgmodel.scan.stop import StopRequest
from gsgmodel.scan.store_opening import StoreRun
from gsgmodel.scan.summary import (
    STOPPED_WAIT_S,
    RunSummary,
    finished_text,
    notified,
    outcome,
    run_facts,
    unfinished_rows,
    untidy_note,
)

NOT_THERE = ("missing", "denied", "unavailable", "not_a_file", "unlabelled")
"""Reasons for leaving out a video that somebody may miss."""


@dataclass(frozen=True, kw_only=True)
class StoreSummary(RunSummary):
    """A preparation in numbers; ``summary.json`` holds it."""

    preparation_id: str
    store_uri: str
    run_uri: str
    relabelled: int
    """Videos whose crops the store held, with other labels or splits than are said now."""
    not_there: Sequence[str]
    """Some of the videos that were named or listed and left out, with the reason."""
    videos: Mapping[str, Mapping[str, int]]
    """In the store, with clips: how many of each label, by split."""
    clips_by_split: Mapping[str, int]
    """In the store."""
    data_digest: str
    """Of what the store holds."""
    keep_cpu_s: float


def finish_store_run(
    run: StoreRun, plan: Plan, account: Account, committer: Committer, *, relabelled: int, stop: StopRequest
) -> StoreSummary:
    """Write the run's last files, tidy the index, and return the summary.

    Args:
        run: The preparation.
        plan: What was to be prepared.
        account: What became of it.
        committer: Took what arrived.
        relabelled: Videos that only their labels changed of.
        stop: What ended the run early, if anything did.
    """
    code, reason = outcome(
        account,
        by_status=committer.progress.counts,
        success=PREPARED,
        max_failures=run.settings.max_failures,
        stop=stop,
        done="prepared",
    )
    store = ClipStore.open(run.store_uri, s3_endpoint=run.settings.s3_endpoint)
    summary = StoreSummary(
        exit_code=code,
        reason=reason,
        store_uri=run.store_uri,
        run_uri=run.run_folder.uri if run.run_folder else "",
        relabelled=relabelled,
        not_there=[f"{item.uri} ({item.reason})" for item in plan.examples if item.reason in NOT_THERE],
        videos=videos_by_split(store.videos),
        clips_by_split=clips_by_split(store.clips),
        data_digest=store.digest,
        keep_cpu_s=round(committer.stage_s["keep_cpu_s"], 3),
        **run_facts(run, plan, account, committer),
        **run.identity,
    )
    if run.run_folder:
        run.run_folder.write_unfinished(unfinished_rows(plan, account, committer))
        run.run_folder.write_summary(asdict(summary))
    if stop.signum is not None:
        return notified(run, summary, what="preparation", within_s=STOPPED_WAIT_S)
    if untidy := untidy_note(run):
        summary = replace(summary, notes=[*summary.notes, untidy])
    return notified(run, summary, what="preparation")


def videos_by_split(videos: pa.Table) -> dict[str, dict[str, int]]:
    """Return how many videos of each label every split has."""
    found = Counter(zip(videos["split"].to_pylist(), videos["label"].to_pylist(), strict=True))
    return {split: {name: found[split, label] for label, name in enumerate(NAMES)} for split in SPLITS}


def clips_by_split(clips: pa.Table) -> dict[str, int]:
    """Return how many clips every split has."""
    found = Counter(clips["split"].to_pylist())
    return {split: found[split] for split in SPLITS}


def store_summary_text(summary: StoreSummary) -> list[str]:
    """Return the summary as sentences, the exit code last."""
    lines = [finished_text(summary) if summary.planned else "nothing to prepare"]
    if summary.relabelled:
        lines.append(f"{summary.relabelled} videos got other labels or splits, their crops stay")
    if summary.left_out:
        lines.append(f"left out: {left_out_text(summary.left_out, summary.left_out_suffixes, done=ALREADY)}")
    lines += [f"  {example}" for example in summary.not_there]
    if summary.unfinished:
        lines.append(f"{summary.unfinished} could not be read and will be tried by the next run")
    lines += summary.notes
    for split, count in summary.clips_by_split.items():
        labels = ", ".join(f"{number} {name}" for name, number in summary.videos[split].items())
        lines.append(f"{split:<6} {labels}, {count} clips")
    lines.append(f"clip store {summary.store_uri}, run {summary.run_uri}")
    return [*lines, f"exit code {summary.exit_code}: {summary.reason}"]
