"""Planned rows are read in one order by everybody, also while more of them are written."""

import os
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gsgmodel.scan import parts as module
from gsgmodel.scan.parts import (
    end_parts,
    is_ended,
    part_paths,
    plan_schema,
    planned_batches,
    planned_refs,
    planned_rows,
    rows_left,
    write_part,
)
from gsgmodel.scan.plan import PLAN_SCHEMA

REUSING_FOLDERS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
NUMBERS = pa.schema([("video_id", pa.binary())])


def among(members):
    return lambda ids: np.array([value in members for value in ids.to_pylist()], bool)


def planned_ids(path):
    return [value for batch in planned_batches(path) for value in batch["video_id"].to_pylist()]


def numbered(*numbers):
    return pa.table({"video_id": pa.array([b"%d" % number for number in numbers], pa.binary())}, NUMBERS)


@pytest.fixture(autouse=True)
def _look_often(monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0.01)


def test_rows_are_handed_on_one_at_a_time_in_the_plans_order(plan_of, monkeypatch):
    monkeypatch.setattr(module, "BATCH_ROWS", 3)
    made = plan_of(8)
    rows = list(planned_rows(made.path))
    assert [row.num_rows for row in rows] == [1] * 8
    assert all(row.schema.equals(PLAN_SCHEMA) for row in rows)
    sizes = pa.concat_tables(rows)["size_bytes"].to_pylist()
    assert sizes == sorted(sizes, reverse=True)


@REUSING_FOLDERS
@given(finished=st.sets(st.integers(0, 24)), batch_rows=st.integers(1, 30))
def test_what_is_left_is_exactly_what_did_not_finish_in_the_same_order(plan_of, video_id, finished, batch_rows):
    made = plan_of(25)
    ids = {video_id(number) for number in finished}
    following = made.path.with_name("following.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH_ROWS", batch_rows)
        num_left = rows_left(made.path, is_finished=among(ids), out_path=following)
    expected = [value for value in planned_ids(made.path) if value not in ids]
    assert planned_ids(following) == expected
    assert num_left == len(expected) == 25 - len(finished)
    assert pq.read_schema(following).equals(PLAN_SCHEMA)


def test_a_reader_waits_for_parts_that_are_not_written_yet(tmp_path):
    write_part(tmp_path, 0, numbered(1, 2))
    seen = []
    reading = threading.Thread(target=lambda: seen.extend(planned_ids(tmp_path)))
    reading.start()
    time.sleep(0.1)
    assert reading.is_alive()
    write_part(tmp_path, 1, numbered(3))
    end_parts(tmp_path)
    reading.join(10)
    assert seen == [b"1", b"2", b"3"]
    assert planned_ids(tmp_path) == seen


def test_a_part_that_came_just_before_the_end_is_read(tmp_path, monkeypatch):
    # The end is looked for first, so both may come between the two looks.
    exists = type(tmp_path).exists

    def coming(path):
        answer = exists(path)
        if path.name == "_end" and not answer:
            write_part(tmp_path, 0, numbered(7))
            end_parts(tmp_path)
        return answer

    monkeypatch.setattr(type(tmp_path), "exists", coming)
    assert planned_ids(tmp_path) == [b"7"]


def test_what_is_being_written_is_no_part_yet(tmp_path):
    (tmp_path / "part-00000.partial").write_bytes(b"half")
    end_parts(tmp_path)
    assert list(part_paths(tmp_path)) == []


def test_one_file_is_a_whole_plan(tmp_path):
    pq.write_table(numbered(4, 5), tmp_path / "left.parquet")
    assert is_ended(tmp_path / "left.parquet")
    assert planned_ids(tmp_path / "left.parquet") == [b"4", b"5"]
    assert plan_schema(tmp_path / "left.parquet").equals(NUMBERS)


def test_a_plan_is_over_when_it_says_so(tmp_path):
    write_part(tmp_path, 0, numbered())
    assert not is_ended(tmp_path)
    end_parts(tmp_path)
    assert is_ended(tmp_path)


def test_a_plan_that_is_not_there_is_not_waited_for(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no plan"):
        next(part_paths(tmp_path / "gone"))


def test_what_is_left_of_several_parts_is_one_file(tmp_path):
    write_part(tmp_path, 0, numbered(1, 2))
    write_part(tmp_path, 1, numbered(3, 4))
    end_parts(tmp_path)
    following = tmp_path / "following.parquet"
    assert rows_left(tmp_path, is_finished=among({b"2", b"3"}), out_path=following) == 2
    assert planned_ids(following) == [b"1", b"4"]
    assert pq.read_table(tmp_path / "part-00000.parquet").num_rows == 2


def test_the_first_rows_can_be_looked_at(tmp_path):
    write_part(tmp_path, 0, numbered(1, 2, 3))
    assert planned_refs(tmp_path, most=2) == [{"video_id": b"1"}, {"video_id": b"2"}]


def test_a_part_is_seen_whole_or_not_at_all(tmp_path, monkeypatch):
    seen = []
    replace = os.replace

    def noting(source, target):
        seen.append(sorted(path.name for path in tmp_path.iterdir()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", noting)
    assert write_part(tmp_path, 3, numbered(1)).name == "part-00003.parquet"
    assert seen == [["part-00003.partial"]]
    assert [path.name for path in tmp_path.iterdir()] == ["part-00003.parquet"]
