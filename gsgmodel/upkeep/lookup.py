"""All that a table says of one video, found by its name or id."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from gsgmodel.archive.identity import canonical_uri
from gsgmodel.errors import ConfigError
from gsgmodel.upkeep.snapshot import Snapshot

MOST_NAMED = 20
"""Videos that are named where several fit."""
Match = Callable[[pa.RecordBatch], pa.BooleanArray]
"""Says of which rows of a batch something holds; true or false, never null."""
_ID = re.compile(r"[0-9a-fA-F]{32}\Z")


def find_video(snapshot: Snapshot, name: str) -> list[dict[str, Any]]:
    """Find the rows of one video.

    Args:
        snapshot: Of the table; of each file only names and ids are read, and whole only those that have the video.
        name: A path or URI as scans take them, an id of 32 hexadecimal digits, or how the name ends, from a slash on.

    Returns:
        The rows, those scored last first.

    Raises:
        ConfigError: If no video fits, or several do; some of them are named.
    """
    found: list[dict[str, Any]] = []
    for is_match in _ways(name):
        uris = _uris(snapshot, is_match)
        if len(uris) > 1:
            raise ConfigError(
                f"{len(uris)} videos are called {name!r}; accepted: one of {', '.join(uris[:MOST_NAMED])}"
            )
        if uris:
            found = list(matching_rows(snapshot, is_match, looked_at=("uri", "video_id")))
            break
    if not found:
        raise ConfigError(
            f"no row in {snapshot.place.uri!r} is of {name!r}; accepted: a path or URI that was scored, the end of "
            "one, or a video_id"
        )
    return sorted(found, key=lambda row: row["scored_at"], reverse=True)


def matching_rows(snapshot: Snapshot, is_match: Match, *, looked_at: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Read the few rows for which something holds, with their faces.

    Args:
        snapshot: Of the table.
        is_match: Says of which rows it holds.
        looked_at: The columns that it needs.

    Yields:
        The rows with all columns, in no order. Files without such a row are not read beyond these columns.
    """
    for file in snapshot.files:
        names = [file.name]
        if any(pc.any(is_match(batch)).as_py() for batch in snapshot.batches(looked_at, names=names)):
            for batch in snapshot.batches(names=names):
                yield from batch.filter(is_match(batch)).to_pylist()


def _ways(name: str) -> Iterator[Match]:
    """How a name is understood, the most certain way first."""
    if _ID.match(name):
        yield partial(_is_id, bytes.fromhex(name))
    try:
        uri = canonical_uri(name)
    except ConfigError:
        uri = name
    yield partial(_is_called, uri)
    # As people write it and as URIs of files do.
    for end in dict.fromkeys((name, quote(name, safe="/"))):
        yield partial(_ends_with, end)


def _is_id(wanted: bytes, batch: pa.RecordBatch) -> pa.BooleanArray:
    return pc.equal(batch.column("video_id"), wanted)


def _is_called(uri: str, batch: pa.RecordBatch) -> pa.BooleanArray:
    return pc.equal(batch.column("uri"), uri)


def _ends_with(end: str, batch: pa.RecordBatch) -> pa.BooleanArray:
    # With the slash: "a.mp4" is not the end of "banana.mp4".
    return pc.ends_with(batch.column("uri"), "/" + end.lstrip("/"))


def _uris(snapshot: Snapshot, is_match: Match) -> list[str]:
    """The names of the videos that fit, each once."""
    found: dict[str, None] = {}
    for batch in snapshot.batches(("uri", "video_id")):
        found |= dict.fromkeys(batch.filter(is_match(batch)).column("uri").to_pylist())
    return sorted(found)
