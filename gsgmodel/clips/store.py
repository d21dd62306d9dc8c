"""The clip store as training sees it: which videos and clips there are, and any clip's crops by its number."""

import hashlib
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import UInt8

from gsgmodel.clips.recipe import CropRecipe
from gsgmodel.clips.schema import INDEX_ROWS, PREPARED, SHARDS
from gsgmodel.clips.shards import ShardReader
from gsgmodel.errors import ConfigError
from gsgmodel.records import Preparation
from gsgmodel.results.delta import all_rows, open_table
from gsgmodel.results.storage import output_place

_VIDEO_COLUMNS = (
    *("video_id", "uri", "label", "method", "identity", "source_identity", "split", "original_uri"),
    *("width_px", "height_px", "codec", "duration_s", "native_fps", "size_bytes", "num_clips"),
)
_DIGESTED = ("video_id", "label", "method", "identity", "source_identity", "split", "original_id", "mask_id")
_CLIP_COLUMNS = (
    *("video", "label", "split", "track_id", "start_s", "end_s", "time_s", "boxes_px", "detected", "shard", "row"),
)


class ClipStore:
    """One state of a store: what is added to it later is not seen. Sent to another process it is a few bytes.

    Several threads may read at once.
    """

    def __init__(self, store_uri: str, *, s3_endpoint: str | None, version: int | None) -> None:
        """Name a state of a store; ``open`` is what looks whether it is there.

        Args:
            store_uri: A path, ``file://`` URI or ``s3://BUCKET/PREFIX``.
            s3_endpoint: Of the store, or None for the environment's.
            version: Of its index; the newest by default.
        """
        place = output_place(store_uri, s3_endpoint=s3_endpoint)
        self.uri = place.uri
        """Where it lies, as people are shown it: an absolute path or an ``s3://`` URI."""
        self._s3_endpoint = s3_endpoint
        self._index_place = place / INDEX_ROWS.name
        self._shard_place = place / SHARDS
        self._version = version

    @classmethod
    def open(cls, store_uri: str, *, s3_endpoint: str | None = None) -> "ClipStore":
        """Open a store in its present state.

        Args:
            store_uri: As ``gsg prepare`` has it as its output: a path, ``file://`` URI or ``s3://BUCKET/PREFIX``.
            s3_endpoint: Of the object store, or None for the environment's.

        Returns:
            The store; where there is none, or one that cannot be read, a ``ConfigError`` is raised. It may be empty.
        """
        store = cls(store_uri, s3_endpoint=s3_endpoint, version=None)
        store.load()
        return store

    def load(self) -> None:
        """Read the index, unless that is done; whatever needs it does so too, and raises what ``open`` does."""
        self._version = self._read.version

    def __reduce__(self) -> tuple[object, ...]:
        """Send its name and state, not what it holds."""
        return _named, (self.uri, self._s3_endpoint, self._version)

    @property
    def recipe(self) -> CropRecipe:
        """How its crops were made, with which faces and how many clips a video."""
        return self._read.recipe

    @property
    def preparation(self) -> Preparation:
        """How frames became crops; a model for these clips has the same."""
        return self.recipe.preparation

    @cached_property
    def videos(self) -> pa.Table:
        """One row for each video that has clips, by uri.

        Columns: ``video_id``, ``uri``, ``label`` (1 = fake), ``method``, ``identity``, ``source_identity``, ``split``,
        ``original_uri``, ``width_px``, ``height_px``, ``codec``, ``duration_s``, ``native_fps``, ``size_bytes``,
        ``num_clips``.
        """
        return self._read.rows.select(_VIDEO_COLUMNS)

    @cached_property
    def clips(self) -> pa.Table:
        """One row for each clip, in the order of ``videos``, then of ``start_s``, then of ``track_id``.

        Columns: ``video`` (its row in ``videos``), ``label``, ``split``, ``track_id``, ``start_s``, ``end_s``,
        ``time_s``, ``boxes_px`` (four numbers a frame), ``detected``, ``shard``, ``row``.
        """
        rows = self._read.rows
        clips = rows["clips"].combine_chunks()
        video = pc.list_parent_indices(clips).cast(pa.int32())
        flat = pa.Table.from_struct_array(pc.list_flatten(clips))
        flat = flat.append_column("video", video)
        for name in ("label", "split"):
            flat = flat.append_column(name, rows[name].take(video))
        by_time = [(name, "ascending") for name in ("video", "start_s", "track_id")]
        return flat.sort_by(by_time).select(_CLIP_COLUMNS).combine_chunks()

    @cached_property
    def digest(self) -> str:
        """64 hexadecimal digits: a hash of the videos that have clips, their labels and splits, and the preparation."""
        held = self._read.rows.select(_DIGESTED).to_pylist()
        lines = sorted(repr([row[name] for name in _DIGESTED]) for row in held)
        return hashlib.sha256("\n".join([self.recipe.preparation_id, *lines]).encode()).hexdigest()

    def read_crops(self, index: int) -> UInt8[np.ndarray, "T S S 3"]:
        """Return the crops of a clip, by its row in ``clips``; what cannot be read is a ``ConfigError``."""
        return self._reader.crops(*self._address(index))

    def read_mask(self, index: int) -> UInt8[np.ndarray, "T S S"] | None:
        """Return how much of each pixel of a clip is forged, 0 to 255; None where the data set did not say."""
        return self._reader.mask(*self._address(index))

    def _address(self, index: int) -> tuple[str, int]:
        """The shard and row of a clip.

        Raises:
            IndexError: If there is no such clip.
        """
        if not 0 <= index < self.clips.num_rows:
            raise IndexError(f"clip {index} of {self.clips.num_rows}")
        return self.clips["shard"][index].as_py(), self.clips["row"][index].as_py()

    @cached_property
    def _reader(self) -> ShardReader:
        preparation = self.preparation
        return ShardReader(self._shard_place, num_frames=preparation.frames_per_clip, size_px=preparation.crop_size_px)

    @cached_property
    def _read(self) -> "_Index":
        """What the index says.

        Raises:
            ConfigError: If it does not say how its crops were made, or they were made in several ways.
        """
        table = open_table(self._index_place, kind=INDEX_ROWS, version=self._version)
        try:
            recipe = CropRecipe.from_json(table.metadata().description or "")
        except ConfigError as error:
            raise ConfigError(f"the clip store in {self.uri!r} is of another version: {error}") from error
        rows = all_rows(table, self._index_place, kind=INDEX_ROWS)
        others = sorted({*pc.unique(rows["preparation_id"]).to_pylist()} - {recipe.preparation_id})
        if others:
            raise ConfigError(f"the clip store in {self.uri!r} has crops of another preparation: {', '.join(others)}")
        rows = rows.filter(pc.equal(rows["status"], PREPARED)).sort_by("uri").combine_chunks()
        return _Index(recipe, rows, table.version())


class _Index(NamedTuple):
    recipe: CropRecipe
    rows: pa.Table
    """Of videos that have clips, by uri."""
    version: int


def _named(store_uri: str, s3_endpoint: str | None, version: int | None) -> ClipStore:
    return ClipStore(store_uri, s3_endpoint=s3_endpoint, version=version)
