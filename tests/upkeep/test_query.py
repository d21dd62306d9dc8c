"""What somebody may ask of a table, and what not."""

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.results.table import VideoTable
from gsgmodel.upkeep.query import query
from gsgmodel.upkeep.snapshot import Snapshot
from tests.results.conftest import make_rows
from tests.upkeep.test_latest import at


@pytest.fixture
def snapshot(tmp_path):
    table = VideoTable.open_or_create(str(tmp_path / "out"))
    table.append(make_rows([1, 2], scored_at=at(1)), key="s")
    table.append(make_rows([1], scoring_id="t", scored_at=at(2), score=0.25), key="t")
    return Snapshot.open(str(tmp_path / "out"))


def answer(snapshot, sql):
    return [row for batch in query(snapshot, sql) for row in batch.to_pylist()]


def test_every_row_and_the_newest_of_each_name_can_be_asked_for_as_often_as_needed(snapshot):
    assert answer(snapshot, "SELECT count(*) AS n FROM videos") == [{"n": 3}]
    assert answer(snapshot, "SELECT uri, score FROM latest ORDER BY uri") == [
        {"uri": "file:///archive/1.mp4", "score": 0.25},
        {"uri": "file:///archive/2.mp4", "score": 0.75},
    ]
    joined = "SELECT count(*) AS n FROM videos AS v JOIN latest AS l USING (uri) WHERE v.score <> l.score"
    assert answer(snapshot, joined) == [{"n": 1}]


def test_faces_clips_and_frames_can_be_unnested(snapshot):
    sql = "SELECT face.track_id AS track FROM latest, unnest(faces) AS f(face) WHERE face.score > 0.5"
    assert answer(snapshot, sql) == [{"track": 0}] * 2


def test_an_answer_without_rows_still_says_what_its_columns_are(snapshot):
    (batch,) = query(snapshot, "SELECT uri FROM videos WHERE false")
    assert (batch.schema.names, batch.num_rows) == (["uri"], 0)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM read_text('{secret}')",
        "COPY videos TO '{secret}'",
        "ATTACH '{secret}'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "DROP VIEW latest",
        "SELECT 1; SELECT 2",
        "",
        "SELEC",
        "SELECT nothing FROM videos",
        # A variable of the code that asks.
        "SELECT * FROM statements",
    ],
)
def test_nothing_but_one_select_over_the_table_is_answered(snapshot, tmp_path, sql):
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="accepted: one SELECT over videos"):
        answer(snapshot, sql.format(secret=secret))
    assert secret.read_text() == "a,b\n1,2\n"


def test_a_file_that_is_gone_is_a_sentence(snapshot):
    for file in snapshot.files:
        (snapshot.place.path / file.name).unlink()
    with pytest.raises(ConfigError):
        answer(snapshot, "SELECT uri FROM videos")


def test_a_broken_file_is_a_sentence(snapshot):
    for file in snapshot.files:
        (snapshot.place.path / file.name).write_bytes(b"PAR1 no more")
    with pytest.raises(ConfigError):
        answer(snapshot, "SELECT uri FROM videos")
