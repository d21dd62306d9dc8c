"""The second stage of a preparation: crops into one shard a call, rows that say where they lie."""

import numpy as np
import pyarrow as pa
import pytest

from gsgmodel.clips.recipe import CropRecipe
from gsgmodel.clips.schema import PREPARED, SHARDS
from gsgmodel.clips.shards import ShardReader
from gsgmodel.errors import Status
from gsgmodel.records import FaceClip, Preparation
from gsgmodel.results.storage import output_place
from gsgmodel.scan.keep import KeepActor
from gsgmodel.scan.plan import PLAN_SCHEMA
from gsgmodel.scan.rows import HELD_BACK, KEPT_SCHEMA, UNKEPT, held_back_row, prepared_row
from gsgmodel.scoring.prepare import PreparedVideo

FRAMES, SIZE_PX = 2, 16
RECIPE = CropRecipe(
    preparation=Preparation(frames_per_clip=FRAMES, crop_size_px=SIZE_PX),
    faces="all",
    window_s=60.0,
    max_clips=8,
    boxes_from="own",
)


def crops_of(*numbers):
    return np.random.default_rng(numbers).integers(0, 256, (FRAMES, SIZE_PX, SIZE_PX, 3), np.uint8)


def prepared(planned, *, num_clips, has_masks=False, status=None):
    number = planned["size_bytes"]
    clips = [
        FaceClip(
            track_id=index,
            start_s=60.0 * index,
            end_s=60.0 * (index + 1),
            time_s=np.arange(FRAMES, dtype=np.float64),
            boxes_px=np.full((FRAMES, 4), index, np.float32),
            detected=np.ones(FRAMES, bool),
            crops=crops_of(number, index),
            is_reduced=False,
        )
        for index in range(num_clips)
    ]
    masks = [clip.crops[..., 0] for clip in clips] if has_masks else []
    return prepared_row(planned, PreparedVideo(decoder="av 1", status=status, clips=clips, masks=masks), cpu_s=0.5)


@pytest.fixture
def planned(ref):
    return lambda number: {name: getattr(ref(number), name) for name in PLAN_SCHEMA.names}


@pytest.fixture
def store(tmp_path):
    (tmp_path / "store" / SHARDS).mkdir(parents=True)
    return tmp_path / "store"


def actor_of(store):
    return KeepActor(store_uri=str(store), s3_endpoint=None, recipe=RECIPE)


def test_the_clips_of_a_call_go_into_one_shard_and_each_row_says_where_its_own_are(store, planned):
    rows = [
        prepared(planned(1), num_clips=2, has_masks=True),
        prepared(planned(2), num_clips=0, status=Status.NO_FACE),
        prepared(planned(3), num_clips=1),
        held_back_row(planned(4)),
    ]
    kept = actor_of(store)(pa.concat_tables(rows))
    assert kept.schema.equals(KEPT_SCHEMA)
    assert kept["status"].to_pylist() == [PREPARED, "no_face", PREPARED, HELD_BACK]
    assert kept["num_clips"].to_pylist() == [2, 0, 1, 0]
    (name,) = [path.name for path in (store / SHARDS).iterdir()]
    reader = ShardReader(output_place(str(store)) / SHARDS, num_frames=FRAMES, size_px=SIZE_PX)
    for row, number in ((kept.to_pylist()[0], 1001), (kept.to_pylist()[2], 1003)):
        for index, clip in enumerate(row["clips"]):
            assert (clip["shard"], clip["track_id"], clip["start_s"]) == (name, index, 60.0 * index)
            assert clip["boxes_px"] == [float(index)] * 4 * FRAMES
            np.testing.assert_array_equal(reader.crops(name, clip["row"]), crops_of(number, index))
            mask = reader.mask(name, clip["row"])
            assert (mask is None) == (number == 1003)
            if mask is not None:
                np.testing.assert_array_equal(mask, crops_of(number, index)[..., 0])
    assert kept["keep_cpu_s"].to_pylist()[1] == 0
    assert kept["prepare_cpu_s"].to_pylist()[0] == 0.5


def test_a_call_without_clips_writes_nothing(store, planned):
    kept = actor_of(store)(pa.concat_tables([prepared(planned(1), num_clips=0, status=Status.CRASHED)]))
    assert kept["clips"].to_pylist() == [[]]
    assert list((store / SHARDS).iterdir()) == []


def test_a_shard_that_cannot_be_written_is_said_in_the_rows(store, planned):
    (store / SHARDS).rmdir()
    kept = actor_of(store)(prepared(planned(1), num_clips=1))
    assert kept["status"].to_pylist() == [UNKEPT]
    assert kept["error_text"][0].as_py().startswith(f"results cannot be written to '{store / SHARDS}': No such file")
    assert kept["clips"].to_pylist() == [[]]
