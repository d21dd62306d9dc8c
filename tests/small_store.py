"""A clip store made without any video: real shards and index, crops with a planted sign."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gsgmodel.clips.recipe import CropRecipe
from gsgmodel.clips.schema import INDEX, INDEX_ROWS, PREPARED, SCHEMA_VERSION, SHARDS
from gsgmodel.clips.shards import ShardClip, write_shard
from gsgmodel.clips.store import ClipStore
from gsgmodel.records import Preparation
from gsgmodel.results.storage import output_place
from gsgmodel.results.table import VideoTable

SPLITS = {"train": 8, "val": 6, "test": 6}
"""Videos of each, every other one a fake."""


def crops_of(number: int, label: int, preparation: Preparation) -> np.ndarray:
    """Smooth, with a bright corner in fakes; every video a little different."""
    size = preparation.crop_size_px
    ramp = np.linspace(60, 120 + number % 7, size, dtype=np.float32)
    frame = np.repeat((ramp[:, None] / 2 + ramp[None] / 2)[..., None], 3, axis=2)
    crops = np.repeat(frame[None], preparation.frames_per_clip, axis=0)
    if label:
        crops[:, : size // 3, : size // 3] += 100
    return crops.astype(np.uint8)


def make_store(
    uri: str | Path,
    *,
    splits: Mapping[str, int] = SPLITS,
    preparation: Preparation | None = None,
    s3_endpoint: str | None = None,
    **changes: Any,
) -> ClipStore:
    """Write a store with one clip a video and open it; ``changes`` are columns of every row."""
    preparation = preparation or Preparation()
    recipe = CropRecipe(preparation=preparation, faces="largest", window_s=60.0, max_clips=8, boxes_from="own")
    place = output_place(str(uri), s3_endpoint=s3_endpoint)
    (place / SHARDS).make()
    named = [(split, index) for split, count in splits.items() for index in range(count)]
    videos = [
        (number, split, index % 2, hashlib.blake2b(str(number).encode(), digest_size=16).digest())
        for number, (split, index) in enumerate(named)
    ]
    shard = write_shard(
        place / SHARDS,
        [
            ShardClip(
                video_id=video_id,
                uri=f"file:///{number:03}.mp4",
                number=0,
                crops=crops_of(number, label, preparation),
                mask=None,
            )
            for number, _, label, video_id in videos
        ],
        preparation_id=recipe.preparation_id,
    )
    rows = [
        dict.fromkeys(INDEX.names)
        | {
            "video_id": video_id,
            "preparation_id": recipe.preparation_id,
            "uri": f"file:///{number:03}.mp4",
            "etag": "1",
            "size_bytes": 1000,
            "last_modified": datetime(2026, 11, 24, tzinfo=UTC),
            "status": PREPARED,
            "label": label,
            "method": "face_swap" if label else "original",
            "identity": f"person {number // 2}",
            "split": split,
            "num_clips": 1,
            "clips": [_clip(shard, number, preparation)],
            "duration_s": 10.0,
            "width_px": 320,
            "height_px": 240,
            "codec": "h264",
            "native_fps": 25.0,
            "run_id": "r",
            "prepared_at": datetime(2026, 11, 24, tzinfo=UTC),
            "notes": [],
            "schema_version": SCHEMA_VERSION,
        }
        | changes
        for number, split, label, video_id in videos
    ]
    table = VideoTable.open_or_create(str(uri), s3_endpoint=s3_endpoint, kind=INDEX_ROWS, description=recipe.to_json())
    table.append(pa.Table.from_pylist(rows, schema=INDEX), key=recipe.preparation_id)
    return ClipStore.open(str(uri), s3_endpoint=s3_endpoint)


def _clip(shard: str, row: int, preparation: Preparation) -> dict[str, Any]:
    frames = preparation.frames_per_clip
    return {
        "shard": shard,
        "row": row,
        "track_id": 0,
        "start_s": 0.0,
        "end_s": 10.0,
        "time_s": [float(frame) for frame in range(frames)],
        "boxes_px": [10.0, 20.0, 110.0, 140.0] * frames,
        "detected": [True] * frames,
    }
