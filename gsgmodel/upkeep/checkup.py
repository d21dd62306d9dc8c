"""Proof that a table is sound: its files are there and whole, its rows are what they must be, and no video is twice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from gsgmodel.errors import ConfigError
from gsgmodel.results.kinds import check_rows
from gsgmodel.results.storage import reading_errors
from gsgmodel.upkeep.checks import SHOWN, Check, judged
from gsgmodel.upkeep.inventory import StoredFile, list_files
from gsgmodel.upkeep.maintenance import find_unneeded
from gsgmodel.upkeep.snapshot import Snapshot, TableFile

_IDS = ("video_id", "scoring_id")


@dataclass(slots=True)
class _Content:
    """What reading every row of some files brought to light."""

    num_rows: int = 0
    whole: list[str] = field(default_factory=list)
    """Names of the files that can be read."""
    unreadable: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    """Those that may not stand in the table, with files."""
    broken: list[str] = field(default_factory=list)
    """Rules that rows break, with files."""


def check_table(snapshot: Snapshot) -> Iterator[Check]:
    """Read all of a snapshot, and hold it against its log and against what rows must be.

    Args:
        snapshot: Of the table; others may write to it meanwhile.

    Yields:
        What was found, as it is found. Where files cannot be listed a ``ConfigError`` is raised.
    """
    files = snapshot.files
    with reading_errors(snapshot.place.uri):
        # After the snapshot, so that what it names is there.
        stored = list_files(snapshot.place)
    yield _check_files(files, stored)
    content = _Content()
    for file in files:
        if file.name in stored:
            _read(snapshot, file, content)
    yield judged(
        "rows",
        content.unreadable,
        ok=f"{content.num_rows} can be read, as many as the log says",
        fault="files cannot be read, or hold other rows than the log says",
    )
    accepted = ", ".join(sorted(snapshot.kind.statuses))
    yield judged("statuses", content.statuses, ok="all are final", fault=f"files hold others than {accepted}")
    yield judged(
        "scores",
        content.broken,
        ok="there exactly where a video is scored, and nothing lacks that must be there",
        fault="files hold rows that break a rule",
    )
    yield _check_unique(snapshot, content.whole)
    yield from _leftovers(snapshot)


def _check_files(files: Sequence[TableFile], stored: Mapping[str, StoredFile]) -> Check:
    wrong = [f"{file.name} is missing" for file in files if file.name not in stored]
    wrong += [
        f"{file.name} has {stored[file.name].size_bytes} bytes, the log says {file.size_bytes}"
        for file in files
        if file.name in stored and stored[file.name].size_bytes != file.size_bytes
    ]
    return judged(
        "files",
        wrong,
        ok=f"{len(files)} of the log are there, with the sizes that it says",
        fault="are missing or have other sizes than the log says",
    )


def _read(snapshot: Snapshot, file: TableFile, content: _Content) -> None:
    """Read every column of every row of a file, and note what is wrong with it."""
    num_rows = 0
    statuses: set[str] = set()
    rules: set[str] = set()
    try:
        for batch in snapshot.batches(names=[file.name]):
            num_rows += batch.num_rows
            rows = pa.Table.from_batches([batch])
            may_stand = pc.is_in(rows["status"], pa.array(sorted(snapshot.kind.statuses)))
            statuses.update(str(name) for name in pc.unique(rows["status"].filter(pc.invert(may_stand))).to_pylist())
            rules.update(_broken_rules(snapshot, rows.filter(may_stand)))
    except (ConfigError, OSError, pa.ArrowException) as error:
        content.unreadable.append(f"{file.name}: {' '.join(str(error).split())}")
        return
    content.num_rows += num_rows
    content.whole.append(file.name)
    if file.num_rows is not None and file.num_rows != num_rows:
        content.unreadable.append(f"{file.name} has {num_rows} rows, the log says {file.num_rows}")
    if statuses:
        content.statuses.append(f"{file.name}: {', '.join(sorted(statuses))}")
    if rules:
        content.broken.append(f"{file.name}: {'; '.join(sorted(rules))}")


def _broken_rules(snapshot: Snapshot, rows: pa.Table) -> Iterator[str]:
    """Of each scoring, the first rule that its rows break."""
    column = rows[snapshot.kind.key_column]
    for key in pc.unique(column).to_pylist():
        mine = rows.filter(pc.is_null(column) if key is None else pc.equal(column, key))
        try:
            check_rows(mine, key=key or "", kind=snapshot.kind)
        except ValueError as error:
            yield str(error)


def _check_unique(snapshot: Snapshot, names: Sequence[str]) -> Check:
    sql = (
        "SELECT hex(video_id) AS video, scoring_id, count(*) AS n FROM videos"
        " GROUP BY video_id, scoring_id HAVING count(*) > 1"
    )
    num_doubled = 0
    examples: list[str] = []
    for batch in snapshot.ask(sql, columns=_IDS, names=names):
        num_doubled += batch.num_rows
        examples += [
            f"video {(row['video'] or 'without an id').lower()} has {row['n']} rows of scoring {row['scoring_id']}"
            for row in batch.slice(0, SHOWN - len(examples)).to_pylist()
        ]
    if num_doubled:
        text = f"{num_doubled} videos have several rows of one scoring"
        return Check(name="unique", verdict="wrong", text=text, examples=tuple(examples))
    return Check(name="unique", verdict="ok", text="no video has two rows of one scoring")


def _leftovers(snapshot: Snapshot) -> Iterator[Check]:
    """Files beside those of the snapshot: no fault, only room."""
    found = find_unneeded(snapshot, older_than=timedelta())
    for name, files, text in (
        ("kept", found.superseded, "files of earlier versions"),
        (
            "orphans",
            found.orphans,
            "files that no commit names: of a commit under way, or of a process that was killed",
        ),
        ("foreign", found.foreign, "files in the table's folder that are not the table's"),
    ):
        if files:
            said = f"{len(files)} {text}; {sum(files.values())} bytes"
            yield Check(name=name, verdict="note", text=said, examples=() if name == "kept" else tuple(files)[:SHOWN])
