"""What lies on a local disk: folders walked entry by entry, files looked at by name."""

import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from gsgmodel.archive.candidates import LeftOut, failed, judge, reference, suffix_of, why_not
from gsgmodel.archive.conditions import Filters
from gsgmodel.archive.reading import os_error_as_video_error
from gsgmodel.errors import ConfigError
from gsgmodel.records import VideoRef


def check_local(path: Path) -> None:
    """Make sure that an input is a readable file or a folder that can be listed and is not empty.

    Raises:
        ConfigError: If it is not, in one sentence.
    """
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


def walk(top: Path, *, filters: Filters, skip: Collection[Path]) -> Iterator[VideoRef | LeftOut]:
    """Everything below a folder, in the disk's own order.

    Links to files are followed, links to folders are not; without globs, hidden folders are left out whole.

    Args:
        top: Of which only the names of folders still to be visited are held.
        filters: Globs are compared with names and with paths from here.
        skip: Files and folders that are listed on their own.

    Yields:
        Candidates and what is left out; a folder that cannot be listed is left out.
    """
    pending = [top]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    path = Path(entry.path)
                    if path in skip:
                        continue
                    if entry.is_dir(follow_symlinks=False) and (filters.globs or not entry.name.startswith(".")):
                        pending.append(path)
                    else:
                        relative = entry.path[len(str(top)) :].lstrip("/")
                        yield _found_file(entry, relative=relative, filters=filters)
        except OSError as error:
            yield _failed(folder, error)


def named_file(path: Path, *, filters: Filters) -> VideoRef | LeftOut:
    """A file that was named: a candidate, whatever it is called, if the conditions hold."""
    try:
        status = path.stat()
    except OSError as error:
        return _failed(path, error)
    if not stat.S_ISREG(status.st_mode):
        return _no_file(path, reason="not_a_file")
    return _judged(path, status, filters=filters)


def _found_file(entry: os.DirEntry[str], *, relative: str, filters: Filters) -> VideoRef | LeftOut:
    path = Path(entry.path)
    try:
        status = entry.stat()
    except OSError as error:
        return _failed(path, error)
    if stat.S_ISDIR(status.st_mode):
        return _no_file(path, reason="linked_folder" if entry.is_symlink() else "hidden")
    if not stat.S_ISREG(status.st_mode):
        return _no_file(path, reason="not_a_file")
    return _judged(path, status, filters=filters, reason=why_not(relative, globs=filters.globs))


def _judged(path: Path, status: os.stat_result, *, filters: Filters, reason: str = "") -> VideoRef | LeftOut:
    found = reference(
        path.as_uri(), etag=str(status.st_mtime_ns), size_bytes=status.st_size, last_modified_s=status.st_mtime
    )
    return judge(found, name=path.name, filters=filters, reason=reason)


def _no_file(path: Path, *, reason: str) -> LeftOut:
    return LeftOut(uri=path.as_uri(), size_bytes=0, reason=reason, suffix=suffix_of(path.name))


def _failed(path: Path, error: OSError) -> LeftOut:
    return failed(path.as_uri(), os_error_as_video_error(error), name=path.name)
