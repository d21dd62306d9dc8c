"""What an archive holds, one object at a time: files, folders and manifests become references to videos.

Nothing is opened but manifests, nothing is held but the names of folders still to be visited, and the order is the
store's own. Inputs that overlap yield an object once, unless a manifest names it too: whoever plans drops equal
``video_id``.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from gsgmodel.archive.identity import local_path, video_id
from gsgmodel.archive.manifest import check_manifest, is_manifest, manifest_paths
from gsgmodel.errors import ConfigError
from gsgmodel.records import VideoRef

VIDEO_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("3g2", "3gp", "asf", "avi", "divx", "dv", "f4v", "flv", "gif", "m1v", "m2ts", "m2v", "m4v", "mkv", "mov"),
        *("mp4", "mpe", "mpeg", "mpg", "mts", "mxf", "ogm", "ogv", "qt", "rm", "rmvb", "ts", "vob", "webm", "wmv"),
    )
)
"""Names that end so are taken for videos, whatever their case; whether they are is found out by decoding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something in an archive that is not a candidate for scoring, and why."""

    uri: str
    """Canonical; empty for a blank row of a manifest."""
    size_bytes: int
    """0 where it is not a regular file or not known."""
    reason: str
    """``suffix``, ``filter``, ``hidden``, ``linked_folder``, ``not_a_file``, ``blank``, ``missing``, ``denied`` or
    ``unavailable``."""
    suffix: str
    """Of the name, in lower case with its dot; empty where there is none."""


def suffix_of(name: str) -> str:
    """The suffix of a name in lower case with its dot; empty where there is none.

    >>> suffix_of("a.MP4"), suffix_of("upload"), suffix_of(".hidden"), suffix_of("a.")
    ('.mp4', '', '', '')
    """
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a name, not a path
    return "" if suffix == "." else suffix


def check_inputs(inputs: Sequence[str]) -> None:
    """Make sure that every input is there, can be listed and is not an empty folder, before any work.

    Args:
        inputs: Files, folders and manifests: paths or ``file://`` URIs.

    Raises:
        ConfigError: If there is no input, or one does not exist, cannot be read or listed, is an empty folder, is
            neither a file nor a folder, or is a manifest without a column ``uri`` or ``path``.
    """
    if not inputs:
        raise ConfigError("no input; accepted: files, folders, and manifests that end in .parquet or .csv")
    for given in inputs:
        path = local_path(given)
        try:
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                with os.scandir(path) as entries:
                    is_empty = next(entries, None) is None
                if is_empty:
                    raise ConfigError(f"input {str(path)!r} is an empty folder")
            elif not stat.S_ISREG(mode):
                raise ConfigError(f"input {str(path)!r} is neither a file nor a folder")
            else:
                path.open("rb").close()
        except OSError as error:
            raise ConfigError(f"input {str(path)!r}: {error.strerror}") from error
        if stat.S_ISREG(mode) and is_manifest(path):
            check_manifest(path)


def list_archive(inputs: Sequence[str], *, filters: Sequence[str] = ()) -> Iterator[VideoRef | LeftOut]:
    """List what is to be scored and what is left out, as it is found.

    A file named as an input or by a manifest is always a candidate, also one of 0 bytes. In a folder, at any depth,
    a candidate has a video suffix or none; with ``filters``, exactly what one of them matches is one. Without
    filters, names that begin with a dot are left out, folders whole. Links to files are followed, links to folders
    only where they are inputs themselves.

    Args:
        inputs: Files, folders and manifests: paths or ``file://`` URIs. A manifest is a file whose name ends in
            ``.parquet`` or ``.csv``.
        filters: Globs, case-sensitive, compared with the name and with the path relative to the input; ``*`` also
            matches ``/``, so ``'*'`` takes everything.

    Yields:
        Candidates, and a ``LeftOut`` for each thing that is none, each once unless a manifest names it again.
        An input that cannot be listed is a ``ConfigError`` before anything is yielded (``check_inputs``), a manifest
        that turns out to be broken further down is one there.
    """
    check_inputs(inputs)
    named = dict.fromkeys(local_path(given) for given in inputs)
    for path in named:
        if path.is_dir():
            yield from _walk(path, filters=filters, skip=frozenset(named))
        elif is_manifest(path):
            yield from (_named_object(entry) for entry in manifest_paths(path))
        else:
            yield _named_object(path)


def _walk(top: Path, *, filters: Sequence[str], skip: frozenset[Path]) -> Iterator[VideoRef | LeftOut]:
    """Everything below a folder, but for other inputs, which are listed on their own."""
    pending = [top]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    path = Path(entry.path)
                    if path in skip:
                        continue
                    if entry.is_dir(follow_symlinks=False) and (filters or not entry.name.startswith(".")):
                        pending.append(path)
                    else:
                        relative = entry.path[len(str(top)) :].lstrip("/")
                        yield _found_object(entry, relative=relative, filters=filters)
        except OSError as error:
            yield _failed(folder, error)


def _found_object(entry: os.DirEntry[str], *, relative: str, filters: Sequence[str]) -> VideoRef | LeftOut:
    path = Path(entry.path)
    try:
        status = entry.stat()
    except OSError as error:
        return _failed(path, error)
    if stat.S_ISDIR(status.st_mode):
        reason = "linked_folder" if entry.is_symlink() else "hidden"
        return _left_out(path, size_bytes=0, reason=reason)
    if not stat.S_ISREG(status.st_mode):
        return _left_out(path, size_bytes=0, reason="not_a_file")
    reason = _why_not(entry.name, relative=relative, filters=filters)
    if reason:
        return _left_out(path, size_bytes=status.st_size, reason=reason)
    return _reference(path, status)


def _why_not(name: str, *, relative: str, filters: Sequence[str]) -> str:
    """Why a file in a folder is no candidate; empty if it is one."""
    if filters:
        matches = any(fnmatchcase(name, glob) or fnmatchcase(relative, glob) for glob in filters)
        return "" if matches else "filter"
    if name.startswith("."):
        return "hidden"
    suffix = suffix_of(name)
    return "suffix" if suffix and suffix not in VIDEO_SUFFIXES else ""


def _named_object(path: Path | None) -> VideoRef | LeftOut:
    """A file that was named; None stands for a manifest's blank row."""
    if path is None:
        return LeftOut(uri="", size_bytes=0, reason="blank", suffix="")
    try:
        status = path.stat()
    except OSError as error:
        return _failed(path, error)
    if not stat.S_ISREG(status.st_mode):
        return _left_out(path, size_bytes=0, reason="not_a_file")
    return _reference(path, status)


def _reference(path: Path, status: os.stat_result) -> VideoRef:
    uri, etag = path.as_uri(), str(status.st_mtime_ns)
    return VideoRef(
        uri=uri,
        etag=etag,
        size_bytes=status.st_size,
        last_modified_s=status.st_mtime,
        video_id=video_id(uri, etag, status.st_size),
    )


def _left_out(path: Path, *, size_bytes: int, reason: str) -> LeftOut:
    return LeftOut(uri=path.as_uri(), size_bytes=size_bytes, reason=reason, suffix=suffix_of(path.name))


def _failed(path: Path, error: OSError) -> LeftOut:
    if isinstance(error, PermissionError):
        reason = "denied"
    elif isinstance(error, FileNotFoundError | NotADirectoryError):
        reason = "missing"
    else:
        reason = "unavailable"
    return _left_out(path, size_bytes=0, reason=reason)
