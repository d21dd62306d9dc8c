"""The Delta table ``<output>/videos``: one row a video and scoring, whoever else writes.

Exactly once rests on one rule: a commit is only tried from a snapshot all of whose rows are known, and it carries
the Delta application transaction of its scoring, so that it is refused if anybody has committed for the same
scoring since that snapshot. (A handle that has moved on silently over another run's commit would be accepted and
double its rows; a fresh handle that repeats a transaction's version is accepted too.)
"""

import random
import shutil
import time
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError

from gsgmodel.errors import OutputError, Status
from gsgmodel.results.delta import append_rows, ask, create_table, open_table, quoted, replace_rows
from gsgmodel.results.done import DoneIds, id_batches
from gsgmodel.results.schema import check_rows
from gsgmodel.results.storage import output_errors, output_folder, reason

_COMMITS_PER_HANDLE = 100
_MAX_ATTEMPTS = 60
_FIRST_WAIT_S = 0.02
_LONGEST_WAIT_S = 2.0
_COMPACT_BELOW_BYTES = 100 << 20


@dataclass
class _Known:
    """What is known to be committed for one scoring."""

    done: DoneIds
    version: int
    """Of the scoring's application transaction in the snapshot that ``done`` covers."""
    files: set[str]
    """All whose ids are in ``done``."""


