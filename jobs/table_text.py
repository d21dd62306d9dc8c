"""What `gsg table` says to a person."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobs.terminal import bytes_text, printable, shown_path

if TYPE_CHECKING:
    from gsgmodel.evaluation.verify import Verified
    from gsgmodel.upkeep.checks import Check
    from gsgmodel.upkeep.maintenance import Unneeded
    from gsgmodel.upkeep.status import TableStatus

SHOWN = 20
"""Files that are named of those that are or would be deleted."""


def tell(lines: Sequence[str], facts: Mapping[str, Any] | None = None, *, as_json: bool) -> None:
    """Print sentences, or the facts as one line of JSON and the sentences apart from it."""
    for line in lines:
        print(line, file=sys.stderr if as_json else sys.stdout, flush=True)
    if as_json and facts is not None:
        print(json.dumps(facts), flush=True)


def status_lines(status: "TableStatus") -> list[str]:
    """Return a table's numbers in sentences."""
    versions = ", ".join(str(version) for version in status.schema_versions)
    lines = [
        f"table {status.uri}, version {status.version}" + (f", columns of version {versions}" if versions else ""),
        f"{status.rows} rows of {status.videos} videos; {status.files} files, {bytes_text(status.files_bytes)}, "
        f"{status.small_files} of them small",
    ]
    if status.newest_run:
        lines.append(f"newest run {status.newest_run}, last row {status.scorings[0].last_scored_at}")
    lines += [
        f"scoring {scoring.scoring_id}, model {' and '.join(scoring.models)}: {_counts(scoring.by_status)}"
        for scoring in status.scorings
    ]
    if status.uris:
        lines.append(f"newest row of each of {status.uris} names: {_counts(status.latest_by_status)}")
    return lines


def check_lines(check: "Check") -> list[str]:
    """Return what a check found, in a line, and some examples below it."""
    examples = [f"{'':<17} {printable(example)}" for example in check.examples]
    return [f"{check.verdict:<6} {check.name:<10} {check.text}", *examples]


def unneeded_lines(found: "Unneeded", *, is_dry_run: bool) -> list[str]:
    """Return what was deleted or would be."""
    verb = "would delete" if is_dry_run else "deleted"
    names = [*found.superseded, *found.orphans]
    lines = [f"  {verb} {shown_path(name)}" for name in names[:SHOWN]]
    if len(names) > SHOWN:
        lines.append(f"  {verb} {len(names) - SHOWN} more")
    lines.append(
        f"{verb} {found.num_files} files, {bytes_text(found.num_bytes)}: {len(found.superseded)} that no snapshot "
        f"needs any more, {len(found.orphans)} that no commit names"
    )
    if found.foreign:
        some = ", ".join(shown_path(name) for name in list(found.foreign)[:SHOWN])
        lines.append(f"left alone, not the table's: {some}")
    return lines


def verified_line(video: "Verified") -> str:
    """Return what became of a video's score."""
    now = video.text if video.now is None else f"{video.now:.4f}"
    return f"{video.outcome:<8} {video.before:.4f} -> {now:<11} {shown_path(video.uri)}"


def _counts(by_status: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(by_status.items()))
