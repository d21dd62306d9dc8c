"""Known holes of FFmpeg, and which of them a file can reach through what may be opened here.

A release with holes is safe to use where the parts that have them are never asked: FFmpeg is told which demuxers and
decoders it may use (``gsgmodel.video.container``). Sources are the CVE records of each number.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from gsgmodel.video.container import DECODERS, FORMATS

Release = tuple[int, int, int]
AS_OF = "2026-11"
"""Later ones are not in ``ADVISORIES``."""
_RELEASE = re.compile(r"n?(\d+)\.(\d+)(?:\.(\d+))?(?![\w.])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One hole."""

    name: str
    text: str
    last: Release
    """The last release that has it."""
    first: Release = (0, 0, 0)
    """The first release that has it; of all before the last where the record does not say."""
    formats: tuple[str, ...] = ()
    """Demuxers that a file needs to reach it, by FFmpeg's names."""
    decoders: tuple[str, ...] = ()
    """Decoders that a file needs to reach it."""


ADVISORIES = (
    Advisory(
        name="CVE-2026-107697",
        text="a playlist passes the check of names and reads other files and addresses",
        last=(8, 1, 2),
        formats=("hls",),
    ),
    Advisory(
        name="CVE-2026-64830",
        text="subtitles of DVDs write beyond their memory",
        first=(2, 1, 0),
        last=(8, 1, 2),
        formats=("vobsub",),
    ),
    Advisory(
        name="CVE-2026-65703",
        text="screen recordings of TDSC in AVI write beyond their memory",
        first=(2, 7, 0),
        last=(8, 1, 2),
        formats=("avi",),
        decoders=("tdsc",),
    ),
    Advisory(
        name="CVE-2026-65704",
        text="recordings of TiVo write beyond their memory",
        last=(8, 1, 2),
        formats=("ty",),
    ),
    Advisory(
        name="CVE-2026-65704", text="Shorten's sound writes beyond its memory", last=(8, 1, 2), decoders=("shorten",)
    ),
    Advisory(name="CVE-2026-125244", text="VVC pictures write beyond their memory", last=(8, 1, 2), decoders=("vvc",)),
    Advisory(name="CVE-2026-125267", text="APAC sound writes beyond its memory", last=(8, 1, 2), decoders=("apac",)),
)


def release_of(version: str) -> Release | None:
    """The release that a version's text names; None where it is none, as of a build from somewhere between two.

    >>> release_of("8.1.2"), release_of("n7.1"), release_of("N-118000-gabcdef")
    ((8, 1, 2), (7, 1, 0), None)
    """
    match = _RELEASE.match(version)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def known_holes(
    release: Release, *, formats: Collection[str] = FORMATS, decoders: Collection[str] = tuple(DECODERS)
) -> tuple[list[Advisory], list[Advisory]]:
    """Find the holes of a release.

    Args:
        release: Of FFmpeg.
        formats: Demuxers that may be used.
        decoders: Decoders that may be used.

    Returns:
        Those that a file can reach, and those that none can.
    """
    reachable: list[Advisory] = []
    shut: list[Advisory] = []
    for advisory in ADVISORIES:
        if advisory.first <= release <= advisory.last:
            is_open = set(advisory.formats) <= set(formats) and set(advisory.decoders) <= set(decoders)
            (reachable if is_open else shut).append(advisory)
    return reachable, shut
