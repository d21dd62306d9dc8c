"""Files that a table does not need any more: which they are, and how they are deleted without harm to anybody.

deltalake finds them, because it knows the log. It is not left to delete them: it would take whatever else somebody put
into the folder with them.
"""

import math
import re
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatch
from types import MappingProxyType

from gsgmodel.errors import ConfigError
from gsgmodel.results.places import LocalPlace, Place
from gsgmodel.results.storage import output_errors, reading_errors
from gsgmodel.upkeep.inventory import StoredFile, list_files
from gsgmodel.upkeep.snapshot import Snapshot

LEAST = timedelta(hours=1)
"""The file of a commit that is under way is younger."""
KEPT_BY_LOG = timedelta(days=7)
"""For so long a log names the files that were taken out of a table, unless the table says otherwise."""
DATA, PARTIAL = "part-*.parquet", ".partial-*/*"
"""What writers of the table leave: files of commits, and on a disk what was being written when a process was killed."""
_UNITS: Mapping[str, timedelta] = MappingProxyType(
    {
        "second": timedelta(seconds=1),
        "minute": timedelta(minutes=1),
        "hour": timedelta(hours=1),
        "day": timedelta(days=1),
        "week": timedelta(weeks=1),
    }
)
_AGE = re.compile(r"(\d{1,6})([mhdw])")
_INTERVAL = re.compile(r"(?:interval )?(\d{1,9}) (second|minute|hour|day|week)s?")
_KEEP_PROPERTY = "delta.deletedFileRetentionDuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unneeded:
    """Files that the newest version does not consist of, and whose age is above a bound; by name with their sizes."""

    superseded: Mapping[str, int]
    """Taken out of the table longer ago: merged into others, or their rows replaced."""
    orphans: Mapping[str, int]
    """Named by no commit: whoever wrote them died before it, or it was refused."""
    foreign: Mapping[str, int]
    """No file of the table's, and none of anybody's business here."""

    @property
    def num_files(self) -> int:
        """How many may be deleted."""
        return len(self.superseded) + len(self.orphans)

    @property
    def num_bytes(self) -> int:
        """How large they are together."""
        return sum(self.superseded.values()) + sum(self.orphans.values())


def vacuum(snapshot: Snapshot, *, older_than: str, dry_run: bool) -> Unneeded:
    """Delete files that no snapshot within a time needs, and leftovers that are older than that.

    Appends and compactions may go on meanwhile, as long as none takes as long as the bound from its first file to its
    commit.

    Args:
        snapshot: The newest.
        older_than: As of ``age_bound``, which refuses with a ``ConfigError`` what is not safe.
        dry_run: Only look.

    Returns:
        What was found, and deleted unless this is a dry run; foreign files never are. Where files cannot be listed a
        ``ConfigError`` is raised, and where they cannot be deleted an ``OutputError``.
    """
    found = find_unneeded(snapshot, older_than=age_bound(older_than, longest=kept_by_log(snapshot)))
    if not dry_run:
        with output_errors(snapshot.place.uri):
            _delete(snapshot.place, [*found.superseded, *found.orphans])
    return found


def find_unneeded(snapshot: Snapshot, *, older_than: timedelta) -> Unneeded:
    """Find what may go.

    Args:
        snapshot: The newest; what is committed after it is young, and so not among what is found.
        older_than: Bound on the time since a file was written, and since it was taken out of the table.

    Returns:
        The files. Where they cannot be listed a ``ConfigError`` is raised.
    """
    # Whole hours are all that deltalake takes.
    hours = math.ceil(older_than / timedelta(hours=1))
    with reading_errors(snapshot.place.uri):
        stored = list_files(snapshot.place)
        named, all_ = (
            snapshot.table.vacuum(retention_hours=hours, dry_run=True, enforce_retention_duration=False, full=full)
            for full in (False, True)
        )
    unnamed = set(all_) - set(named)
    old_s = time.time() - older_than.total_seconds()
    partial = {name for name, file in stored.items() if fnmatch(name, PARTIAL) and file.modified_s < old_s}
    ours = {name for name in unnamed if "/" not in name and fnmatch(name, DATA)}
    return Unneeded(
        superseded=_sizes(named, stored),
        orphans=_sizes(ours | partial, stored),
        foreign=_sizes(unnamed - ours - partial, stored),
    )


def age_bound(text: str, *, longest: timedelta = KEPT_BY_LOG) -> timedelta:
    """Read an age from which files may be deleted.

    Args:
        text: A number and one of m, h, d and w: ``7d``, ``36h``.
        longest: For how long the log names what was taken out of the table. After that nothing tells an orphan from a
            file that an earlier version is made of.

    Returns:
        The age.

    Raises:
        ConfigError: If it is none, or too short or too long to be safe.

    Example:
        >>> age_bound("36h")
        datetime.timedelta(days=1, seconds=43200)
    """
    match = _AGE.fullmatch(text.strip())
    named = {name[0]: unit for name, unit in _UNITS.items()}
    age = int(match[1]) * named[match[2]] if match else timedelta()
    if not LEAST <= age <= longest:
        raise ConfigError(
            f"--older-than is {text!r}; accepted: 1h to {longest / timedelta(hours=1):g}h, such as 12h or 7d: younger "
            "files may be of a commit that is under way, and the log does not know older ones for sure"
        )
    return age


def kept_by_log(snapshot: Snapshot) -> timedelta:
    """For how long the table's log names files that were taken out of it.

    Raises:
        ConfigError: If the table has a property for this which cannot be read.
    """
    text = snapshot.table.metadata().configuration.get(_KEEP_PROPERTY)
    if text is None:
        return KEPT_BY_LOG
    match = _INTERVAL.fullmatch(text.strip().lower())
    if match is None:
        raise ConfigError(f"{_KEEP_PROPERTY} of {snapshot.place.uri!r} is {text!r}; accepted: such as interval 7 days")
    return int(match[1]) * _UNITS[match[2]]


def _sizes(names: Iterable[str], stored: Mapping[str, StoredFile]) -> dict[str, int]:
    """Sizes of the files that are there."""
    return {name: stored[name].size_bytes for name in sorted(names) if name in stored}


def _delete(place: Place, names: list[str]) -> None:
    """Delete files; of those that were being written also the folders, unless somebody writes into them."""
    with ThreadPoolExecutor(place.files_ahead) as pool:
        # Their results, so that an error is raised here.
        list(pool.map(place.remove, names))
    if isinstance(place, LocalPlace):
        for folder in sorted({name.partition("/")[0] for name in names if "/" in name}):
            if not any((place.path / folder).iterdir()):
                (place.path / folder).rmdir()
