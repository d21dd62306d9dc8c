"""The Delta tables of an output: ``videos``, one row a video and scoring, and others with the same ways."""

from collections.abc import Sequence, Set
from pathlib import Path

import pyarrow as pa
from deltalake.exceptions import CommitFailedError

from gsgmodel.errors import Status
from gsgmodel.results.delta import all_rows, ask, create_table, file_names, is_table, open_table, quoted
from gsgmodel.results.done import DoneIds, id_batches
from gsgmodel.results.kinds import RowKind
from gsgmodel.results.places import LocalPlace, Place
from gsgmodel.results.schema import VIDEO_ROWS
from gsgmodel.results.storage import output_errors, output_place, reading_errors
from gsgmodel.results.writer import RowWriter

COMPACT_BELOW_BYTES = 100 << 20
"""Files below this size are merged, into ones of about this size."""


class VideoTable:
    """What every run into one output found of videos; one object for one process and thread."""

    def __init__(self, place: Place, *, kind: RowKind = VIDEO_ROWS) -> None:
        self._place = place
        self._kind = kind
        self._writers: dict[str, RowWriter] = {}

    @classmethod
    def open(cls, output_uri: str, *, s3_endpoint: str | None = None, kind: RowKind = VIDEO_ROWS) -> "VideoTable":
        """Open the table of an output.

        Args:
            output_uri: The place that the table lies in, by the kind's name; a path, ``file://`` URI or
                ``s3://BUCKET/PREFIX``.
            s3_endpoint: Of the store, or None for the environment's.
            kind: Of the rows.

        Returns:
            The table. Where there is none, or one that cannot be read or has other columns, a ``ConfigError`` is
            raised.
        """
        place = _place(output_uri, s3_endpoint, kind)
        open_table(place, kind=kind)
        return cls(place, kind=kind)

    @classmethod
    def open_or_create(
        cls,
        output_uri: str,
        *,
        s3_endpoint: str | None = None,
        kind: RowKind = VIDEO_ROWS,
        description: str | None = None,
    ) -> "VideoTable":
        """Open the table of an output, or create it; two processes may do so at once.

        Args:
            output_uri: The place that the table lies in, or will lie in; as of ``open``.
            s3_endpoint: Of the store, or None for the environment's.
            kind: Of the rows.
            description: What a new table says of itself.

        Returns:
            The table. Where the place holds something else, a ``ConfigError`` is raised; where it cannot be written,
            an ``OutputError``.
        """
        create_table(_place(output_uri, s3_endpoint, kind), kind=kind, description=description)
        return cls.open(output_uri, s3_endpoint=s3_endpoint, kind=kind)

    @staticmethod
    def exists(output_uri: str, *, s3_endpoint: str | None = None, kind: RowKind = VIDEO_ROWS) -> bool:
        """Whether an output has a table; arguments as of ``open``. What cannot be looked at is a ``ConfigError``."""
        place = _place(output_uri, s3_endpoint, kind)
        with reading_errors(place.uri):
            return is_table(place)

    @property
    def uri(self) -> str:
        """Where the table lies, as people are shown it: a path or an ``s3://`` URI."""
        return self._place.uri

    @property
    def description(self) -> str:
        """What the table says of itself since it was created; empty if that is nothing."""
        return open_table(self._place, kind=self._kind).metadata().description or ""

    def rows(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of a table that fits into memory, in no order; of some columns, or of all."""
        return all_rows(open_table(self._place, kind=self._kind), self._place, kind=self._kind, columns=columns)

    def load_done(self, key: str, *, retry: Set[Status] = frozenset(), decoder: str = "") -> DoneIds:
        """Find out which videos need no work; from here on ``append`` replaces the rows of the stale ones.

        Args:
            key: Of the rows in question: their scoring, or what else the key column names.
            retry: Rows with these statuses are stale.
            decoder: The decoder in use; ``timeout`` and ``crashed`` rows of another one are stale. Empty: of none.

        Returns:
            The ids, kept up to date by ``append``.
        """
        writer = RowWriter(self._place, key=key, kind=self._kind, retry=retry, decoder=decoder)
        self._writers[key] = writer
        return writer.done

    def look_up(self, video_ids: DoneIds, *, key: str) -> DoneIds:
        """Find out anew which of some videos have a row; what ``append`` goes by stays as it is.

        Args:
            video_ids: The videos in question.
            key: Of the rows in question.

        Returns:
            Those that have one.
        """
        table = open_table(self._place, kind=self._kind)
        with reading_errors(self.uri):
            batches = id_batches(self._place, file_names(table), key=key, kind=self._kind)
            return DoneIds.of_rows(batches, among=video_ids)

    def append(self, rows: pa.Table, *, key: str) -> int:
        """Commit the rows of videos that have none yet, and replace those of stale ones, in one commit.

        Args:
            rows: Of the kind's schema, all of one key.
            key: What they carry in the key column.

        Returns:
            How many rows this call committed; the others were there already. If the table cannot be written an
            ``OutputError`` is raised (``RowWriter.append``).
        """
        if key not in self._writers:
            self.load_done(key)
        return self._writers[key].append(rows)

    def compact(self) -> int:
        """Merge small files into large ones, as at the end of a run; readers and writers are not disturbed.

        Returns:
            How many files fewer the table has; 0 also where another process changed the same files meanwhile, or the
            disk has no room for a second copy of the small files.
        """
        table = open_table(self._place, kind=self._kind)
        sizes_bytes = pa.table(table.get_add_actions())["size_bytes"].to_pylist()
        small_bytes = sum(size for size in sizes_bytes if size < COMPACT_BELOW_BYTES)
        if not self._place.has_room(small_bytes):
            return 0
        try:
            with output_errors(self._place.uri):
                table.optimize.compact(target_size=COMPACT_BELOW_BYTES)
        except CommitFailedError:
            return 0
        return len(sizes_bytes) - len(file_names(table))

    def file_paths(self) -> list[Path]:
        """The Parquet files that make up the table now; none for an empty table.

        Raises:
            TypeError: If the table is not on the local disk.
        """
        if not isinstance(self._place, LocalPlace):
            raise TypeError(f"{self.uri} is not on the local disk")
        return [self._place.path / name for name in sorted(file_names(open_table(self._place, kind=self._kind)))]

    def file_uris(self) -> list[str]:
        """The same as URIs, for engines that read Parquet wherever it lies: ``file://``, or ``s3://`` and the key."""
        return [self._place.file_uri(name) for name in sorted(file_names(open_table(self._place, kind=self._kind)))]

    def query(self, sql: str) -> pa.Table:
        """Ask the table as it is now, called by its kind's name, in the SQL of Apache DataFusion.

        Args:
            sql: One ``SELECT``.

        Returns:
            The answer; text and binary columns at any depth are plain ones, not views.
        """
        table = open_table(self._place, kind=self._kind)
        with reading_errors(self.uri):
            return ask(table, sql, kind=self._kind)

    def head(self, num_rows: int) -> pa.Table:
        """The rows scored last, newest first."""
        return self.query(f"SELECT * FROM videos ORDER BY scored_at DESC, uri LIMIT {int(num_rows)}")  # noqa: S608

    def count_by_status(self, scoring_id: str) -> dict[str, int]:
        """How many videos have each status, of those that occur, for one scoring."""
        of_scoring = f"FROM videos WHERE scoring_id = {quoted(scoring_id)}"
        answer = self.query(f"SELECT status, count(*) AS n {of_scoring} GROUP BY status ORDER BY status")
        return dict(zip(answer["status"].to_pylist(), answer["n"].to_pylist(), strict=True))


def _place(output_uri: str, s3_endpoint: str | None, kind: RowKind) -> Place:
    return output_place(output_uri, s3_endpoint=s3_endpoint) / kind.name
