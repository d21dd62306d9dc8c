"""Labelled videos: what a manifest, or a folder with ``real`` and ``fake`` in it, says of each.

Nothing is guessed: a label that is none, an unknown split or two rows that contradict each other end the run before
work begins. Whether the videos are there is found out when they are listed.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from gsgmodel.archive.candidates import suffix_of
from gsgmodel.archive.identity import canonical_uri, is_s3, is_uri, local_path, split_uri
from gsgmodel.archive.listing import list_archive
from gsgmodel.archive.manifest import COLUMNS as NAMING_COLUMNS
from gsgmodel.archive.manifest import MOST_BYTES, is_manifest
from gsgmodel.archive.objects import locate
from gsgmodel.archive.s3 import read_whole
from gsgmodel.errors import ConfigError, VideoError
from gsgmodel.records import VideoRef

LABELS = {"0": 0, "real": 0, "1": 1, "fake": 1}
SPLITS = ("train", "val", "test")
NAMES = ("real", "fake")
"""Of the folders, and of the method where nothing else is said, by label."""
ALIASES = {"identity": ("identity", "target"), "source_identity": ("source_identity", "source")}
"""Columns by what they say; the first that a manifest has is used."""
COLUMNS = ("label", "method", "identity", "source_identity", "split", "original", "mask", "dataset", "compression")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledVideo:
    """What is known of a video before it is looked at."""

    uri: str
    """Canonical."""
    label: int
    """1 = fake."""
    method: str
    """How it was forged; of a real one, where it is from or ``real``."""
    identity: str | None
    """Who is shown."""
    source_identity: str | None
    """Whose face is on them."""
    split: str | None
    """``train``, ``val`` or ``test``; None where it is to be drawn."""
    original_uri: str | None
    """Of the video that a fake was made from."""
    mask_uri: str | None
    """Of the video that shows which pixels are forged."""
    dataset: str = ""
    """Where it is from, as reports group by it."""
    compression: str = ""
    """As its data set calls it."""

    @property
    def group(self) -> str:
        """What it shares with others, which are drawn with it for an interval: a person, an original, else itself."""
        return self.identity or self.original_uri or self.uri


def read_labels(
    inputs: Sequence[str], *, filters: Sequence[str] = (), s3_endpoint: str | None = None
) -> dict[str, LabelledVideo]:
    """Read what is said of videos.

    Args:
        inputs: Manifests (.csv or .parquet) with a column ``uri`` or ``path`` and a column ``label`` (0 or 1, real or
            fake), and those of ``COLUMNS`` that there are; names in them are URIs, absolute, or relative to the
            manifest. Folders whose videos lie below ``real/`` and ``fake/``, where the next folder, if any, names the
            method.
        filters: Which files of a folder are videos, as of ``list_archive``.
        s3_endpoint: Of the store that ``s3://`` inputs lie on, or None for the environment's.

    Returns:
        The videos by uri.

    Raises:
        ConfigError: If an input is neither, or cannot be read; a manifest lacks a column; a folder has neither of the
            two in it; a label or split is none; or a video is described in two ways. The message counts them.
    """
    found: dict[str, LabelledVideo] = {}
    contradicted: list[str] = []
    for given in inputs:
        place = locate(given, endpoint=s3_endpoint) if is_s3(given) else local_path(given)
        if place.is_dir() if isinstance(place, Path) else place.endswith("/"):
            videos = _of_folder(place, filters=filters, s3_endpoint=s3_endpoint)
        elif is_manifest(place):
            videos = _of_manifest(place, s3_endpoint=s3_endpoint)
        else:
            raise ConfigError(f"input {str(place)!r} says nothing of labels; accepted: a manifest or a labelled folder")
        contradicted += [video.uri for video in videos if found.setdefault(video.uri, video) != video]
    if contradicted:
        raise ConfigError(f"{_several(contradicted, 'videos')} named twice with different labels or facts")
    return found


def _of_folder(folder: Path | str, *, filters: Sequence[str], s3_endpoint: str | None) -> Iterator[LabelledVideo]:
    """Videos below ``real`` and ``fake``.

    Raises:
        ConfigError: If there are none.
    """
    base = folder if isinstance(folder, str) else f"{folder.as_uri().rstrip('/')}/"
    is_empty = True
    for item in list_archive([str(folder)], filters=filters, s3_endpoint=s3_endpoint):
        relative = item.uri.removeprefix(base)
        first, *others = (relative if isinstance(folder, str) else unquote(relative)).split("/")
        if isinstance(item, VideoRef) and first.lower() in NAMES and others:
            label = NAMES.index(first.lower())
            yield LabelledVideo(
                uri=item.uri,
                label=label,
                method=others[0] if len(others) > 1 else NAMES[label],
                identity=None,
                source_identity=None,
                split=None,
                original_uri=None,
                mask_uri=None,
            )
            is_empty = False
    if is_empty:
        raise ConfigError(f"input {str(folder)!r} has no videos below a folder 'real' or 'fake'")


def _of_manifest(manifest: Path | str, *, s3_endpoint: str | None) -> Iterator[LabelledVideo]:
    """Videos of a manifest, in its order; rows without a name are left to the listing."""
    table = _read_manifest(manifest, s3_endpoint=s3_endpoint)
    folder = str(manifest).rpartition("/")[0]
    rows = [row for row in table.to_pylist() if row["name"]]
    _check_values(str(manifest), rows, "label", accepted=LABELS)
    _check_values(str(manifest), [row for row in rows if row["split"]], "split", accepted=SPLITS)
    for row in rows:
        uri, label = _resolve(row["name"], folder=folder), LABELS[row["label"].lower()]
        original_uri = _resolve(row["original"], folder=folder) if row["original"] else None
        yield LabelledVideo(
            uri=uri,
            label=label,
            method=row["method"] or NAMES[label],
            identity=row["identity"] or None,
            source_identity=row["source_identity"] or None,
            split=row["split"].lower() if row["split"] else None,
            original_uri=original_uri if original_uri != uri else None,
            mask_uri=_resolve(row["mask"], folder=folder) if row["mask"] else None,
            dataset=row["dataset"] or "",
            compression=row["compression"] or "",
        )


def _resolve(name: str, *, folder: str) -> str:
    return canonical_uri(name if is_uri(name) or name.startswith("/") else f"{folder}/{name}")


def _read_manifest(manifest: Path | str, *, s3_endpoint: str | None) -> pa.Table:
    """Return the columns ``name`` and ``COLUMNS`` of a manifest as text; empty where it has none.

    Raises:
        ConfigError: If it cannot be read, or does not say which videos or what labels.
    """
    try:
        if isinstance(manifest, Path):
            content = manifest.read_bytes()
        else:
            content = read_whole(*split_uri(manifest), endpoint=s3_endpoint, most_bytes=MOST_BYTES)
        is_parquet = suffix_of(str(manifest)) == ".parquet"
        names = _column_names(content, is_parquet=is_parquet)
        wanted = {"name": NAMING_COLUMNS} | {column: ALIASES.get(column, (column,)) for column in COLUMNS}
        chosen = {said: next((name for name in options if name in names), None) for said, options in wanted.items()}
        for said in ("name", "label"):
            if chosen[said] is None:
                raise ConfigError(f"manifest {str(manifest)!r} has no column named {' or '.join(wanted[said])}")
        table = _read_columns(content, [name for name in chosen.values() if name], is_parquet=is_parquet)
        columns = [
            table[name].cast(pa.string()) if name else pa.nulls(table.num_rows, pa.string()) for name in chosen.values()
        ]
    except (pa.ArrowException, OSError, VideoError) as error:
        raise ConfigError(f"manifest {str(manifest)!r} cannot be read: {str(error).splitlines()[0]}") from error
    return pa.table(dict(zip(chosen, columns, strict=True)))


def _column_names(content: bytes, *, is_parquet: bool) -> list[str]:
    if is_parquet:
        return list(pq.read_schema(io.BytesIO(content)).names)
    with pa_csv.open_csv(io.BytesIO(content), read_options=pa_csv.ReadOptions(use_threads=False)) as header:
        return list(header.schema.names)


def _read_columns(content: bytes, names: Sequence[str], *, is_parquet: bool) -> pa.Table:
    if is_parquet:
        return pq.read_table(io.BytesIO(content), columns=list(names), use_threads=False)
    return pa_csv.read_csv(
        io.BytesIO(content),
        read_options=pa_csv.ReadOptions(use_threads=False),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            include_columns=list(names), column_types=dict.fromkeys(names, pa.string())
        ),
    )


def _check_values(
    manifest: str, rows: Sequence[dict[str, str | None]], column: str, *, accepted: Iterable[str]
) -> None:
    """Make sure that every row has one of some values in a column.

    Raises:
        ConfigError: If not; with how many have not, and the first of them.
    """
    wrong = [row for row in rows if (row[column] or "").lower() not in set(accepted)]
    if wrong:
        names = [f"{row['name']} ({row[column] or ''!r})" for row in wrong]
        raise ConfigError(
            f"manifest {manifest!r}: {_several(names, f'rows have a {column} that is none')}; "
            f"accepted: {', '.join(accepted)}"
        )


def _several(names: Sequence[str], what: str) -> str:
    """Return how many there are and the first three of them."""
    return f"{len(names)} {what}: {', '.join(names[:3])}" + (", ..." if len(names) > 3 else "")  # noqa: PLR2004
