"""The first part of a plan is there while others are listed, whatever ends the listing."""

import threading
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.scan import planner as module
from gsgmodel.scan.parts import is_ended, planned_refs, planned_rows
from gsgmodel.scan.plan import MANY
from gsgmodel.scan.planner import make_plan, planning


def none_done(ids):
    return np.zeros(len(ids), bool)


def among(members):
    return lambda ids: np.array([value in members for value in ids.to_pylist()], bool)


def planned_ids(path):
    return pq.read_table(path)["video_id"].to_pylist()


class Archive:
    """A listing that goes on when it is told to."""

    def __init__(self, refs):
        self._refs = list(refs)
        self._may_go_on = threading.Semaphore(0)
        self.num_listed = 0

    def go_on(self, most):
        for _ in range(most):
            self._may_go_on.release()

    def __iter__(self):
        for ref in self._refs:
            self._may_go_on.acquire()
            if isinstance(ref, Exception):
                raise ref
            self.num_listed += 1
            yield ref


@pytest.fixture
def in_parts(tmp_path, monkeypatch):
    """Begin a plan whose parts are as small as they can be."""
    for name in ("FIRST_PART_S", "PART_S", "BATCH_S"):
        monkeypatch.setattr(module, name, 0.0)
    monkeypatch.setattr(module, "_AT_ONCE", 1)

    def begin(listed, *, is_done=none_done, limit=None, keep=None):
        return planning(listed, is_done=is_done, limit=limit, folder=tmp_path / "plan", keep=keep)

    return begin


def until(is_so):
    patience_s = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < patience_s
        time.sleep(0.01)


def test_the_first_part_is_there_while_the_archive_is_still_listed(in_parts, ref, video_id):
    archive = Archive(ref(number) for number in range(3))
    archive.go_on(1)
    with in_parts(archive) as planner:
        plan = planner.plan
        assert (plan.num_videos, plan.is_listed, is_ended(plan.path)) == (1, False, False)
        assert plan.num_expected > MANY
        rows = planned_rows(plan.path)
        assert next(rows)["video_id"].to_pylist() == [video_id(0)]
        archive.go_on(2)
        assert [row["video_id"][0].as_py() for row in rows] == [video_id(1), video_id(2)]
        planner.wait()
        assert (plan.num_videos, plan.num_bytes, plan.num_expected) == (3, 3003, 3)


def test_what_is_done_makes_no_part(in_parts, ref, video_id):
    archive = Archive(ref(number) for number in range(6))
    archive.go_on(6)
    with in_parts(archive, is_done=among({video_id(number) for number in range(5)})) as planner:
        planner.wait()
    assert planned_ids(planner.plan.path) == [video_id(5)]
    assert planner.plan.num_done == 5


def test_a_video_of_an_earlier_part_is_not_planned_again(in_parts, ref, video_id):
    archive = Archive([ref(0), ref(1), ref(0), ref(2), ref(1)])
    archive.go_on(5)
    with in_parts(archive) as planner:
        planner.wait()
        assert [row["video_id"] for row in planned_refs(planner.plan.path, most=9)] == [video_id(n) for n in range(3)]
        assert planner.plan.num_videos == 3


def test_who_follows_a_plan_is_told_how_it_grows(in_parts, ref):
    archive, told = Archive([ref(0), ref(1)]), []
    archive.go_on(1)
    with in_parts(archive) as planner:
        planner.follow(lambda num, *, is_all: told.append((num, is_all)))
        archive.go_on(1)
        planner.wait()
    assert told[0] == (1, False)
    assert (2, False) in told
    assert told[-1] == (2, True)


def test_each_part_is_kept_as_it_comes(in_parts, ref):
    archive, kept = Archive([ref(0), ref(1)]), []
    archive.go_on(2)
    with in_parts(archive, keep=kept.append) as planner:
        planner.wait()
    assert [path.name for path in kept] == ["part-00000.parquet", "part-00001.parquet"]
    assert all(path.is_file() for path in kept)


def test_a_listing_that_breaks_off_before_anything_is_planned_is_an_error(in_parts):
    archive = Archive([ConfigError("the listing broke off")])
    archive.go_on(1)
    with pytest.raises(ConfigError, match="broke off"), in_parts(archive):
        pass


def test_a_listing_that_breaks_off_later_leaves_what_is_planned(in_parts, ref, video_id):
    archive = Archive([ref(0), ConfigError("the listing broke off")])
    archive.go_on(1)
    with in_parts(archive) as planner:
        archive.go_on(1)
        planner.finish()
        assert str(planner.plan.failure) == "the listing broke off"
        assert planned_ids(planner.plan.path) == [video_id(0)]
        with pytest.raises(ConfigError, match="broke off"):
            planner.wait()


def test_a_part_that_cannot_be_kept_ends_the_plan(in_parts, ref):
    def keep(_part):
        raise OutputError("no space left")

    archive = Archive([ref(0), ref(1)])
    archive.go_on(2)
    with in_parts(archive, keep=keep) as planner:
        planner.finish()
        assert str(planner.plan.failure) == "no space left"


def test_a_fault_of_ours_while_listing_is_not_swallowed(in_parts, ref):
    archive = Archive([ref(0), RuntimeError("a fault")])
    archive.go_on(1)
    with in_parts(archive) as planner:
        archive.go_on(1)
        with pytest.raises(RuntimeError, match="a fault"):
            planner.finish()


def test_a_plan_that_is_closed_grows_no_more_and_is_whole(in_parts, ref, video_id):
    archive = Archive(ref(number) for number in range(5))
    archive.go_on(1)
    with in_parts(archive) as planner:
        planner.finish(0.0)
        assert planner.plan.is_listed
        archive.go_on(4)
        until(lambda: archive.num_listed > 1)
        time.sleep(0.05)
    assert planned_ids(planner.plan.path) == [video_id(0)]
    assert (planner.plan.num_videos, is_ended(planner.plan.path)) == (1, True)


def test_a_limit_counts_over_all_parts(in_parts, ref, video_id):
    archive = Archive(ref(number) for number in range(5))
    archive.go_on(5)
    with in_parts(archive, limit=3) as planner:
        planner.wait()
    assert sorted(planned_ids(planner.plan.path)) == sorted(map(video_id, range(3)))
    assert archive.num_listed == 3


def test_a_part_has_so_many_rows_at_most_and_a_batch(tmp_path, ref, monkeypatch):
    monkeypatch.setattr(module, "PART_ROWS", 10)
    monkeypatch.setattr(module, "BATCH_ROWS", 4)
    made = make_plan((ref(n) for n in range(30)), is_done=none_done, limit=None, folder=tmp_path / "plan")
    sizes = [pq.read_metadata(part).num_rows for part in sorted(made.path.glob("part-*"))]
    assert sizes == [12, 12, 6]
