"""The plan is what is listed less what is done, each video once."""

import time
from collections import Counter
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gsgmodel.archive.listing import LeftOut
from gsgmodel.records import VideoRef
from gsgmodel.results.done import DoneIds
from gsgmodel.scan import planner as module
from gsgmodel.scan.parts import plan_schema, planned_refs, planned_rows, rows_left
from gsgmodel.scan.plan import DONE, MAX_EXAMPLES, PLAN_SCHEMA, PlanKind, left_out_text
from gsgmodel.scan.planner import make_plan

REUSING_FOLDERS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)


def none_done(ids):
    return np.zeros(len(ids), bool)


def among(members):
    return lambda ids: np.array([value in members for value in ids.to_pylist()], bool)


def left_out(name, *, size_bytes=7, reason="suffix", suffix=".txt"):
    return LeftOut(uri=f"file:///archive/{name}", size_bytes=size_bytes, reason=reason, suffix=suffix)


def planned_ids(path):
    return pq.read_table(path)["video_id"].to_pylist()


@pytest.fixture
def plan(tmp_path):
    def make(listed, *, is_done=none_done, limit=None):
        return make_plan(listed, is_done=is_done, limit=limit, folder=tmp_path / "made" / "plan")

    return make


def test_the_largest_video_comes_first_and_equal_ones_by_name(plan, ref):
    sizes = {1: 5, 2: 900, 3: 40, 4: 40}
    made = plan(ref(number, size_bytes=size) for number, size in sizes.items())
    uris = [row["uri"] for row in planned_refs(made.path, most=9)]
    assert uris == [f"file:///archive/{number}.mp4" for number in (2, 3, 4, 1)]
    assert (made.num_videos, made.num_bytes) == (4, 985)


def test_a_planned_row_is_what_was_listed(plan, ref):
    listed = ref(1, etag="123", size_bytes=3 << 40)
    (row,) = planned_refs(plan([listed]).path, most=1)
    assert row == {name: getattr(listed, name) for name in PLAN_SCHEMA.names}


def test_a_video_that_is_listed_twice_is_planned_once(plan, ref):
    made = plan([ref(1), ref(2), ref(1)])
    assert (made.num_videos, made.num_bytes) == (2, 2003)


def test_what_is_done_is_left_out_and_counted(plan, ref, video_id):
    made = plan([ref(number) for number in range(4)], is_done=among({video_id(1), video_id(3)}))
    assert sorted(planned_ids(made.path)) == sorted([video_id(0), video_id(2)])
    assert made.left_out == {DONE: 2}
    assert made.left_out_bytes == {DONE: 1001 + 1003}
    assert made.examples == []


def test_what_is_left_out_is_counted_by_reason_bytes_and_suffix(plan, ref):
    listed = [
        left_out("a.txt"),
        ref(1),
        left_out("b.jpg", size_bytes=20, suffix=".jpg"),
        left_out("c.txt"),
        left_out("pipe", size_bytes=0, reason="not_a_file", suffix=""),
    ]
    made = plan(listed)
    assert made.left_out == {"suffix": 3, "not_a_file": 1}
    assert made.left_out_bytes == {"suffix": 34, "not_a_file": 0}
    assert made.suffixes == {".txt": 2, ".jpg": 1}
    assert [item.uri.rpartition("/")[2] for item in made.examples] == ["a.txt", "b.jpg", "c.txt", "pipe"]


def test_only_so_many_examples_are_kept(plan):
    made = plan(left_out(f"{number}.txt") for number in range(1000))
    assert len(made.examples) == MAX_EXAMPLES
    assert made.left_out == {"suffix": 1000}


def test_a_limit_stops_the_listing_where_it_is_reached(plan, ref, video_id):
    def listing():
        for number in range(5):
            yield left_out(f"{number}.txt")
            yield ref(number)
        raise AssertionError("read beyond the limit")

    made = plan(listing(), is_done=among({video_id(0), video_id(2)}), limit=3)
    assert sorted(planned_ids(made.path)) == sorted(map(video_id, (1, 3, 4)))
    assert made.left_out == {DONE: 2, "suffix": 5}


def test_a_limit_above_what_there_is_takes_everything(plan, ref):
    assert plan([ref(1), ref(2)], limit=3).num_videos == 2


def test_a_limit_is_found_behind_any_number_of_done_videos(plan, ref, video_id, monkeypatch):
    monkeypatch.setattr(module, "BATCH_ROWS", 7)
    done = {video_id(number) for number in range(50)}
    made = plan((ref(number) for number in range(1000)), is_done=among(done), limit=10)
    assert sorted(planned_ids(made.path)) == sorted(map(video_id, range(50, 60)))
    assert made.left_out == {DONE: 50}


def test_an_empty_listing_makes_an_empty_plan(plan):
    made = plan([], is_done=DoneIds().contains)
    assert (made.num_videos, made.num_bytes) == (0, 0)
    assert list(planned_rows(made.path)) == []
    assert plan_schema(made.path).equals(PLAN_SCHEMA)


def test_nothing_but_the_plan_stays_in_its_folder(plan, ref):
    made = plan([ref(1)])
    assert sorted(path.name for path in made.path.iterdir()) == ["_end", "part-00000.parquet"]


def test_a_hundred_thousand_videos_are_planned_in_seconds(plan, ref):
    refs = [ref(number) for number in range(100_000)]
    started_s = time.thread_time()
    made = plan(iter(refs), is_done=DoneIds().contains)
    assert time.thread_time() - started_s < 5
    assert made.num_videos == 100_000
    assert planned_refs(made.path, most=1)[0]["size_bytes"] == 1000 + 99_999


@REUSING_FOLDERS
@given(numbers=st.lists(st.integers(0, 30), max_size=60), limit=st.none() | st.integers(1, 40), data=st.data())
def test_a_plan_is_the_listing_less_what_is_done_each_once(plan, ref, video_id, numbers, limit, data):
    done = data.draw(st.sets(st.integers(0, 30)))
    made = plan((ref(n) for n in numbers), is_done=among({video_id(n) for n in done}), limit=limit)
    wanted = list(dict.fromkeys(number for number in numbers if number not in done))[:limit]
    assert Counter(planned_ids(made.path)) == Counter(map(video_id, wanted))
    assert made.num_bytes == sum(1000 + number for number in wanted)


def test_a_plan_may_say_more_of_a_video_and_call_what_is_done_otherwise(tmp_path, ref):
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Noted(VideoRef):
        mask: dict | None

    schema = pa.schema([*PLAN_SCHEMA, pa.field("mask", pa.struct([("uri", pa.string()), ("id", pa.binary())]))])
    noted = [Noted(**asdict(ref(n)), mask={"uri": f"m{n}", "id": b"m"} if n else None) for n in (0, 1, 1, 2)]
    done = among({ref(2).video_id})
    kind = PlanKind(schema=schema, done="already prepared")
    made = make_plan(noted, is_done=done, limit=None, folder=tmp_path / "plan", kind=kind)
    assert plan_schema(made.path).equals(schema)
    assert [row["mask"] for row in planned_refs(made.path, most=9)] == [{"uri": "m1", "id": b"m"}, None]
    assert (made.left_out, made.num_done) == ({"already prepared": 1}, 1)
    assert left_out_text({"suffix": 1, "already prepared": 2}, {}, done="already prepared").startswith("already prep")
    following = tmp_path / "following.parquet"
    assert rows_left(made.path, is_finished=among({ref(1).video_id}), out_path=following) == 1
    assert pq.read_schema(following).equals(schema)
