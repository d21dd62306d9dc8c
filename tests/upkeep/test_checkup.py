"""Whatever can be wrong with a table is found, and a sound one is called so."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from gsgmodel.results.schema import VIDEOS
from gsgmodel.results.table import VideoTable
from gsgmodel.upkeep.checkup import check_table
from gsgmodel.upkeep.snapshot import Snapshot
from tests.results.conftest import make_row, make_rows, video_id_of


def checked(output, *, s3_endpoint=None):
    return {check.name: check for check in check_table(Snapshot.open(str(output), s3_endpoint=s3_endpoint))}


def wrong(output):
    return {name for name, check in checked(output).items() if check.verdict == "wrong"}


@pytest.fixture
def folder(tmp_path):
    """An output with two files of rows."""
    table = VideoTable.open_or_create(str(tmp_path))
    table.append(make_rows([1, 2]), key="s")
    table.append(make_rows([3], status="no_face", score=None), key="s")
    return tmp_path


def files_of(folder):
    return sorted((folder / "videos").glob("*.parquet"))


def put(folder, *rows, **columns):
    """Rows as nobody who checks them would write them."""
    made = [make_row(number, **columns) for number in rows]
    write_deltalake(str(folder / "videos"), pa.Table.from_pylist(made, schema=VIDEOS), mode="append")


def test_a_sound_table_is_sound(output):
    table = VideoTable.open_or_create(output.uri, s3_endpoint=output.s3_endpoint)
    table.append(make_rows([1, 2]), key="s")
    table.append(make_rows([1], scoring_id="t", status="crashed", score=None), key="t")
    found = checked(output.uri, s3_endpoint=output.s3_endpoint)
    assert {name: check.verdict for name, check in found.items()} == dict.fromkeys(
        ("files", "rows", "statuses", "scores", "unique"), "ok"
    )
    assert found["files"].text.startswith("2 ")
    assert found["rows"].text == "3 can be read, as many as the log says"


def test_an_empty_table_is_sound(tmp_path):
    VideoTable.open_or_create(str(tmp_path))
    assert wrong(tmp_path) == set()


def test_a_table_of_an_older_version_is_sound(tmp_path):
    older = VIDEOS.names[: VIDEOS.get_field_index("sandbox")]
    write_deltalake(str(tmp_path / "videos"), make_rows([1, 2]).select(older))
    assert wrong(tmp_path) == set()


def test_a_missing_file_is_found(folder):
    gone, _ = files_of(folder)
    gone.unlink()
    found = checked(folder)
    assert found["files"].examples == (f"{gone.name} is missing",)
    assert wrong(folder) == {"files"}


def test_a_file_that_was_cut_is_found(folder):
    cut, _ = files_of(folder)
    cut.write_bytes(cut.read_bytes()[:-100])
    found = checked(folder)
    assert "bytes, the log says" in found["files"].examples[0]
    assert found["rows"].examples[0].startswith(f"{cut.name}: results cannot be read")


def test_a_flipped_bit_in_a_page_is_found(tmp_path):
    VideoTable.open_or_create(str(tmp_path)).append(make_rows(range(300)), key="s")
    (file,) = files_of(tmp_path)
    content = bytearray(file.read_bytes())
    # In the first column's compressed values.
    content[60] ^= 0xFF
    file.write_bytes(content)
    assert wrong(tmp_path) == {"rows"}


def test_a_log_that_counts_otherwise_is_found(folder):
    entry = folder / "videos" / "_delta_log" / f"{1:020}.json"
    lines = [json.loads(line) for line in entry.read_text().splitlines()]
    for line in lines:
        if "add" in line:
            line["add"]["stats"] = json.dumps(json.loads(line["add"]["stats"]) | {"numRecords": 5})
    entry.write_text("\n".join(map(json.dumps, lines)))
    assert "has 2 rows, the log says 5" in checked(folder)["rows"].examples[0]


def test_a_video_with_two_rows_of_one_scoring_is_found(folder):
    put(folder, 1)
    found = checked(folder)
    assert wrong(folder) == {"unique"}
    assert found["unique"].text == "1 videos have several rows of one scoring"
    assert found["unique"].examples == (f"video {video_id_of(1).hex()} has 2 rows of scoring s",)


def test_a_status_that_may_not_stand_there_is_found(folder):
    put(folder, 9, status="denied", score=None)
    found = checked(folder)
    assert wrong(folder) == {"statuses"}
    assert found["statuses"].examples[0].endswith(": denied")


@pytest.mark.parametrize(
    "columns",
    [
        {"score": 1.5},
        {"score": None},
        {"status": "no_face", "score": 0.5},
        {"uri": None},
        {"video_id": b"short"},
        {"score_global": -1.0},
    ],
)
def test_a_row_that_breaks_a_rule_is_found(folder, columns):
    put(folder, 9, **columns)
    assert "scores" in wrong(folder)


def test_only_some_examples_are_shown_of_much(folder):
    for number in range(8):
        put(folder, 10 + number, status="denied", score=None)
    found = checked(folder)["statuses"]
    assert found.text.startswith("8 ")
    assert len(found.examples) == 5


def test_what_is_left_over_is_told_and_no_fault(folder):
    VideoTable.open(str(folder)).compact()
    (folder / "videos" / "part-0.parquet").write_bytes(b"never committed")
    (folder / "videos" / "notes.txt").write_bytes(b"somebody's")
    found = checked(folder)
    assert {name: found[name].verdict for name in ("kept", "orphans", "foreign")} == dict.fromkeys(
        ("kept", "orphans", "foreign"), "note"
    )
    assert found["kept"].text.startswith("2 files of earlier versions; ")
    assert found["orphans"].examples == ("part-0.parquet",)
    assert found["foreign"].examples == ("notes.txt",)


def test_a_file_with_other_columns_is_found(folder):
    file, _ = files_of(folder)
    pq.write_table(pa.table({"other": [1, 2]}), file)
    assert {"files", "statuses"} <= wrong(folder)
