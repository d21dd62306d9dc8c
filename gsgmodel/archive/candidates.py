"""Which objects of an archive are candidates for scoring, whatever store they lie on, and why the others are not."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gsgmodel.archive.conditions import Filters
from gsgmodel.archive.identity import video_id
from gsgmodel.errors import Status, VideoError
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
    """``suffix``, ``filter``, ``size``, ``age``, ``hidden``, ``linked_folder``, ``directory_marker``, ``not_a_file``,
    ``blank``, ``missing``, ``denied`` or ``unavailable``."""
    suffix: str
    """Of the name, in lower case with its dot; empty where there is none."""


def suffix_of(name: str) -> str:
    """The suffix of a name in lower case with its dot; empty where there is none.

    >>> suffix_of("a.MP4"), suffix_of("upload"), suffix_of(".hidden"), suffix_of("a.")
    ('.mp4', '', '', '')
    """
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a name, not a path
    return "" if suffix == "." else suffix


def why_not(relative: str, *, globs: Sequence[str]) -> str:
    """Why something found below an input is no candidate, by its name; empty if it is one.

    Args:
        relative: Its path from the input, with ``/`` between its parts.
        globs: If there are any, they alone decide.
    """
    *folders, name = relative.split("/")
    if globs:
        matches = any(fnmatchcase(name, glob) or fnmatchcase(relative, glob) for glob in globs)
        return "" if matches else "filter"
    if any(part.startswith(".") for part in (*folders, name)):
        return "hidden"
    suffix = suffix_of(name)
    return "suffix" if suffix and suffix not in VIDEO_SUFFIXES else ""


def reference(uri: str, *, etag: str, size_bytes: int, last_modified_s: float) -> VideoRef:
    """One version of an object, with its id; the uri is canonical."""
    return VideoRef(
        uri=uri,
        etag=etag,
        size_bytes=size_bytes,
        last_modified_s=last_modified_s,
        video_id=video_id(uri, etag, size_bytes),
    )


def judge(found: VideoRef, *, name: str, filters: Filters, reason: str = "") -> VideoRef | LeftOut:
    """An object as a candidate, unless there is a reason already or a condition does not hold.

    Args:
        found: What is there.
        name: Its last part, unescaped.
        filters: Whose conditions count; globs were looked at by whoever found it.
        reason: Why it is no candidate, if that is known.
    """
    reason = reason or filters.unmet(size_bytes=found.size_bytes, last_modified_s=found.last_modified_s)
    if not reason:
        return found
    return LeftOut(uri=found.uri, size_bytes=found.size_bytes, reason=reason, suffix=suffix_of(name))


def failed(uri: str, error: VideoError, *, name: str) -> LeftOut:
    """What could not be looked at, because it is gone, may not be read, or its store fails."""
    reason = error.status if error.status in {Status.MISSING, Status.DENIED} else Status.UNAVAILABLE
    return LeftOut(uri=uri, size_bytes=0, reason=str(reason), suffix=suffix_of(name))
