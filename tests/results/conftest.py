"""Rows as a run makes them."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from gsgmodel.results.schema import SCHEMA_VERSION, VIDEOS

FACES = [
    {
        "track_id": 0,
        "score": 0.75,
        "start_s": 0.0,
        "end_s": 60.0,
        "clips": [
            {
                "start_s": 0.0,
                "end_s": 60.0,
                "score": 0.75,
                "frames": [
                    {
                        "time_s": 0.5,
                        "score": 0.25,
                        "box": {"x0": 1.0, "y0": 2.0, "x1": 30.5, "y1": 40.0},
                        "patches": [0, 3, 15],
                    },
                    {"time_s": 1.5, "score": 0.75, "box": None, "patches": []},
                ],
            }
        ],
    },
    {"track_id": 1, "score": 0.1, "start_s": 2.0, "end_s": 3.0, "clips": []},
]


def video_id_of(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def make_row(number: int, **changes: Any) -> dict[str, Any]:
    now = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
    row = dict.fromkeys(VIDEOS.names)
    row |= {
        "video_id": video_id_of(number),
        "scoring_id": "s",
        "uri": f"file:///archive/{number}.mp4",
        "etag": "1",
        "size_bytes": 10,
        "last_modified": now,
        "status": "scored",
        "score": 0.75,
        "faces": FACES,
        "decoder": "av 1",
        "run_id": "r",
        "scored_at": now,
        "notes": ["windows_widened"],
        "schema_version": SCHEMA_VERSION,
    }
    return row | changes


def make_rows(numbers: Iterable[int], **changes: Any) -> pa.Table:
    rows = [make_row(number, **changes) for number in numbers]
    return pa.Table.from_pylist(rows, schema=VIDEOS)


@pytest.fixture
def rows() -> Callable[..., pa.Table]:
    return make_rows
