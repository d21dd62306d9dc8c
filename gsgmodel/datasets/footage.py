"""Real footage to make forgeries of: which videos, who is in them, and pieces of them one after the other."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gsgmodel.archive.identity import canonical_uri
from gsgmodel.archive.listing import list_archive
from gsgmodel.datasets.forge import ALL_METHODS, AnyMethod, Cut, Piece, cut_pieces
from gsgmodel.datasets.forge_methods import METHODS
from gsgmodel.datasets.labelled import LabelledVideo
from gsgmodel.errors import ConfigError, VideoError
from gsgmodel.faces.clips import Finder
from gsgmodel.records import VideoRef


@dataclass(frozen=True, kw_only=True)
class ForgeSettings:
    """How forgeries are made of footage.

    Raises:
        ConfigError: A value is out of range.
    """

    methods: str = ",".join(METHODS)
    """Ways of forging, taken in turn; patch, tone and drift are each to be seen by one part of the network alone."""
    fakes_per_real: int = 1
    """Forged versions of each piece."""
    seconds: float = 4.0
    """Length of a piece, at most."""
    segments: int = 2
    """Most pieces of a video, evenly spread."""
    long_side_px: int = 480
    """Longer side of the frames that are made, at most."""
    val_share: float = 0.2
    """Of the people, for validation."""
    test_share: float = 0.2
    """Of the people, for testing."""
    seed: int = 0
    """Of the forgeries and the splits."""

    def __post_init__(self) -> None:
        if set(self.methods.split(",")) - set(ALL_METHODS):
            raise ConfigError(f"--methods is {self.methods!r}; accepted, with commas: {', '.join(ALL_METHODS)}")
        if self.fakes_per_real < 1 or self.seed < 0:
            raise ConfigError(
                f"--fakes-per-real is {self.fakes_per_real}, --seed {self.seed}; accepted: 1 and 0 or more"
            )
        if min(self.val_share, self.test_share) < 0 or self.val_share + self.test_share > 1:
            raise ConfigError(
                f"--val-share is {self.val_share} and --test-share {self.test_share}; accepted: together up to 1"
            )
        self.cut  # noqa: B018 - refuses what it cannot be

    @property
    def cut(self) -> Cut:
        """How videos are cut."""
        return Cut(seconds=self.seconds, segments=self.segments, long_side_px=self.long_side_px)

    @property
    def chosen(self) -> list[AnyMethod]:
        """The methods in the order of ``ALL_METHODS``."""
        return [method for method in ALL_METHODS if method in self.methods.split(",")]


def list_footage(
    inputs: Sequence[str], identities: Path | None, *, s3_endpoint: str | None = None
) -> list[tuple[VideoRef, LabelledVideo]]:
    """Return the videos and who is in them.

    Args:
        inputs: Of real videos, as ``list_archive`` takes them.
        identities: A .csv with the columns ``path`` and ``identity``; videos that it does not name are left out. None:
            every video shows somebody else.
        s3_endpoint: Of the store that ``s3://`` inputs lie on, or None for the environment's.

    Raises:
        ConfigError: If an input is not there, or no video is left.
    """
    people = None if identities is None else _read_identities(identities)
    found = [item for item in list_archive(inputs, s3_endpoint=s3_endpoint) if isinstance(item, VideoRef)]
    named = [(ref, ref.uri if people is None else people.get(ref.uri)) for ref in sorted(found, key=lambda r: r.uri)]
    footage = [(ref, _labelled(ref, identity)) for ref, identity in named if identity]
    if not footage:
        raise ConfigError(f"no footage among the {len(found)} videos of the inputs; accepted: videos of real people")
    return footage


def read_pieces(
    footage: Sequence[tuple[VideoRef, LabelledVideo]],
    splits: Mapping[str, str],
    *,
    cut: Cut,
    detector: Finder,
    note: Callable[[str, str], None],
) -> Iterator[Piece]:
    """Yield pieces of all videos that show a face; what cannot be used is noted and left out.

    Args:
        footage: As ``list_footage`` returns it.
        splits: By uri.
        cut: How videos are cut.
        detector: Finds the faces.
        note: Told the uri of what is left out, and why.
    """
    for ref, video in footage:
        is_empty = True
        pieces = cut_pieces(ref, detector=detector, identity=video.identity or ref.uri, split=splits[ref.uri], cut=cut)
        try:
            for piece in pieces:
                is_empty = False
                yield piece
        except VideoError as error:
            note(ref.uri, str(error))
            continue
        if is_empty:
            note(ref.uri, "no face that is large enough")


def _read_identities(path: Path) -> dict[str, str]:
    """Who is in a video, by its uri.

    Raises:
        ConfigError: If the table cannot be read or lacks a column.
    """
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--identities {path} cannot be read: {error}") from error
    if not rows or not {"path", "identity"} <= rows[0].keys():
        raise ConfigError(
            f"--identities {path} has no rows, or lacks a column; accepted: a .csv with path and identity"
        )
    return {
        canonical_uri(path.parent / row["path"]): row["identity"] for row in rows if row["path"] and row["identity"]
    }


def _labelled(ref: VideoRef, identity: str) -> LabelledVideo:
    return LabelledVideo(
        uri=ref.uri,
        label=0,
        method="original",
        identity=identity,
        source_identity=None,
        split=None,
        original_uri=None,
        mask_uri=None,
    )
