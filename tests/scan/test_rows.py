"""A row passes the stages with everything that is known of its video, and its crops without a copy."""

import io

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st

from gsgmodel.errors import Status
from gsgmodel.records import FaceClip, VideoInfo
from gsgmodel.results.schema import VIDEOS
from gsgmodel.scan.plan import PLAN_SCHEMA
from gsgmodel.scan.rows import HELD_BACK, PREPARED_SCHEMA, SCORED_SCHEMA, crops_of, held_back_row, masks_of
from gsgmodel.scan.rows import prepared_row as make_prepared_row
from gsgmodel.scoring.prepare import PreparedVideo

FRAMES, SIZE = 4, 6
INFO = VideoInfo(
    container="mp4",
    codec="h264",
    decoder="av 1",
    width_px=640,
    height_px=360,
    duration_s=2.5,
    native_fps=25.0,
    num_frames=62,
)


def face_clip(crops, *, track_id=0):
    return FaceClip(
        track_id=track_id,
        start_s=1.0,
        end_s=3.5,
        time_s=np.linspace(1, 3, FRAMES),
        boxes_px=np.arange(FRAMES * 4, dtype=np.float32).reshape(FRAMES, 4),
        detected=np.array([True, False, True, True]),
        crops=crops,
        is_reduced=False,
    )


@pytest.fixture
def planned(ref):
    listed = ref(1)
    return {name: getattr(listed, name) for name in PLAN_SCHEMA.names}


@pytest.fixture
def prepared(planned):
    def make(video):
        return make_prepared_row(planned, video, cpu_s=0.5)

    return make


def test_a_prepared_row_says_what_is_known_of_its_video(prepared, planned):
    crops = np.zeros((FRAMES, SIZE, SIZE, 3), np.uint8)
    video = PreparedVideo(
        decoder="av 1",
        info=INFO,
        clips=[face_clip(crops, track_id=3)],
        frames_decoded=11,
        frames_missing=1,
        bytes_read=1234,
        notes=["crop_reduced"],
    )
    table = prepared(video)
    assert table.schema.equals(PREPARED_SCHEMA)
    row = table.drop_columns(["crops"]).to_pylist()[0]
    assert {name: row[name] for name in planned} == planned
    assert (row["status"], row["error_class"], row["error_text"]) == (None, None, None)
    assert (row["duration_s"], row["width_px"], row["height_px"]) == (2.5, 640, 360)
    assert (row["codec"], row["native_fps"], row["decoder"]) == ("h264", 25.0, "av 1")
    assert (row["frames_decoded"], row["frames_missing"], row["bytes_read"]) == (11, 1, 1234)
    assert (row["notes"], row["prepare_cpu_s"]) == (["crop_reduced"], 0.5)
    assert row["clips"] == [
        {
            "track_id": 3,
            "start_s": 1.0,
            "end_s": 3.5,
            "time_s": pytest.approx(np.linspace(1, 3, FRAMES).tolist()),
            "boxes_px": [float(value) for value in range(FRAMES * 4)],
            "detected": [True, False, True, True],
        }
    ]


def test_a_failed_video_is_a_row_with_its_reason_and_without_crops(prepared):
    video = PreparedVideo(
        decoder="av 1", status=Status.UNREADABLE, error_class="UnreadableError", error_text="broken", bytes_read=7
    )
    table = prepared(video)
    assert table.schema.equals(PREPARED_SCHEMA)
    row = table.to_pylist()[0]
    assert (row["status"], row["error_class"], row["error_text"]) == ("unreadable", "UnreadableError", "broken")
    assert (row["crops"], row["clips"], row["duration_s"], row["bytes_read"]) == (None, [], None, 7)
    assert crops_of(table, 0, num_frames=FRAMES, size_px=SIZE).shape == (0, FRAMES, SIZE, SIZE, 3)


def test_a_video_that_was_not_started_is_held_back(planned):
    table = held_back_row(planned)
    assert table.schema.equals(PREPARED_SCHEMA)
    assert table["status"].to_pylist() == [HELD_BACK]
    assert table["video_id"].to_pylist() == [planned["video_id"]]
    assert HELD_BACK not in set(Status)


@given(
    clips=st.lists(np_st.arrays(np.uint8, (FRAMES, SIZE, SIZE, 3)), min_size=1, max_size=3),
    others=st.lists(st.booleans(), max_size=3),
)
def test_crops_come_back_as_they_went_in_whatever_rows_are_beside_them(clips, others):
    planned = {"video_id": b"0" * 16, "uri": "file:///a", "etag": "1", "size_bytes": 1, "last_modified_s": 0.0}
    full = PreparedVideo(decoder="av 1", info=INFO, clips=[face_clip(each) for each in clips])
    failed = PreparedVideo(decoder="av 1", status=Status.NO_FACE, info=INFO)
    rows = [make_prepared_row(planned, failed if is_failed else full, cpu_s=0.0) for is_failed in others]
    table = pa.concat_tables([*rows, make_prepared_row(planned, full, cpu_s=0.0)]).combine_chunks()
    for index, is_failed in enumerate([*others, False]):
        crops = crops_of(table, index, num_frames=FRAMES, size_px=SIZE)
        assert np.array_equal(crops, np.empty((0, FRAMES, SIZE, SIZE, 3)) if is_failed else np.stack(clips))


def test_crops_survive_a_process_boundary_and_are_read_without_a_copy(prepared):
    crops = np.random.default_rng(0).integers(0, 255, (FRAMES, SIZE, SIZE, 3), dtype=np.uint8)
    table = prepared(PreparedVideo(decoder="av 1", info=INFO, clips=[face_clip(crops)]))
    wire = io.BytesIO()
    with pa.ipc.new_stream(wire, table.schema) as writer:
        writer.write_table(table)
    received = pa.ipc.open_stream(wire.getvalue()).read_all()
    view = crops_of(received, 0, num_frames=FRAMES, size_px=SIZE)
    assert np.array_equal(view[0], crops)
    assert not view.flags.owndata
    assert not view.flags.writeable


def test_the_stages_agree_with_the_table_on_every_column_that_they_share():
    for schema in (PREPARED_SCHEMA, SCORED_SCHEMA):
        for column in schema:
            if column.name in VIDEOS.names:
                assert column.type == VIDEOS.field(column.name).type, column.name


def test_a_scored_row_has_every_column_of_the_table_but_the_runs_own():
    of_the_run = {"scoring_id", "run_id", "model_uri", "model_version", "model_digest", "scored_at", "schema_version"}
    assert set(VIDEOS.names) - set(SCORED_SCHEMA.names) == of_the_run | {"last_modified"}
    assert "crops" not in SCORED_SCHEMA.names


@given(masks=np_st.arrays(np.uint8, (2, FRAMES, SIZE, SIZE)))
def test_masks_pass_beside_crops_and_none_is_none(masks, request):
    prepared = request.getfixturevalue("prepared")
    clips = [face_clip(np.zeros((FRAMES, SIZE, SIZE, 3), np.uint8), track_id=index) for index in range(2)]
    size = {"num_frames": FRAMES, "size_px": SIZE}
    with_masks = prepared(PreparedVideo(decoder="av 1", clips=clips, masks=list(masks)))
    without = prepared(PreparedVideo(decoder="av 1", clips=clips))
    np.testing.assert_array_equal(masks_of(with_masks, 0, **size), masks)
    assert masks_of(without, 0, **size) is None
    assert masks_of(pa.concat_tables([without, with_masks]), 1, **size).shape == masks.shape
