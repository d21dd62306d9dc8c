"""One version of a table is read in batches, whatever others do to the table meanwhile."""

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.results.places import LocalPlace
from gsgmodel.results.schema import VIDEOS
from gsgmodel.results.table import VideoTable
from gsgmodel.upkeep import snapshot as module
from gsgmodel.upkeep.snapshot import Snapshot

ID_COLUMNS = ["video_id", "scoring_id"]


def opened(output):
    return Snapshot.open(output.uri, s3_endpoint=output.s3_endpoint)


@pytest.fixture
def table(output):
    return VideoTable.open_or_create(output.uri, s3_endpoint=output.s3_endpoint)


def numbers(batches):
    found = [uri for batch in batches for uri in batch.column("uri").to_pylist()]
    return sorted(int(uri.rpartition("/")[2].removesuffix(".mp4")) for uri in found)


def test_all_rows_are_read_with_everything_in_them(table, output, rows):
    table.append(rows([1, 2]), key="s")
    table.append(rows([3]), key="s")
    read = pa.Table.from_batches(opened(output).batches())
    assert read.schema.equals(VIDEOS)
    assert read.sort_by("uri").equals(rows([1, 2, 3]))


@pytest.mark.parametrize("columns", [["uri"], ["score", "uri", "video_id"], ["faces", "uri"]])
def test_columns_come_in_the_order_asked_for(table, output, rows, columns):
    table.append(rows([1]), key="s")
    (batch,) = opened(output).batches(columns)
    assert batch.schema.names == columns
    assert batch.to_pylist() == rows([1]).select(columns).to_pylist()


@pytest.mark.parametrize("columns", [["uri"], None])
def test_one_scoring_or_some_files_can_be_read(table, output, rows, columns):
    table.append(rows([1, 2]), key="s")
    table.append(rows([3], scoring_id="t"), key="t")
    snapshot = opened(output)
    assert numbers(snapshot.batches(columns, scoring_id="t")) == [3]
    assert numbers(snapshot.batches(columns, scoring_id="none")) == []
    first, second = (file.name for file in snapshot.files)
    apart = [numbers(snapshot.batches(columns, names=[name])) for name in (first, second)]
    assert sorted(apart) == [[1, 2], [3]]
    assert numbers(snapshot.batches(columns, names=[])) == []


def test_many_rows_come_in_batches(table, output, rows, monkeypatch):
    monkeypatch.setattr(module, "BATCH_ROWS", 10)
    table.append(rows(range(95)), key="s")
    for columns in (["uri"], None):
        sizes = [batch.num_rows for batch in opened(output).batches(columns)]
        assert sum(sizes) == 95
        assert max(sizes) <= 10


def test_what_is_committed_afterwards_is_not_seen(table, output, rows):
    table.append(rows([1]), key="s")
    snapshot = opened(output)
    table.append(rows([2]), key="s")
    table.compact()
    assert numbers(snapshot.batches(["uri"])) == [1]
    assert [(file.num_rows, file.size_bytes > 100) for file in snapshot.files] == [(1, True)]


def test_columns_that_an_older_table_lacks_are_null(tmp_path, rows):
    older = VIDEOS.names[: VIDEOS.get_field_index("sandbox")]
    write_deltalake(str(tmp_path / "videos"), rows([1]).select(older))
    (batch,) = Snapshot.open(str(tmp_path)).batches()
    assert batch.schema.equals(VIDEOS)
    assert (batch.column("sandbox").to_pylist(), batch.column("uri").null_count) == ([None], 0)
    assert numbers(Snapshot.open(str(tmp_path)).batches(["uri", "attempts"])) == [1]


def test_questions_are_answered_in_sql(table, output, rows):
    table.append(rows(range(50)), key="s")
    snapshot = opened(output)
    assert snapshot.answer("SELECT count(*) AS n, max(score) AS top FROM videos", columns=["score"]) == [
        {"n": 50, "top": 0.75}
    ]
    long = "SELECT uri FROM videos ORDER BY uri DESC"
    assert numbers(snapshot.ask(long, columns=["uri"])) == list(range(50))


def test_an_empty_table_answers_too(table, output):
    assert table
    assert opened(output).files == []
    assert list(opened(output).batches()) == []
    assert opened(output).answer("SELECT count(*) AS n FROM videos", columns=["uri"]) == [{"n": 0}]


def test_where_there_is_no_table_that_is_said(output):
    with pytest.raises(ConfigError, match=r"there is no table of results in .*accepted: the --output of a scan"):
        opened(output)


@pytest.mark.parametrize("columns", [["uri"], None])
@pytest.mark.parametrize("content", [b"", b"no parquet at all", "half"])
def test_a_broken_file_is_one_sentence_wherever_it_is_met(tmp_path, rows, columns, content):
    VideoTable.open_or_create(str(tmp_path)).append(rows([1, 2, 3]), key="s")
    snapshot = Snapshot.open(str(tmp_path))
    assert isinstance(snapshot.place, LocalPlace)
    path = snapshot.place.path / snapshot.files[0].name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content == "half" else content)
    with pytest.raises(ConfigError, match="results cannot be read in "):
        list(snapshot.batches(columns))
    with pytest.raises(ConfigError, match="results cannot be read in "):
        snapshot.answer("SELECT count(uri) AS n FROM videos", columns=["uri"])


def test_a_file_that_is_gone_is_one_sentence(table, output, rows):
    table.append(rows([1]), key="s")
    snapshot = opened(output)
    snapshot.place.remove(snapshot.files[0].name)
    for columns in (["uri"], None):
        with pytest.raises(ConfigError, match="results cannot be read in "):
            list(snapshot.batches(columns))


def test_a_scoring_that_is_not_there_is_told_of_with_those_that_are(table, output, rows):
    table.append(rows([1]), key="s")
    opened(output).check_scoring("s")
    with pytest.raises(ConfigError, match=r"--scoring is 'x', of which there are no rows .*; accepted: s$"):
        opened(output).check_scoring("x")


def test_a_sort_that_finds_no_room_is_one_sentence(tmp_path, rows, monkeypatch):
    VideoTable.open_or_create(str(tmp_path)).append(rows(range(2000)), key="s")
    monkeypatch.setattr(module, "SQL_MEMORY", "1MB")
    with pytest.raises(OutputError, match="TMPDIR names another folder"):
        Snapshot.open(str(tmp_path)).answer(
            "SELECT string_agg(uri || repeat('x', 100000)) AS n FROM videos", columns=["uri"]
        )
