"""Size of crops in a clip store, and CPU time of packing, unpacking and preparing them, against other lossless ways.

    python tests/bench/shards.py FOLDER [--repeat N]

Prepares every video of a folder with the defaults of ``gsg prepare``, then packs each clip as it is, as the store does,
and as PNG; of N runs the fastest counts. Times are the process's CPU clock on one thread.
"""

import argparse
import io
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from PIL import Image

from gsgmodel.archive.listing import list_archive
from gsgmodel.archive.reading import open_object
from gsgmodel.clips.shards import ShardClip, ShardReader, pack_rows, unpack_rows, write_shard
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.records import Preparation, VideoRef
from gsgmodel.results.places import LocalPlace
from gsgmodel.scoring.prepare import VideoPreparer

ZSTD = pa.Codec("zstd", compression_level=1)


def zstd(crops: np.ndarray) -> list[bytes]:
    return [ZSTD.compress(crops.tobytes(), asbytes=True)]


def unzstd(packed: list[bytes], shape: tuple[int, ...]) -> np.ndarray:
    return np.frombuffer(ZSTD.decompress(packed[0], int(np.prod(shape))), np.uint8).reshape(shape)


def png(crops: np.ndarray) -> list[bytes]:
    packed = []
    for crop in crops:
        file = io.BytesIO()
        Image.fromarray(crop).save(file, "png", compress_level=1)
        packed.append(file.getvalue())
    return packed


def unpng(packed: list[bytes], shape: tuple[int, ...]) -> np.ndarray:
    return np.stack([np.array(Image.open(io.BytesIO(content))) for content in packed]).reshape(shape)


WAYS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "pixels, zstd 1": (zstd, unzstd),
    "differences, zstd 1": (lambda crops: zstd(pack_rows(crops)), lambda *packed: unpack_rows(unzstd(*packed))),
    "PNG, level 1": (png, unpng),
}


def timed(work: Callable[[], Any], repeat: int) -> tuple[Any, float]:
    """Return what work returns, and the least CPU time of ``repeat`` runs in ms."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        found = work()
        times.append(1000 * (time.process_time() - start))
    return found, min(times)


def clips_of(folder: Path) -> tuple[list[np.ndarray], float]:
    """The crops of a folder's videos, and the CPU time of preparing one clip in ms."""
    torch.set_num_threads(1)
    preparation = Preparation()
    detector = FaceDetector.of(preparation)
    preparer = VideoPreparer(detector=detector, preparation=preparation, faces="largest", window_s=60.0, max_clips=8)
    refs = [item for item in list_archive([str(folder)]) if isinstance(item, VideoRef)]
    start = time.process_time()
    clips = [clip.crops for ref in refs for clip in preparer.prepare(partial(open_object, ref)).clips]
    return clips, 1000 * (time.process_time() - start) / max(len(clips), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    clips, prepare_ms = clips_of(options.folder)
    print(f"{len(clips)} clips of {clips[0].nbytes} bytes, {prepare_ms:.0f} ms to prepare one")
    for name, (pack, unpack) in WAYS.items():
        packed = [timed(partial(pack, crops), options.repeat) for crops in clips]
        read = [timed(partial(unpack, each, clips[0].shape), options.repeat) for each, _ in packed]
        assert all(np.array_equal(found, crops) for (found, _), crops in zip(read, clips, strict=True))
        share = sum(len(part) for each, _ in packed for part in each) / sum(crops.nbytes for crops in clips)
        write_ms, read_ms = (np.mean([ms for _, ms in times]) for times in (packed, read))
        print(f"{name:20} {share:.2f} of its bytes, {write_ms:5.1f} ms to pack, {read_ms:5.1f} ms to unpack")
    with TemporaryDirectory() as folder:
        place = LocalPlace(Path(folder))
        rows = [
            ShardClip(video_id=bytes(16), uri="", number=n, crops=crops, mask=None) for n, crops in enumerate(clips)
        ]
        name, write_ms = timed(partial(write_shard, place, rows, preparation_id="bench"), options.repeat)
        reader = ShardReader(place, num_frames=clips[0].shape[0], size_px=clips[0].shape[1])
        _, read_ms = timed(lambda: [reader.crops(name, row) for row in range(len(clips))], options.repeat)
        print(f"a clip of a shard: {write_ms / len(clips):.1f} ms to write, {read_ms / len(clips):.1f} ms to read")


if __name__ == "__main__":
    main()
