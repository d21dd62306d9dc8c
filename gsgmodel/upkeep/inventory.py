"""What lies in a place of results, file by file with sizes and ages, whatever wrote it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gsgmodel.archive.s3 import list_pages
from gsgmodel.results.buckets import S3Place
from gsgmodel.results.places import LocalPlace, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file as the disk or the store describes it."""

    size_bytes: int
    modified_s: float
    """Seconds since the epoch."""


def list_files(place: Place) -> dict[str, StoredFile]:
    """List every file below a place; one that goes away meanwhile is not there.

    Args:
        place: A folder or a prefix; none of its files where it does not exist. What goes wrong is an ``OSError`` of a
            folder and a ``VideoError`` of a store.

    Returns:
        Files by what follows the place in their names, with slashes.

    Raises:
        TypeError: If the place is neither on the local disk nor on S3.
    """
    if isinstance(place, LocalPlace):
        return dict(_local_files(place.path, ""))
    if isinstance(place, S3Place):
        return dict(_objects(place))
    raise TypeError(f"{place.uri} is neither on the local disk nor on S3")


def _local_files(folder: Path, prefix: str) -> Iterator[tuple[str, StoredFile]]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        name = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _local_files(folder / entry.name, f"{name}/")
            continue
        try:
            found = entry.stat()
        except FileNotFoundError:
            continue
        yield name, StoredFile(size_bytes=found.st_size, modified_s=found.st_mtime)


def _objects(place: S3Place) -> Iterator[tuple[str, StoredFile]]:
    below = f"{place.prefix}/" if place.prefix else ""
    for page in list_pages(place.bucket, below, endpoint=place.endpoint):
        for found in page:
            file = StoredFile(size_bytes=found.size_bytes, modified_s=found.last_modified_s)
            yield found.key.removeprefix(below), file
