"""Shards: Parquet files of crops, one row group a clip, written whole and read clip by clip.

Crops are kept losslessly: in a shard every row of a frame but the first holds the difference (modulo 256) to the row
above, which zstd packs far better than the pixels themselves. Of 28 clips of 25 real videos, one takes (share of its
1.8 MB; ms to pack; ms to unpack): pixels 0.68, 3.9, 1.4; differences 0.38, 4.8, 2.1; PNG 0.41, 35, 17. Written to a
shard and read from it, it takes 7.4 and 2.6 ms (tests/bench/shards.py).
"""

import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import UInt8

from gsgmodel.clips.schema import SHARD
from gsgmodel.errors import ConfigError, VideoError
from gsgmodel.results.places import Place
from gsgmodel.results.storage import output_errors, reason

MOST_OPEN = 128
"""Shards that a reader keeps open."""
_PACKED = ("crops", "mask")
_LAYOUT = "uint8 frames x rows x columns (x 3); every row but a frame's first less the one above, modulo 256"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardClip:
    """One clip on its way into a shard."""

    video_id: bytes
    uri: str
    number: int
    """Among the clips of its video, from 0."""
    crops: UInt8[np.ndarray, "T S S 3"]
    """RGB."""
    mask: UInt8[np.ndarray, "T S S"] | None
    """How much of each pixel is forged, 0 to 255; None where that is not known."""


def write_shard(place: Place, clips: Iterable[ShardClip], *, preparation_id: str) -> str:
    """Write clips to a new shard; it is there whole or not at all, and nothing names it yet.

    Args:
        place: Of the store's shards; a folder that is there.
        clips: In the order of their rows, all of one length and size; at least one.
        preparation_id: How they were made, for whoever finds the file.

    Returns:
        The shard's name. What the place does not take is an ``OutputError``.
    """
    sink = pa.BufferOutputStream()
    writer: pq.ParquetWriter | None = None
    for clip in clips:
        if writer is None:
            num_frames, size_px = clip.crops.shape[:2]
            facts = {"preparation_id": preparation_id, "frames": f"{num_frames}", "size_px": f"{size_px}"}
            writer = _open_writer(sink, facts | {"layout": _LAYOUT})
        writer.write_table(_row(clip).cast(writer.schema))
    assert writer is not None
    writer.close()
    name = f"{uuid.uuid4()}.parquet"
    with output_errors(place.uri):
        place.write(name, sink.getvalue().to_pybytes())
    return name


class ShardReader:
    """Reads clips of the shards in a place, by several threads at once; a clip costs the bytes of its row group."""

    def __init__(self, place: Place, *, num_frames: int, size_px: int, most_open: int = MOST_OPEN) -> None:
        """Open nothing yet.

        Args:
            place: Of the shards.
            num_frames: Of every clip.
            size_px: Side of a crop.
            most_open: Shards that are kept open, those that were read last.
        """
        self._place = place
        self._shape = (num_frames, size_px, size_px)
        self._most_open = most_open
        self._opened: OrderedDict[str, _OpenShard] = OrderedDict()
        self._lock = threading.Lock()

    def crops(self, shard: str, row: int) -> UInt8[np.ndarray, "T S S 3"]:
        """Return the crops of one clip; a shard that cannot be read is a ``ConfigError``."""
        packed = self._read(shard, row, "crops", num_values=3 * int(np.prod(self._shape)))
        assert packed is not None
        return unpack_rows(packed.reshape(*self._shape, 3))

    def mask(self, shard: str, row: int) -> UInt8[np.ndarray, "T S S"] | None:
        """Return the mask of one clip, None where it has none; a shard that cannot be read is a ``ConfigError``."""
        packed = self._read(shard, row, "mask", num_values=int(np.prod(self._shape)))
        return None if packed is None else unpack_rows(packed.reshape(self._shape))

    def _read(self, shard: str, row: int, column: str, *, num_values: int) -> UInt8[np.ndarray, "V"] | None:
        """Read one value of a shard.

        Raises:
            ConfigError: If the shard is not there, cannot be read, or holds something else.
        """
        try:
            value = self._open(shard).read(row, column)
        except (OSError, VideoError, pa.ArrowException, IndexError) as error:
            uri = f"{self._place.uri}/{shard}"
            raise ConfigError(f"row {row} of the shard {uri!r} cannot be read: {reason(error)}") from error
        if not value.is_valid:
            return None
        found = np.frombuffer(value.as_buffer(), np.uint8)
        if len(found) != num_values:
            raise ConfigError(f"row {row} of the shard {shard!r} has {len(found)} {column} values, not {num_values}")
        return found

    def _open(self, shard: str) -> "_OpenShard":
        with self._lock:
            opened = self._opened.get(shard)
            if opened is None:
                opened = self._opened[shard] = _OpenShard(self._place, shard)
            self._opened.move_to_end(shard)
            # What is let go while another thread reads it closes when that thread is done.
            while len(self._opened) > self._most_open:
                self._opened.popitem(last=False)
        return opened


class _OpenShard:
    """One shard, opened by whoever reads it first; read by one thread at a time."""

    def __init__(self, place: Place, name: str) -> None:
        self._place = place
        self._name = name
        self._file: pq.ParquetFile | None = None
        self._lock = threading.Lock()

    def read(self, row: int, column: str) -> pa.Scalar:
        with self._lock:
            if self._file is None:
                source = self._place.files.open_input_file(self._place.file_path(self._name))
                self._file = pq.ParquetFile(source, memory_map=False, pre_buffer=False)
            if not 0 <= row < self._file.num_row_groups:
                raise IndexError(f"it has {self._file.num_row_groups} rows")
            return self._file.read_row_group(row, columns=[column], use_threads=False)[column][0]


def pack_rows(frames: UInt8[np.ndarray, "T H W *C"]) -> UInt8[np.ndarray, "T H W *C"]:
    """Return frames in which every row but the first is the difference to the row above, modulo 256."""
    packed = frames.copy()
    packed[:, 1:] -= frames[:, :-1]
    return packed


def unpack_rows(packed: UInt8[np.ndarray, "T H W *C"]) -> UInt8[np.ndarray, "T H W *C"]:
    """Return the frames that ``pack_rows`` made something of."""
    frames = packed.copy()
    # Row by row over all frames at once: numpy's cumsum along this axis takes three times as long.
    for row in range(1, frames.shape[1]):
        frames[:, row] += frames[:, row - 1]
    return frames


def _open_writer(sink: pa.BufferOutputStream, facts: dict[str, str]) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        sink,
        SHARD.with_metadata({f"gsg.{name}": value for name, value in facts.items()}),
        compression="zstd",
        compression_level=1,
        # Bounds and dictionaries of crops would be as large as the crops.
        use_dictionary=False,
        write_statistics=[name for name in SHARD.names if name not in _PACKED],
    )


def _row(clip: ShardClip) -> pa.Table:
    values = {
        "video_id": clip.video_id,
        "uri": clip.uri,
        "clip": clip.number,
        "crops": pack_rows(clip.crops).tobytes(),
        "mask": None if clip.mask is None else pack_rows(clip.mask).tobytes(),
    }
    return pa.Table.from_pylist([values], schema=SHARD)
