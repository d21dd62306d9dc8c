"""A table in numbers."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from gsgmodel.results.schema import VIDEOS
from gsgmodel.results.table import VideoTable
from gsgmodel.upkeep.snapshot import Snapshot
from gsgmodel.upkeep.status import table_status
from tests.results.conftest import make_row, video_id_of

MODEL = {"model_uri": "models:/gsg/1", "model_version": "1", "model_digest": "d" * 64}


@pytest.fixture
def table(output):
    return VideoTable.open_or_create(output.uri, s3_endpoint=output.s3_endpoint)


def status_of(output):
    return table_status(Snapshot.open(output.uri, s3_endpoint=output.s3_endpoint))


def test_rows_videos_names_and_files_are_counted_apart(table, output, rows):
    table.append(rows([1, 2], **MODEL), key="s")
    table.append(rows([3], status="no_face", score=None, **MODEL), key="s")
    table.append(rows([1], scoring_id="t", **MODEL | {"model_uri": "models:/gsg@champion"}), key="t")
    replaced = make_row(2, video_id=video_id_of(22), last_modified=datetime(2026, 12, 1, tzinfo=UTC), **MODEL)
    table.append(pa.Table.from_pylist([replaced | {"status": "crashed", "score": None}], schema=VIDEOS), key="s")
    found = status_of(output)
    assert (found.rows, found.videos, found.uris) == (5, 4, 3)
    assert (found.files, found.small_files, found.files_bytes > 400) == (4, 4, True)
    assert found.uri.endswith("/videos")
    assert found.version == 4
    assert found.latest_by_status == {"crashed": 1, "no_face": 1, "scored": 1}
    by_scoring = {scoring.scoring_id: scoring for scoring in found.scorings}
    assert by_scoring["s"].by_status == {"crashed": 1, "no_face": 1, "scored": 2}
    assert by_scoring["s"].models == ["models:/gsg/1"]
    assert by_scoring["t"].models == ["models:/gsg@champion (version 1)"]


def test_the_scoring_and_the_run_that_scored_last_come_first(table, output, rows):
    table.append(rows([1], run_id="old", scored_at=datetime(2026, 11, 1, tzinfo=UTC)), key="s")
    table.append(rows([1], run_id="new", scoring_id="t", scored_at=datetime(2026, 11, 2, tzinfo=UTC)), key="t")
    found = status_of(output)
    assert found.newest_run == "new"
    assert [scoring.scoring_id for scoring in found.scorings] == ["t", "s"]
    assert found.scorings[0].last_scored_at == "2026-11-02T00:00:00+00:00"
    assert found.scorings[0].models == ["unknown"]


def test_an_empty_table_has_nothing(table, output):
    assert table
    found = status_of(output)
    assert (found.rows, found.videos, found.uris, found.files) == (0, 0, 0, 0)
    assert (found.newest_run, found.scorings, found.latest_by_status) == (None, [], {})


def test_a_table_of_an_older_version_is_counted_too(tmp_path, rows):
    older = VIDEOS.names[: VIDEOS.get_field_index("sandbox")]
    write_deltalake(str(tmp_path / "videos"), rows([1, 2], schema_version=1).select(older))
    found = table_status(Snapshot.open(str(tmp_path)))
    assert (found.rows, found.schema_versions) == (2, [1])
