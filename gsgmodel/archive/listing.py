"""What an archive holds, one object at a time: files, folders, manifests and S3 become references to videos.

Nothing is opened but manifests, nothing is held but the names of folders still to be visited, a page of a listing or
some rows of a manifest, and the order is the store's own. Inputs that overlap yield an object once, unless a manifest
names it too: whoever plans drops equal ``video_id``.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

from gsgmodel.archive.candidates import VIDEO_SUFFIXES, LeftOut, suffix_of
from gsgmodel.archive.conditions import Filters, parse_filters
from gsgmodel.archive.identity import is_s3, local_path
from gsgmodel.archive.local import check_local, named_file, walk
from gsgmodel.archive.manifest import check_manifest, is_manifest, manifest_entries
from gsgmodel.archive.objects import locate, named_object, walk_keys
from gsgmodel.archive.s3 import check_endpoint
from gsgmodel.errors import ConfigError
from gsgmodel.records import VideoRef

__all__ = ["VIDEO_SUFFIXES", "LeftOut", "check_inputs", "list_archive", "suffix_of"]

LOOK_UPS = 32
"""Objects that are looked up on S3 at once."""
_ENTRIES_HELD = 1000
"""Of a manifest."""


def check_inputs(inputs: Sequence[str], *, s3_endpoint: str | None = None) -> None:
    """Make sure that every input is there, can be listed and is not an empty folder, before any work.

    Args:
        inputs: Files, folders and manifests: paths, ``file://`` or ``s3://`` URIs.
        s3_endpoint: Of the store that ``s3://`` inputs lie on, or None for the environment's.
    """
    _find(inputs, s3_endpoint=s3_endpoint)


def list_archive(
    inputs: Sequence[str], *, filters: Sequence[str] = (), s3_endpoint: str | None = None
) -> Iterator[VideoRef | LeftOut]:
    """List what is to be scored and what is left out, as it is found.

    A file named as an input or by a manifest is always a candidate, also one of 0 bytes. In a folder, at any depth,
    a candidate has a video suffix or none; with globs, exactly what one of them matches is one. Without globs, names
    that begin with a dot are left out, local folders whole. Links to files are followed, links to folders only where
    they are inputs themselves. Conditions hold for all candidates, named ones too.

    Args:
        inputs: Files, folders and manifests: paths, ``file://`` or ``s3://`` URIs. A manifest is a file whose name
            ends in ``.parquet`` or ``.csv``. On S3 a folder is a bucket or whatever ends in ``/``; without the
            slash, an object if there is one of that key, else the folder.
        filters: Globs, case-sensitive, compared with the name and with the path relative to the input; ``*`` also
            matches ``/``, so ``'*'`` takes everything. Conditions such as ``size>=1MB`` and ``age<1d``, which must
            all hold (``parse_filters``).
        s3_endpoint: Of the store that ``s3://`` objects lie on, or None for the environment's.

    Yields:
        Candidates, and a ``LeftOut`` for each thing that is none, each once unless a manifest names it again.
        An input that cannot be listed is a ``ConfigError`` before anything is yielded (``check_inputs``), a manifest
        that turns out to be broken further down and a store that fails while it is listed are one there.
    """
    parsed = parse_filters(filters)
    found = _find(inputs, s3_endpoint=s3_endpoint)
    paths = frozenset(item for item in found if isinstance(item, Path))
    uris = frozenset(item for item in found if isinstance(item, str))
    for item in found:
        if isinstance(item, Path) and item.is_dir():
            yield from walk(item, filters=parsed, skip=paths)
        elif isinstance(item, str) and item.endswith("/"):
            yield from walk_keys(item, filters=parsed, others=uris, endpoint=s3_endpoint)
        else:
            named = manifest_entries(item, s3_endpoint=s3_endpoint) if is_manifest(item) else [item]
            yield from _look_up(named, filters=parsed, s3_endpoint=s3_endpoint)


def _find(inputs: Sequence[str], *, s3_endpoint: str | None) -> list[Path | str]:
    """Paths and canonical ``s3://`` URIs, each once; those of folders on S3 end in ``/``.

    Raises:
        ConfigError: If there is no input, or one does not exist, cannot be read or listed, is an empty folder, is
            neither a file nor a folder, or is a manifest without a column ``uri`` or ``path``.
    """
    if not inputs:
        raise ConfigError("no input; accepted: files, folders, and manifests that end in .parquet or .csv")
    check_endpoint(s3_endpoint)
    found: dict[Path | str, None] = {}
    for given in inputs:
        place = locate(given, endpoint=s3_endpoint) if is_s3(given) else local_path(given)
        if isinstance(place, Path):
            check_local(place)
        if is_manifest(place) and not (isinstance(place, Path) and place.is_dir()):
            check_manifest(place, s3_endpoint=s3_endpoint)
        found[place] = None
    return list(found)


def _look_up(
    entries: Iterable[Path | str | None], *, filters: Filters, s3_endpoint: str | None
) -> Iterator[VideoRef | LeftOut]:
    """What was named, in order; objects of S3 are asked for many at a time."""
    ask = partial(named_object, filters=filters, endpoint=s3_endpoint)
    waiting = iter(entries)
    pool = ThreadPoolExecutor(LOOK_UPS)
    try:
        while held := list(islice(waiting, _ENTRIES_HELD)):
            answers = pool.map(ask, [entry for entry in held if isinstance(entry, str)])
            for entry in held:
                if entry is None:
                    yield LeftOut(uri="", size_bytes=0, reason="blank", suffix="")
                else:
                    yield named_file(entry, filters=filters) if isinstance(entry, Path) else next(answers)
    finally:
        pool.shutdown(cancel_futures=True)
