"""The newest row of each uri, against what a plain program finds."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gsgmodel.results.table import VideoTable
from gsgmodel.upkeep.latest import newest_ids, only_newest
from gsgmodel.upkeep.snapshot import Snapshot
from tests.results.conftest import make_row, video_id_of

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2), st.sampled_from("st"))
"""Name, when the object was changed, when it was scored, scoring."""


def at(days):
    return None if days is None else EPOCH + timedelta(days=days)


def row_of(name, modified, scored, scoring):
    """An object that was changed is another video of the same name."""
    return make_row(
        name,
        video_id=video_id_of(name * 100 + modified),
        last_modified=at(modified),
        scored_at=at(scored),
        scoring_id=scoring,
    )


def fill(folder, made):
    table = VideoTable.open_or_create(str(folder))
    for row in made:
        table.append(pa.Table.from_pylist([row], schema=table.rows().schema), key=row["scoring_id"])
    return Snapshot.open(str(folder))


def newest(snapshot, scoring_id=None):
    ids = newest_ids(snapshot, scoring_id=scoring_id)
    batches = only_newest(snapshot.batches(["uri", "video_id", "scoring_id"], scoring_id=scoring_id), ids)
    return sorted(tuple(row.values()) for batch in batches for row in batch.to_pylist())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(made=st.lists(ROWS, max_size=10, unique_by=lambda row: (row[0], row[1], row[3])))
def test_it_is_what_a_plain_program_finds(tmp_path_factory, made):
    rows = [row_of(*row) for row in made]
    snapshot = fill(tmp_path_factory.mktemp("out"), rows)
    for scoring in (None, "s"):
        expected = {}
        for row in rows:
            if scoring in (None, row["scoring_id"]):
                expected.setdefault(row["uri"], []).append(row)
        best = {
            uri: min(
                some,
                key=lambda row: (
                    -row["last_modified"].timestamp(),
                    -row["scored_at"].timestamp(),
                    row["video_id"],
                    row["scoring_id"],
                ),
            )
            for uri, some in expected.items()
        }
        found = newest(snapshot, scoring)
        assert found == sorted((uri, row["video_id"], row["scoring_id"]) for uri, row in best.items())


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ((1, 1, 9, "s"), (1, 2, 3, "s")),
        ((1, 1, 1, "s"), (1, 1, 2, "t")),
        ((1, 1, 2, "s"), (1, 1, 2, "t")),
    ],
    ids=["a replaced object, however late the old one was scored", "scored again by another model", "at once"],
)
def test_which_of_two_rows_is_the_newest(tmp_path, older, newer):
    rows = [row_of(*older), row_of(*newer)]
    found = newest(fill(tmp_path, rows))
    chosen = rows[0] if older[2] == newer[2] and older[1] == newer[1] else rows[1]
    assert found == [(chosen["uri"], chosen["video_id"], chosen["scoring_id"])]


def test_an_object_whose_age_is_not_known_is_older_than_one_whose_is(tmp_path):
    unknown = make_row(1, video_id=video_id_of(7), last_modified=None, scored_at=at(9))
    known = make_row(1, video_id=video_id_of(8), last_modified=at(1), scored_at=at(2))
    assert newest(fill(tmp_path, [known, unknown])) == [(known["uri"], known["video_id"], "s")]


def test_a_table_without_rows_has_no_newest(tmp_path):
    assert newest(fill(tmp_path, [])) == []
