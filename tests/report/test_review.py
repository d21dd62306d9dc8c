"""Flagged videos for people, and what they say of them."""

import csv
import io

import pyarrow as pa
import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.report.review import (
    COLUMNS,
    FILE,
    check_no_review,
    flagged_rows,
    manifest_lines,
    read_review,
    review_lines,
)
from tests.report.conftest import HOSTILE


def test_what_reaches_the_threshold_is_flagged():
    rows = pa.table({"score": [0.9, 0.5, 0.49, None]})
    assert flagged_rows(rows, threshold=0.5)["score"].to_pylist() == [0.9, 0.5]


def test_every_video_is_a_line_with_an_empty_label(tmp_path):
    rows = [{"uri": uri, "score": 0.75, "video_id": bytes([place])} for place, uri in enumerate(HOSTILE)]
    text = review_lines(rows, {b"\x00": "a.png"})
    lines = list(csv.DictReader(io.StringIO(text)))
    assert list(lines[0]) == list(COLUMNS)
    assert [line["uri"] for line in lines] == list(HOSTILE)
    assert [line["picture"] for line in lines] == ["a.png", "", "", "", ""]
    assert {line["label"] for line in lines} == {""}
    (tmp_path / FILE).write_text(text)
    assert read_review(tmp_path / FILE) == []


def test_no_name_becomes_a_formula():
    rows = [{"uri": "=1+1", "score": 0.5, "video_id": b"1"}]
    assert "'=1+1" in review_lines(rows, {})


def test_labels_come_back_however_a_spreadsheet_writes_them(tmp_path):
    text = "\ufefflabel,uri,more\r\nFake,s3://b/1,x\r\n real ,s3://b/2,\r\nunsure,s3://b/3,\r\n,s3://b/4,\r\nfake,s3://b/1,\r\n"
    (tmp_path / "a.csv").write_bytes(text.encode())
    assert read_review(tmp_path / "a.csv") == [("s3://b/1", "fake"), ("s3://b/2", "real")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label,uri\nmaybe,a\n", "line 2 of .* has the label 'maybe' for 'a'; accepted: real, fake, unsure or nothing"),
        ("label,uri\nreal,a\nfake,a\n", "line 3 .* one a video"),
        ("uri\na\n", "line 2 .* has no label"),
        ("label,uri\nreal,\n", "no uri"),
    ],
)
def test_what_is_no_label_is_named_with_its_line(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_review(tmp_path / "a.csv")


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path):
    (tmp_path / "latin.csv").write_bytes(b"label,uri\n\xff,\xfe\n")
    for name in ("nowhere.csv", "latin.csv"):
        with pytest.raises(ConfigError, match="which cannot be read"):
            read_review(tmp_path / name)


def test_nobodys_labels_are_written_over(tmp_path):
    check_no_review(tmp_path)
    (tmp_path / FILE).touch()
    with pytest.raises(ConfigError, match=r"whose review\.csv somebody may have filled in"):
        check_no_review(tmp_path)


def test_a_manifest_is_what_labels_are_read_from(tmp_path):
    from gsgmodel.datasets.labelled import read_labels

    text = manifest_lines([("s3://bucket/a,b.mp4", "fake"), ("s3://bucket/c.mp4", "real")])
    (tmp_path / "m.csv").write_text(text)
    found = read_labels([str(tmp_path / "m.csv")])
    assert {uri: each.label for uri, each in found.items()} == {"s3://bucket/a,b.mp4": 1, "s3://bucket/c.mp4": 0}
