"""Small clip stores, made without any video."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from gsgmodel.clips.recipe import CropRecipe
from gsgmodel.clips.schema import INDEX, INDEX_ROWS, PREPARED, SCHEMA_VERSION, SHARDS
from gsgmodel.clips.shards import ShardClip, write_shard
from gsgmodel.records import Preparation
from gsgmodel.results.places import Place
from gsgmodel.results.storage import output_place
from gsgmodel.results.table import VideoTable

FRAMES, SIZE_PX = 3, 8
RECIPE = CropRecipe(
    preparation=Preparation(frames_per_clip=FRAMES, crop_size_px=SIZE_PX),
    faces="largest",
    window_s=60.0,
    max_clips=8,
    boxes_from="own",
)


class Home(NamedTuple):
    """Where a store lies."""

    uri: str
    s3_endpoint: str | None

    @property
    def place(self) -> Place:
        return output_place(self.uri, s3_endpoint=self.s3_endpoint)


@pytest.fixture(params=["local", "s3"])
def home(request, tmp_path) -> Home:
    """A folder, and then a prefix of a bucket, that nothing is in."""
    if request.param == "local":
        return Home(f"{tmp_path}/clip store #1", None)
    return Home(f"s3://{request.getfixturevalue('bucket')}/clip store #1", request.getfixturevalue("s3_environment"))


def video_id_of(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def pixels(*numbers: int) -> np.ndarray:
    return np.random.default_rng(numbers).integers(0, 256, (FRAMES, SIZE_PX, SIZE_PX, 3), np.uint8)


def clip_of(video: int, number: int, *, has_mask: bool = False) -> ShardClip:
    crops = pixels(video, number)
    return ShardClip(
        video_id=video_id_of(video),
        uri=f"file:///{video}.mp4",
        number=number,
        crops=crops,
        mask=crops[..., 0] // 2 if has_mask else None,
    )


def index_row(video: int, clips: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    now = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
    row = dict.fromkeys(INDEX.names) | {
        "video_id": video_id_of(video),
        "preparation_id": RECIPE.preparation_id,
        "uri": f"file:///{video}.mp4",
        "etag": "1",
        "size_bytes": 1000 + video,
        "last_modified": now,
        "status": PREPARED if clips else "no_face",
        "label": video % 2,
        "method": "swap" if video % 2 else "original",
        "identity": f"person {video // 2}",
        "split": "train",
        "num_clips": len(clips),
        "clips": clips,
        "duration_s": 10.0,
        "width_px": 320,
        "height_px": 240,
        "codec": "h264",
        "native_fps": 25.0,
        "run_id": "r",
        "prepared_at": now,
        "notes": [],
        "schema_version": SCHEMA_VERSION,
    }
    return row | changes


def rows_with_clips(home: Home, videos: dict[int, int], **changes: Any) -> pa.Table:
    """Write a shard with so many clips of each video, and return their rows of the index."""
    place = home.place / SHARDS
    place.make()
    all_clips = [
        clip_of(video, number, has_mask=bool(video % 2)) for video, count in videos.items() for number in range(count)
    ]
    shard = write_shard(place, all_clips, preparation_id=RECIPE.preparation_id) if all_clips else ""
    rows, start = [], 0
    for video, count in videos.items():
        clips = [
            {
                "shard": shard,
                "row": start + number,
                "track_id": number % 2,
                "start_s": 60.0 * (number // 2),
                "end_s": 60.0 * (number // 2 + 1),
                "time_s": [60.0 * (number // 2) + frame for frame in range(FRAMES)],
                "boxes_px": [float(number)] * 4 * FRAMES,
                "detected": [True] * FRAMES,
            }
            for number in range(count)
        ]
        start += count
        rows.append(index_row(video, clips, **changes))
    return pa.Table.from_pylist(rows, schema=INDEX)


def fill(home: Home, rows: pa.Table) -> VideoTable:
    table = VideoTable.open_or_create(
        home.uri, s3_endpoint=home.s3_endpoint, kind=INDEX_ROWS, description=RECIPE.to_json()
    )
    table.append(rows, key=RECIPE.preparation_id)
    return table


@pytest.fixture
def store_rows() -> Callable[..., pa.Table]:
    return rows_with_clips


@pytest.fixture
def fill_store() -> Callable[..., VideoTable]:
    return fill
