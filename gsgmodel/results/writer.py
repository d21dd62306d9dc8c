"""Rows of one scoring, or what else a table's key names, go into it exactly once, whoever else writes.

This rests on one rule: a commit is only tried from a snapshot all of whose rows are known, and it carries the Delta
application transaction of its scoring, so that it is refused if anybody has committed for the same scoring since
that snapshot. (A handle that has moved on silently over another run's commit would be accepted and double its rows;
a fresh handle that repeats a transaction's version is accepted too.)
"""

import random
import time
from collections.abc import Set

import pyarrow as pa
from deltalake import CommitProperties, Transaction
from deltalake.exceptions import CommitFailedError

from gsgmodel.errors import OutputError, Status
from gsgmodel.results.delta import append_rows, file_names, handle, open_table, replace_rows
from gsgmodel.results.done import DoneIds, id_batches
from gsgmodel.results.kinds import RowKind, check_rows
from gsgmodel.results.places import Place
from gsgmodel.results.schema import VIDEO_ROWS
from gsgmodel.results.storage import output_errors, reason

_COMMITS_PER_HANDLE = 100
"""A handle becomes slower with every commit."""
_MAX_ATTEMPTS = 60
_FIRST_WAIT_S = 0.02
_LONGEST_WAIT_S = 2.0


class RowWriter:
    """Commits rows of one scoring (of one key) to a table; for one process and thread."""

    def __init__(
        self,
        place: Place,
        *,
        key: str,
        kind: RowKind = VIDEO_ROWS,
        retry: Set[Status] = frozenset(),
        decoder: str = "",
    ) -> None:
        """Find out what is done; what cannot be read or written is an ``OutputError``.

        Args:
            place: Of the table.
            key: What every row carries in the key column: its scoring.
            kind: Of the rows.
            retry: Rows with these statuses are stale and will be replaced.
            decoder: ``timeout`` and ``crashed`` rows of another decoder are stale too; empty: of none.
        """
        self._place = place
        self._key = key
        self._kind = kind
        with output_errors(place.uri):
            self._options = place.storage_options()
        self._table = open_table(place, kind=kind, options=self._options)
        self._commits = 0
        names = file_names(self._table)
        with output_errors(place.uri):
            batches = id_batches(place, names, key=key, kind=kind)
            self.done = DoneIds.of_rows(batches, retry=retry, decoder=decoder)
        """Kept up to date by ``append``."""
        # What ``done`` covers: the version of the key's transaction, and the files by name.
        self._version = self._table.transaction_version(key) or 0
        self._files = names

    def append(self, rows: pa.Table) -> int:
        """Commit the rows of videos that have none yet, and replace those of stale ones, in one commit.

        Waits a little and tries again where another run commits for the same scoring at the same time. Of several
        rows for one video the first counts. Rows are checked (``check_rows``: a ``ValueError`` is a bug).

        Args:
            rows: Of the kind's schema, all of this key.

        Returns:
            How many rows this call committed; the others were there already.

        Raises:
            OutputError: If the table cannot be written, or others kept committing at the same time.
        """
        check_rows(rows, key=self._key, kind=self._kind)
        rows = _first_of_each(rows)
        conflict = ""
        for attempt in range(_MAX_ATTEMPTS):
            self._refresh()
            rows = rows.filter(pa.array(~self.done.contains(_ids(rows))))
            if not rows.num_rows:
                return 0
            try:
                self._commit(rows)
            except CommitFailedError as error:
                conflict = reason(error)
                self._reopen()
                longest_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**attempt)
                time.sleep(random.uniform(0.5, 1.0) * longest_s)  # noqa: S311 - spreads writers
            else:
                return int(rows.num_rows)
        raise OutputError(f"results cannot be written to {self._place.uri!r}, others write there too: {conflict}")

    def _reopen(self) -> None:
        with output_errors(self._place.uri):
            self._options = self._place.storage_options()
            self._table = handle(self._place, options=self._options)
        self._commits = 0

    def _refresh(self) -> None:
        """Move on to the newest snapshot and get to know whatever others committed for the scoring."""
        with output_errors(self._place.uri):
            # A handle keeps the credentials that it was opened with; where they expire they are renewed in time.
            is_outdated = self._commits >= _COMMITS_PER_HANDLE or self._place.storage_options() != self._options
        if is_outdated:
            self._reopen()
        else:
            with output_errors(self._place.uri):
                self._table.update_incremental()
        version = self._table.transaction_version(self._key) or 0
        if version == self._version:
            return
        names = file_names(self._table)
        with output_errors(self._place.uri):
            for batch in id_batches(self._place, names - self._files, key=self._key, kind=self._kind):
                self.done.add(batch.column("video_id"))
        self._files = names
        self._version = version

    def _commit(self, rows: pa.Table) -> None:
        version = self._version + 1
        properties = CommitProperties(app_transactions=[Transaction(self._key, version)])
        if self.done.holds(_ids(rows)).any():
            replace_rows(self._table, self._place, rows, properties=properties, kind=self._kind)
        else:
            name = append_rows(self._table, self._place, rows, properties=properties, kind=self._kind)
            self._files.add(name)
        self._commits += 1
        self._version = version
        self.done.add(_ids(rows))
        self.done.stale.difference_update(rows["video_id"].to_pylist())


def _ids(rows: pa.Table) -> pa.Array:
    return rows["video_id"].combine_chunks()


def _first_of_each(rows: pa.Table) -> pa.Table:
    """Of several rows for one video, the first."""
    places: dict[bytes, int] = {}
    for place, value in enumerate(rows["video_id"].to_pylist()):
        places.setdefault(value, place)
    return rows.take(pa.array(places.values(), pa.int64()))
