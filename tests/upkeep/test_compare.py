"""What two runs say differently, against what a plain program finds."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError
from gsgmodel.results.table import VideoTable
from gsgmodel.upkeep.compare import MOVED, SHOWN, compare, resolve_run
from gsgmodel.upkeep.snapshot import Snapshot
from tests.results.conftest import make_row
from tests.upkeep.test_latest import at

SAYS = st.one_of(
    st.none(),
    st.tuples(st.just("scored"), st.integers(0, 100).map(lambda percent: percent / 100)),
    st.tuples(st.sampled_from(["no_face", "unreadable"]), st.none()),
)
"""What a run says of a video, if anything."""


def fill(folder, before, after):
    table = VideoTable.open_or_create(str(folder))
    for run, says in (("run 1", before), ("run 2", after)):
        made = [
            make_row(
                number,
                run_id=run,
                scoring_id=run[-1],
                status=one[0],
                score=one[1],
                scored_at=at(int(run[-1])),
                faces=[],
            )
            for number, one in enumerate(says)
            if one
        ]
        if made:
            table.append(pa.Table.from_pylist(made, schema=table.rows().schema), key=run[-1])
    return Snapshot.open(str(folder))


@settings(max_examples=25)
@given(pairs=st.lists(st.tuples(SAYS, SAYS), min_size=1, max_size=8), threshold=st.sampled_from([None, 0.5]))
def test_every_video_is_counted_once_where_it_belongs(tmp_path_factory, pairs, threshold):
    snapshot = fill(tmp_path_factory.mktemp("out"), *zip(*pairs, strict=True))
    found = compare(snapshot, "run 1", "run 2", threshold=threshold)
    both = [(old, new) for old, new in pairs if old and new]
    scored = [(old[1], new[1]) for old, new in both if old[1] is not None and new[1] is not None]
    assert found.only_before == sum(bool(old and not new) for old, new in pairs)
    assert found.only_after == sum(bool(new and not old) for old, new in pairs)
    assert found.both == len(both)
    assert found.statuses_changed.total() == sum(old[0] != new[0] for old, new in both)
    assert found.moved == sum(abs(new - old) > MOVED for old, new in scored)
    fake = sum(threshold is not None and old < threshold <= new for old, new in scored)
    real = sum(threshold is not None and new < threshold <= old for old, new in scored)
    assert (found.to_fake, found.to_real) == (fake, real)
    assert sum(found.by_status["after"].values()) == found.both + found.only_after


def test_verdicts_come_first_then_statuses_then_the_largest_moves(tmp_path):
    before = [("scored", 0.1), ("scored", 0.49), ("unreadable", None), ("scored", 0.2)]
    after = [("scored", 0.4), ("scored", 0.51), ("scored", 0.3), ("scored", 0.2)]
    changes = compare(fill(tmp_path, before, after), "run 1", "run 2", threshold=0.5).changes
    assert [change.uri[-5:] for change in changes] == ["1.mp4", "2.mp4", "0.mp4"]
    assert changes[0].is_flipped


def test_of_many_changes_the_largest_are_kept(tmp_path):
    before = [("scored", 0.0)] * 100
    after = [("scored", percent / 100) for percent in range(100)]
    found = compare(fill(tmp_path, before, after), "run 1", "run 2")
    assert [round(change.move, 2) for change in found.changes] == [(99 - each) / 100 for each in range(SHOWN)]
    assert found.moved == 98


def test_scorings_can_be_compared_as_runs_can(tmp_path):
    snapshot = fill(tmp_path, [("scored", 0.1)], [("scored", 0.9)])
    assert compare(snapshot, "1", "2").changes == compare(snapshot, "run 1", "run 2").changes


def test_a_run_is_named_by_itself_its_beginning_or_its_place(tmp_path):
    snapshot = fill(tmp_path, [("scored", 0.1)], [("scored", 0.9)])
    assert [resolve_run(snapshot, name) for name in ("run 1", "newest", "before", "2")] == [
        "run 1",
        "run 2",
        "run 1",
        "2",
    ]
    with pytest.raises(ConfigError, match="RUN is 'run', which several begin with"):
        resolve_run(snapshot, "run")
    with pytest.raises(ConfigError, match="'x', of which there are no rows; accepted: newest, before, or one of run 2"):
        resolve_run(snapshot, "x")


def test_a_name_with_a_quote_is_a_name(tmp_path):
    found = compare(fill(tmp_path, [("scored", 0.1)], [None]), "' OR 1=1 --", "run 1")
    assert (found.only_after, found.both) == (1, 0)
