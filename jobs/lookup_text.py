"""What looking things up in a table says to a person."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobs.terminal import bytes_text, printable, shown_path

if TYPE_CHECKING:
    import pyarrow as pa

    from gsgmodel.upkeep.compare import Change, Comparison


_WHOLE = 10_000
"""Characters of a line that goes to a file or a pipe."""


def video_lines(row: Mapping[str, Any], *, threshold: float | None) -> list[str]:
    """Return all that a row says, in lines; the first is the video's name."""
    from gsgmodel.upkeep.remedies import REMEDIES

    lines = [shown_path(row["uri"]), f"  {'; '.join(_facts(row))}", f"  {'; '.join(_origin(row))}"]
    if row["score"] is None:
        lines.append(f"  {row['status']}: {printable(row['error_text'] or 'no reason given')}")
        lines.append(f"  what to do: {REMEDIES.get(row['status'], 'nothing')}")
    else:
        lines.append(f"  {_score(row, threshold)}")
    for face in row["faces"] or []:
        lines.append(f"  face {face['track_id']}  {face['score']:.4f}  {_seconds(face)}")
        for clip in face["clips"]:
            frames = " ".join("-" if frame["score"] is None else f"{frame['score']:.2f}" for frame in clip["frames"])
            lines.append(f"    clip {_seconds(clip)}  {clip['score']:.4f}  frames {frames}")
    return lines


def change_lines(found: "Comparison") -> list[str]:
    """Return what two runs say differently, the largest changes last."""
    lines = [
        f"before {found.before}: {_counts(found.by_status['before'])}",
        f"after  {found.after}: {_counts(found.by_status['after'])}",
        f"{found.both} videos in both, {found.only_before} only before, {found.only_after} only after",
    ]
    if found.both:
        lines.append(f"{found.moved} scores moved by more than 0.01; statuses: {_counts(found.statuses_changed)}")
    if found.both and found.threshold is not None:
        lines.append(f"at {found.threshold:g}: {found.to_fake} became fake, {found.to_real} became real")
    return [*lines, *(f"  {_change(each)}" for each in found.changes)]


def print_batches(batches: "Iterable[pa.RecordBatch]", *, most: int) -> None:
    """Print the first rows of an answer as a table, and how many more there are."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown, num_rows = Table(), 0
    for batch in batches:
        if not shown.columns:
            for name in batch.schema.names:
                shown.add_column(Text(printable(name)), overflow="fold")
        for row in batch.slice(0, max(0, most - num_rows)).to_pylist():
            shown.add_row(*(Text(_cell(value)) for value in row.values()))
        num_rows += batch.num_rows
    # Where nobody sees it, a program reads it: lines stay whole.
    Console(width=None if sys.stdout.isatty() else _WHOLE).print(shown)
    if num_rows > most:
        print(f"{num_rows - most} more rows; --rows {num_rows} or --json for all", flush=True)


def plain(value: Any) -> Any:
    """A value of a row as JSON has it: ids as hexadecimal digits, times in UTC as ISO 8601 has them.

    Example:
        >>> plain({"video_id": b"a", "faces": [{"score": 0.5}]})
        {'video_id': '61', 'faces': [{'score': 0.5}]}
    """
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, bool | int | float | str) else str(_in_utc(value))


def _in_utc(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) and value.tzinfo else value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return printable(f"{value:.6g}" if isinstance(value, float) else str(plain(value)))


def _facts(row: Mapping[str, Any]) -> Iterator[str]:
    """Of the object."""
    yield f"id {row['video_id'].hex()}"
    yield bytes_text(row["size_bytes"])
    if row["width_px"]:
        yield f"{row['width_px']} x {row['height_px']} px, {row['codec']}, {row['duration_s'] or 0:.1f} s"
    yield f"last modified {plain(row['last_modified'])}"


def _origin(row: Mapping[str, Any]) -> Iterator[str]:
    """Of who said so."""
    yield f"run {row['run_id']}, {plain(row['scored_at'])}"
    yield f"model {printable(row['model_uri'] or 'unknown')}"
    yield f"scoring {row['scoring_id']}"
    if row["notes"]:
        yield f"notes {', '.join(row['notes'])}"


def _score(row: Mapping[str, Any], threshold: float | None) -> str:
    verdict = "" if threshold is None else f" {'FAKE' if row['score'] >= threshold else 'real'} at {threshold:g}"
    parts = [
        f"{name} {row[column]:.4f}"
        for name, column in (("global", "score_global"), ("fusion", "score_fusion"))
        if row[column] is not None
    ]
    return f"score {row['score']:.4f}{verdict}" + (f" ({', '.join(parts)})" if parts else "")


def _seconds(part: Mapping[str, Any]) -> str:
    return f"{part['start_s']:.1f}-{part['end_s']:.1f} s"


def _change(change: "Change") -> str:
    sides = ((change.status_before, change.score_before), (change.status_after, change.score_after))
    old, new = (status if score is None else f"{score:.4f}" for status, score in sides)
    return f"{old:>11} -> {new:<11} {'flipped ' if change.is_flipped else ''}{shown_path(change.uri)}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