class VideoTable:
    """The results of every run into one output folder; one object for one process and thread."""

    def __init__(self, folder: Path, table: DeltaTable) -> None:
        self._folder = folder
        self._table = table
        self._commits = 0
        self._known: dict[str, _Known] = {}

    @classmethod
    def open(cls, output_uri: str) -> "VideoTable":
        """Open the table of an output folder.

        Args:
            output_uri: The folder whose ``videos`` is the table; a path or ``file://`` URI.

        Returns:
            The table as it is now. Where there is none, or one that cannot be read or has other columns, a
            ``ConfigError`` is raised.
        """
        folder = output_folder(output_uri) / "videos"
        return cls(folder, open_table(folder))

    @classmethod
    def open_or_create(cls, output_uri: str) -> "VideoTable":
        """Open the table of an output folder, or create it; two processes may do so at once.

        Args:
            output_uri: The folder whose ``videos`` is, or becomes, the table; a path or ``file://`` URI.

        Returns:
            The table as it is now. Where the place holds something else, a ``ConfigError`` is raised; where it cannot
            be written, an ``OutputError``.
        """
        folder = output_folder(output_uri) / "videos"
        create_table(folder)
        return cls(folder, open_table(folder))

    def load_done(self, scoring_id: str, *, retry: Set[Status] = frozenset(), decoder: str = "") -> DoneIds:
        """Find out which videos need no work; from here on ``append`` replaces the rows of the stale ones.

        Args:
            scoring_id: Of the scoring in question.
            retry: Rows with these statuses are stale.
            decoder: The decoder in use; ``timeout`` and ``crashed`` rows of another one are stale. Empty: whichever.

        Returns:
            The ids, kept up to date by ``append``.
        """
        self._reopen()
        paths = self._paths()
        batches = id_batches(list(paths.values()), scoring_id=scoring_id)
        done = DoneIds.of_rows(batches, retry=retry, decoder=decoder)
        version = self._table.transaction_version(scoring_id) or 0
        self._known[scoring_id] = _Known(done=done, version=version, files=set(paths))
        return done

    def append(self, rows: pa.Table, *, scoring_id: str) -> int:
        """Commit the rows of videos that have none yet, and replace those of stale ones, in one commit.

        Waits a little and tries again where another run commits for the same scoring at the same time. Of several
        rows for one video the first counts. Rows are checked (``check_rows``: a ``ValueError`` is a bug).

        Args:
            rows: Of the schema ``VIDEOS``, all of one scoring.
            scoring_id: That scoring.

        Returns:
            How many rows this call committed; the others were there already.

        Raises:
            OutputError: If the table cannot be written, or others kept committing at the same time.
        """
        check_rows(rows, scoring_id=scoring_id)
        rows = _first_of_each(rows)
        if scoring_id not in self._known:
            self.load_done(scoring_id)
        known = self._known[scoring_id]
        conflict = ""
        for attempt in range(_MAX_ATTEMPTS):
            self._refresh(known, scoring_id=scoring_id)
            rows = rows.filter(pa.array(~known.done.contains(_ids(rows))))
            if not rows.num_rows:
                return 0
            try:
                self._commit(rows, known=known, scoring_id=scoring_id)
            except CommitFailedError as error:
                conflict = reason(error)
                self._reopen()
                longest_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**attempt)
                time.sleep(random.uniform(0.5, 1.0) * longest_s)  # noqa: S311 - spreads writers
            else:
                return int(rows.num_rows)
        raise OutputError(f"results cannot be written to {str(self._folder)!r}, others write there too: {conflict}")

    def compact(self) -> int:
        """Merge small files into large ones, as at the end of a run; readers and writers are not disturbed.

        Returns:
            How many files fewer the table has; 0 also where another process changed the same files meanwhile, or the
            disk has no room for a second copy of the small files.
        """
        self._reopen()
        sizes_bytes = pa.table(self._table.get_add_actions())["size_bytes"].to_pylist()
        small_bytes = sum(size for size in sizes_bytes if size < _COMPACT_BELOW_BYTES)
        if shutil.disk_usage(self._folder).free < small_bytes:
            return 0
        try:
            with output_errors(self._folder):
                self._table.optimize.compact(target_size=_COMPACT_BELOW_BYTES)
        except CommitFailedError:
            return 0
        self._reopen()
        return len(sizes_bytes) - len(self._paths())

    def file_paths(self) -> list[Path]:
        """The Parquet files that make up the table now, for engines that read Parquet; none for an empty table."""
        self._reopen()
        return list(self._paths().values())

    def query(self, sql: str) -> pa.Table:
        """Ask the table, which is called ``videos``, in the SQL of Apache DataFusion.

        Args:
            sql: One ``SELECT``.

        Returns:
            The answer; text and binary columns at any depth are plain ones, not views.
        """
        self._reopen()
        return ask(self._table, sql)

    def head(self, num_rows: int) -> pa.Table:
        """The rows scored last, newest first."""
        return self.query(f"SELECT * FROM videos ORDER BY scored_at DESC, uri LIMIT {int(num_rows)}")  # noqa: S608

    def count_by_status(self, scoring_id: str) -> dict[str, int]:
        """How many videos have each status, of those that occur, for one scoring."""
        of_scoring = f"FROM videos WHERE scoring_id = {quoted(scoring_id)}"
        answer = self.query(f"SELECT status, count(*) AS n {of_scoring} GROUP BY status ORDER BY status")
        return dict(zip(answer["status"].to_pylist(), answer["n"].to_pylist(), strict=True))

    def _reopen(self) -> None:
        with output_errors(self._folder):
            self._table = DeltaTable(self._folder.as_uri())
        self._commits = 0

    def _paths(self) -> dict[str, Path]:
        """The snapshot's files by their names in its log, which never need decoding: neither writer uses odd ones."""
        names = pa.table(self._table.get_add_actions())["path"].to_pylist()
        return {name: self._folder / name for name in names}

    def _refresh(self, known: _Known, *, scoring_id: str) -> None:
        """Move on to the newest snapshot and get to know whatever others committed for the scoring."""
        if self._commits >= _COMMITS_PER_HANDLE:
            self._reopen()
        else:
            with output_errors(self._folder):
                self._table.update_incremental()
        version = self._table.transaction_version(scoring_id) or 0
        if version == known.version:
            return
        paths = self._paths()
        new = [path for name, path in paths.items() if name not in known.files]
        for batch in id_batches(new, scoring_id=scoring_id):
            known.done.add(batch.column("video_id"))
        known.files = set(paths)
        known.version = version

    def _commit(self, rows: pa.Table, *, known: _Known, scoring_id: str) -> None:
        version = known.version + 1
        properties = CommitProperties(app_transactions=[Transaction(scoring_id, version)])
        if known.done.holds(_ids(rows)).any():
            replace_rows(self._table, self._folder, rows, properties=properties)
        else:
            known.files.add(append_rows(self._table, self._folder, rows, properties=properties))
        self._commits += 1
        known.version = version
        known.done.add(_ids(rows))
        known.done.stale.difference_update(rows["video_id"].to_pylist())


def _ids(rows: pa.Table) -> pa.Array:
    return rows["video_id"].combine_chunks()


def _first_of_each(rows: pa.Table) -> pa.Table:
    """Of several rows for one video, the first."""
    places: dict[bytes, int] = {}
    for place, value in enumerate(rows["video_id"].to_pylist()):
        places.setdefault(value, place)
    return rows.take(pa.array(places.values(), pa.int64()))
