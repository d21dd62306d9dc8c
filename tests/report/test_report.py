"""The report: what it says, and that names from outside stay text."""

import base64
import gzip
import json
import re
from dataclasses import replace

import pytest

from gsgmodel.report.collect import ALL, collect
from gsgmodel.report.explanation import clip_parts
from gsgmodel.report.report import doubts, page_data, report_page, shown_name
from tests.report.conftest import HOSTILE, make_video
from tests.results.conftest import video_id_of


def make_page(findings, **changes):
    values = {"pictures": {}, "card": {"data": "<i>made</i>"}, "threshold": None, "show_faces": False}
    return report_page(findings, **values | changes)


def data_of(page):
    packed = re.search(r'id="data">([^<]*)<', page)[1]
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def test_what_came_from_outside_is_text_and_never_markup(snapshot):
    page = make_page(collect(snapshot, "newest"))
    body = page[page.index("<body>") : page.index('<script type="application')]
    assert not re.search(r"<(script|b>note|i>made|img src=x)", body)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.mp4" in body
    assert "&lt;b&gt;note&lt;/b&gt;" in body
    assert "&lt;/pre&gt;&lt;script&gt;" in body


def test_the_tables_data_are_the_rows(snapshot):
    findings = collect(snapshot, "newest")
    data = data_of(make_page(findings, threshold=0.25))
    assert data["threshold"] == 0.25
    assert data["score"] == [0.9] * 3 + [None] * 5
    words = data["status"]["words"]
    assert [words[place] for place in data["status"]["places"]] == ["scored"] * 3 + ["unreadable"] * 5
    names = [data["prefix"] + name for name in data["names"]]
    assert names[:3] == ["/archive/0.mp4", "/archive/1.mp4", "/archive/2.mp4"]
    assert "/a/<script>alert(1)</script>.mp4" in names
    assert data["faces"][0] == [[0, 0.0, 60.0, 0.75, [[0.5, 0.25], [1.5, 0.75]]]]


def test_where_nothing_stands_against_it_the_run_is_trusted(snapshot):
    findings = collect(snapshot, "newest")
    assert doubts(findings) == []
    assert "Every planned video is accounted for" in make_page(findings)


@pytest.mark.parametrize(
    ("summary", "doubt"),
    [
        ({"planned": 9, "committed": 8, "unfinished": 0, "left": 0, "lost": 0}, "9 planned, but 8 committed"),
        ({"planned": 8, "committed": 7, "unfinished": 0, "left": 0, "lost": 1}, "1 of 8 lost"),
        ({"exit_code": 5, "reason": "deadline reached"}, "exit code 5: deadline reached"),
        ({"is_untrained": True}, "scores mean nothing"),
        ({}, "left no summary"),
    ],
)
def test_what_speaks_against_trusting_a_run_is_said(snapshot, summary, doubt):
    findings = replace(collect(snapshot, "newest"), summary=summary)
    assert any(doubt in each for each in doubts(findings))
    assert "Before you trust it" in make_page(findings)


def test_rows_tell_of_other_models_and_of_decoders_with_rights(snapshot):
    findings = collect(snapshot, ALL)
    rows = findings.rows
    other = ["e", *["d"] * (rows.num_rows - 1)]
    rows = rows.set_column(rows.schema.get_field_index("model_digest"), "model_digest", [other])
    rows = rows.set_column(rows.schema.get_field_index("sandbox"), "sandbox", [["off"] * rows.num_rows])
    found = doubts(replace(findings, rows=rows, unfinished={"denied": 2}))
    assert any("2 different models" in each for each in found)
    assert any("more rights than they need (off)" in each for each in found)
    assert any(each.startswith("2 planned videos have no row yet") for each in found)


def test_videos_with_pictures_are_shown_in_the_order_of_their_scores(snapshot):
    findings = collect(snapshot, "newest")
    parts = clip_parts(make_video(), show_faces=False)
    page = make_page(findings, pictures={video_id_of(2): parts, video_id_of(0): parts})
    shown = re.findall(r'<article id="video-([0-9a-f]+)">', page)
    assert shown == [video_id_of(0).hex(), video_id_of(2).hex()]
    assert page.count('<img src="data:image/jpeg;base64,') == 6
    assert data_of(page)["pictured"] == {"0": video_id_of(0).hex(), "2": video_id_of(2).hex()}


def test_a_run_without_a_summary_has_a_page_too(snapshot):
    page = make_page(collect(snapshot, "run 1"), card={})
    assert "There is no run before." in page
    assert "left no summary" in page


@pytest.mark.parametrize("uri", [*HOSTILE, "s3://bucket/a%41 #1.mp4"])
def test_a_name_is_shown_as_people_read_it(uri):
    shown = shown_name(uri)
    assert shown == uri if uri.startswith("s3://") else shown.startswith("/a/")
    shown.encode()


def test_names_share_what_all_begin_with(snapshot):
    findings = collect(snapshot, "newest")
    same = replace(findings, rows=findings.rows.slice(0, 3))
    data = page_data(same, threshold=0.5)
    assert (data["prefix"], data["names"]) == ("/archive/", ["0.mp4", "1.mp4", "2.mp4"])
    empty = page_data(replace(findings, rows=findings.rows.slice(0, 0)), threshold=0.5)
    assert (empty["prefix"], empty["names"]) == ("", [])
