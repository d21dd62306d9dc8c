"""Tables of an older version, and a first commit that a store refuses for a moment."""

import pyarrow as pa
from deltalake import CommitProperties, write_deltalake

from gsgmodel.results import delta
from gsgmodel.results.delta import all_rows, append_rows, create_table, open_table
from gsgmodel.results.places import LocalPlace
from gsgmodel.results.schema import VIDEO_ROWS, VIDEOS
from gsgmodel.results.storage import output_place
from tests.faults import CONFLICT, faulty

OLDER = pa.schema(list(VIDEOS)[: VIDEOS.get_field_index("sandbox")])
"""The columns of version 1."""


def test_a_table_of_an_older_version_gets_the_columns_that_it_lacks(tmp_path, rows):
    place = LocalPlace(tmp_path / "videos")
    write_deltalake(str(place.path), rows([1]).select(OLDER.names))
    before = open_table(place)
    assert all_rows(before, place, kind=VIDEO_ROWS)["sandbox"].to_pylist() == [None]
    create_table(place)
    create_table(place)
    table = open_table(place)
    assert [field.name for field in table.schema().fields] == VIDEOS.names
    assert table.version() == before.version() + 1
    append_rows(table, place, rows([2]), properties=CommitProperties())
    assert len(all_rows(open_table(place), place, kind=VIDEO_ROWS)) == 2


def test_two_that_add_columns_at_once_both_go_on(tmp_path, rows, monkeypatch):
    place = LocalPlace(tmp_path / "videos")
    write_deltalake(str(place.path), rows([1]).select(OLDER.names))
    stale = open_table(place)
    create_table(place)
    real = delta.open_table
    handles = iter([stale])
    monkeypatch.setattr(delta, "open_table", lambda *args, **how: next(handles, None) or real(*args, **how))
    create_table(place)
    assert [field.name for field in real(place).schema().fields] == VIDEOS.names


def test_a_first_commit_that_a_store_refuses_for_a_moment_is_tried_again(bucket, s3_environment):
    with faulty(s3_environment) as proxy:
        proxy.add(CONFLICT, method="PUT", text="/_delta_log/", times=1)
        place = output_place(f"s3://{bucket}/out", s3_endpoint=proxy.url) / "videos"
        create_table(place)
        assert proxy.count(method="PUT", text="/_delta_log/") >= 2
        assert open_table(place).version() == 0
