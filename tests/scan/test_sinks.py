"""Finished rows become rows of the table, or lines on the terminal, each once."""

from datetime import UTC, datetime
from functools import partial

import pyarrow as pa
import pytest

from gsgmodel.errors import Status
from gsgmodel.results.kinds import check_rows
from gsgmodel.results.schema import SCHEMA_VERSION, VIDEO_ROWS, VIDEOS
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.sinks import ListSink, Provenance, TableSink, table_rows, videos_of

PROVENANCE = Provenance(
    scoring_id="s" * 32, run_id="run-1", model_uri="file:///model", model_version="v1", model_digest="d" * 64
)


def sink_of(table, **settings):
    done = table.load_done(PROVENANCE.scoring_id, **settings)
    finished = partial(videos_of, provenance=PROVENANCE)
    return TableSink(table=table, done=done, key=PROVENANCE.scoring_id, finished=finished)


@pytest.fixture
def table(tmp_path):
    return VideoTable.open_or_create(str(tmp_path / "results"))


@pytest.fixture
def open_sink(table):
    def make(**settings):
        return sink_of(table, **settings)

    return make


def test_a_scored_row_becomes_a_row_of_the_table(scored):
    rows = videos_of(scored([1], notes=["crop_reduced"], duration_s=2.5), PROVENANCE)
    check_rows(rows, key=PROVENANCE.scoring_id, kind=VIDEO_ROWS)
    assert rows.schema.equals(VIDEOS)
    row = rows.to_pylist()[0]
    assert (row["score"], row["num_clips"], row["duration_s"], row["notes"]) == (0.75, 2, 2.5, ["crop_reduced"])
    assert (row["run_id"], row["model_uri"], row["model_version"]) == ("run-1", "file:///model", "v1")
    assert (row["scoring_id"], row["model_digest"]) == (PROVENANCE.scoring_id, PROVENANCE.model_digest)
    assert row["schema_version"] == SCHEMA_VERSION
    assert row["last_modified"] == datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC)
    assert abs((datetime.now(UTC) - row["scored_at"]).total_seconds()) < 60


@pytest.mark.parametrize("status", [Status.NO_FACE, Status.UNREADABLE, Status.CRASHED])
def test_a_row_without_a_score_becomes_one_too(scored, status):
    rows = videos_of(scored([1], status=status), PROVENANCE)
    check_rows(rows, key=PROVENANCE.scoring_id, kind=VIDEO_ROWS)
    assert rows["score"].to_pylist() == [None]


def test_times_before_the_epoch_and_between_microseconds_are_kept(scored):
    rows = videos_of(scored([1], last_modified_s=-0.0000014), PROVENANCE)
    assert rows["last_modified"].cast(pa.int64()).to_pylist() == [-1]


def test_committed_rows_are_in_the_table_and_known(open_sink, table, scored, video_id):
    sink = open_sink()
    assert sink.contains(pa.array([video_id(1)])).tolist() == [False]
    sink.commit(scored([1, 2]))
    assert sink.contains(pa.array([video_id(1), video_id(3)])).tolist() == [True, False]
    assert table.count_by_status(PROVENANCE.scoring_id) == {"scored": 2}
    assert (sink.num_committed, sink.num_conceded) == (2, 0)


def test_rows_that_another_run_committed_first_are_left_out(open_sink, tmp_path, scored):
    sink = open_sink()
    other_table = VideoTable.open(str(tmp_path / "results"))
    other = sink_of(other_table)
    other.commit(scored([1, 2]))
    sink.commit(scored([2, 3]))
    assert (sink.num_committed, sink.num_conceded) == (1, 1)
    assert other_table.count_by_status(PROVENANCE.scoring_id) == {"scored": 3}


def test_a_row_to_be_scored_again_is_replaced(open_sink, table, scored, video_id):
    open_sink().commit(scored([1], status=Status.UNREADABLE))
    sink = open_sink(retry={Status.UNREADABLE})
    assert sink.contains(pa.array([video_id(1)])).tolist() == [False]
    sink.commit(scored([1]))
    assert sink.contains(pa.array([video_id(1)])).tolist() == [True]
    assert table.count_by_status(PROVENANCE.scoring_id) == {"scored": 1}


def test_what_is_not_kept_is_shown_row_by_row_and_remembered(scored, video_id):
    shown = []
    sink = ListSink(show=shown.append)
    sink.commit(scored([2, 1]))
    assert [row["video_id"] for row in shown] == [video_id(2), video_id(1)]
    assert sink.contains(pa.array([video_id(1), video_id(3)])).tolist() == [True, False]


def test_added_columns_are_values_or_arrays_and_times_are_made_of_seconds(scored):
    schema = pa.schema(
        [VIDEOS.field("video_id"), VIDEOS.field("last_modified"), ("way", pa.string()), ("n", pa.int32())]
    )
    rows = table_rows(scored([1, 2]), schema=schema, added={"way": "w", "n": pa.array([7, None], pa.int64())})
    assert rows.schema.equals(schema)
    assert (rows["way"].to_pylist(), rows["n"].to_pylist()) == (["w", "w"], [7, None])
    assert rows["last_modified"].to_pylist() == [datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC)] * 2
    with pytest.raises(KeyError, match="way"):
        table_rows(scored([1]), schema=schema, added={})
