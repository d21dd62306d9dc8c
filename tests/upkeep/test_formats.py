"""Rows as CSV, as lines of JSON and as Parquet."""

import csv
import io
import json
import tempfile
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.results.schema import VIDEOS
from gsgmodel.upkeep import formats as module
from gsgmodel.upkeep.formats import CsvFile, JsonLinesFile, ParquetFile, flat
from tests.results.conftest import FACES, make_row, make_rows, video_id_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def batch_of(*rows):
    return pa.RecordBatch.from_pylist(list(rows), schema=VIDEOS)


def written(kind, *batches):
    with tempfile.TemporaryFile() as file:
        with kind(file) as rows:
            for batch in batches:
                rows.write(batch.select(list(kind.columns)))
        file.seek(0)
        return file.read()


def read_csv(content):
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_csv_has_a_line_a_row_without_faces():
    first, second = read_csv(written(CsvFile, batch_of(make_row(1)), batch_of(make_row(2, notes=["a", "b"]))))
    assert list(first) == [name for name in VIDEOS.names if name != "faces"]
    assert first["video_id"] == video_id_of(1).hex()
    assert (first["uri"], first["score"], first["notes"]) == ("file:///archive/1.mp4", "0.75", "windows_widened")
    assert datetime.fromisoformat(first["scored_at"]).isoformat() == "2026-11-24T06:30:00+00:00"
    assert second["notes"] == "a;b"
    assert (second["width_px"], second["codec"]) == ("", "")


def test_csv_of_no_rows_has_its_line_of_names():
    assert written(CsvFile).decode().count("\n") == 1
    assert read_csv(written(CsvFile)) == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_text_that_a_spreadsheet_would_calculate_is_made_harmless(start):
    hostile = f'{start}HYPERLINK("http://evil")'
    (row,) = read_csv(written(CsvFile, batch_of(make_row(1, uri=hostile, error_text=hostile, notes=[hostile]))))
    assert {row["uri"], row["error_text"], row["notes"]} == {f"'{hostile}"}


@settings(deadline=None)
@given(uri=TEXTS, error=st.none() | TEXTS)
def test_any_text_comes_back_from_csv_and_from_json(uri, error):
    row = make_row(1, uri=uri, error_text=error)
    (shown,) = read_csv(written(CsvFile, batch_of(row)))
    assert shown["uri"] in {uri, f"'{uri}"}
    assert not shown["uri"].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert shown["error_text"] in {error or "", f"'{error}"}
    (line,) = written(JsonLinesFile, batch_of(row)).decode().split("\n")[:-1]
    assert (json.loads(line)["uri"], json.loads(line)["error_text"]) == (uri, error)


def test_lines_of_json_hold_everything():
    lines = written(JsonLinesFile, batch_of(make_row(1), make_row(2)), batch_of(make_row(3, faces=None))).splitlines()
    first, _, third = map(json.loads, lines)
    assert list(first) == VIDEOS.names
    assert first["video_id"] == video_id_of(1).hex()
    assert first["scored_at"] == "2026-11-24T06:30:00.000000Z"
    assert first["notes"] == ["windows_widened"]
    assert first["faces"] == FACES
    assert (third["faces"], third["width_px"]) == (None, None)


def test_parquet_is_what_the_table_holds(monkeypatch):
    monkeypatch.setattr(module, "ROW_GROUP_BYTES", 1)
    content = written(ParquetFile, *(make_rows([number]).to_batches()[0] for number in range(3)))
    file = pq.ParquetFile(io.BytesIO(content))
    assert file.num_row_groups == 3
    assert file.read().equals(make_rows(range(3)))


def test_rows_are_put_together_into_groups():
    content = written(ParquetFile, *(make_rows([number]).to_batches()[0] for number in range(20)))
    assert pq.ParquetFile(io.BytesIO(content)).num_row_groups == 1
    assert pq.read_table(io.BytesIO(written(ParquetFile))).schema.equals(VIDEOS)


def write_to(file):
    with ParquetFile(file) as rows:
        rows.write(make_rows([1]).to_batches()[0])
        raise ZeroDivisionError


def test_an_error_comes_out_as_it_is(tmp_path):
    with (tmp_path / "rows").open("wb") as file, pytest.raises(ZeroDivisionError):
        write_to(file)


def test_numbers_stay_numbers():
    shown = flat(batch_of(make_row(1, score=0.5)).select(list(CsvFile.columns)))
    assert shown.schema.field("score").type == pa.float64()
    assert shown.column("score").to_pylist() == [0.5]
