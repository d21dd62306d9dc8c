"""What a published data set's adapter returns: its videos as a manifest has them, and all that is odd about the copy.

Nothing is left out without a word: what is listed and not there, what is there and not understood, and how many videos
there are where the authors published another number.
"""

import csv
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from gsgmodel.errors import ConfigError

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm"})
SHOWN = 3
"""Examples of a finding that are printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVideo:
    """A row of the manifest: the columns that ``labelled.read_labels`` knows, and two that reports group by."""

    path: str
    """Absolute."""
    label: int
    """1 = fake."""
    dataset: str
    method: str
    compression: str
    """As the data set calls it, or empty."""
    split: str
    """``train``, ``val`` or ``test`` where the authors say, or empty."""
    identity: str
    """Who is shown, with the data set in front, or empty."""
    source_identity: str
    original: str
    """Path of the video that a fake was made from, or empty."""
    mask: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells one video from all others: FaceForensics++ has the same names in every method."""
        return self.dataset, self.method, self.compression, Path(self.path).stem


@dataclass(kw_only=True)
class Findings:
    """What is odd about a copy of a data set: names by what is the matter with them."""

    by_kind: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def note(self, kind: str, name: str) -> None:
        """Add a name."""
        self.by_kind[kind].append(name)

    def compare(self, what: str, *, found: int, published: int) -> None:
        """Note a number of videos that is not the published one."""
        if found != published:
            self.note("numbers other than published", f"{what}: {found}, published {published}")

    def lines(self) -> list[str]:
        """A line a kind: how many, and the first of them."""
        return [
            f"{len(names)} {kind}: {', '.join(names[:SHOWN])}{', ...' if len(names) > SHOWN else ''}"
            for kind, names in self.by_kind.items()
        ]


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """A copy of a data set."""

    videos: tuple[PublishedVideo, ...]
    findings: Findings


class LayoutError(ConfigError):
    """A folder is no copy of the data set that it is said to hold."""

    def __init__(self, dataset: str, root: Path, expected: str) -> None:
        state = "has another layout" if root.is_dir() else "is no folder"
        super().__init__(f"{dataset}: {str(root)!r} {state}; expected: {expected}")


def folder_of(folder: Path) -> Path:
    """Where a folder's videos lie: in ``videos/`` below it where there is one, as some tools have moved them."""
    below = folder / "videos"
    return below if below.is_dir() else folder


def videos_in(folder: Path, findings: Findings, *, known: Collection[str] = ()) -> Iterator[Path]:
    """The videos of a folder by name; every other file is a finding, hidden and known ones apart."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in known or path.is_dir():
            continue
        if path.suffix.lower() in VIDEO_SUFFIXES:
            yield path
        else:
            findings.note("files that are no videos", path.name)


def published_video(path: Path, label: int, dataset: str, method: str, **more: str) -> PublishedVideo:
    """A row with nothing said beside what is given."""
    known = {each.name: "" for each in fields(PublishedVideo)} | {"path": str(path.absolute())} | more
    return PublishedVideo(**known | {"label": label, "dataset": dataset, "method": method})  # type: ignore[arg-type]


def check_csv(flag: str, path: Path) -> None:
    """Refuse a place that no .csv can be written to.

    Raises:
        ConfigError: It has another suffix, or its folder is not there.
    """
    if path.suffix.lower() != ".csv" or not path.parent.is_dir():
        raise ConfigError(f"{flag} is {str(path)!r}; accepted: a .csv in a folder that is there")


def write_manifest(path: Path, videos: Iterable[PublishedVideo], *, splits: Mapping[str, str]) -> None:
    """Write a manifest for ``gsg prepare``, ``score`` and ``evaluate``, whole or not at all.

    Args:
        path: Of the .csv.
        videos: In the order that they are to be written in.
        splits: By path; videos that are not named are left out.
    """
    rows = (asdict(video) | {"split": splits[video.path]} for video in videos if video.path in splits)
    write_whole(path, [each.name for each in fields(PublishedVideo)], rows)


def write_whole(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a .csv that is there whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        out = csv.DictWriter(file, columns)
        out.writeheader()
        out.writerows(rows)
    partial.replace(path)
