"""Pages: what is written on them stays text, and they load nothing."""

import base64
import gzip
import hashlib
import html
import json
import re

import pytest
from jinja2 import UndefinedError

from gsgmodel.report.page import counted, packed_json, picture_uri, render


def make_page(name="a.mp4", **changes):
    part = {"model": "m", "status": "unreadable", "reason": name, "score": None, "clips": []}
    return render("explain.html", title=name, videos=[{"name": name, "models": [part]}], show_faces=False, **changes)


def policy_of(page):
    return html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])


def test_markup_in_a_name_is_text():
    page = make_page("</title><script>alert(1)</script>\"'")
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") == 4


def test_a_page_without_a_script_runs_none():
    page = make_page()
    assert "script-src 'none'" in policy_of(page)
    assert "default-src 'none'" in policy_of(page)


def test_only_the_pages_own_script_may_run():
    page = make_page(script="report.js", data={"a": 1})
    code = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy_of(page)
    # Nothing in it ends the element, or makes markup of text.
    assert "innerHTML" not in code
    assert "</" not in code


def test_nothing_is_loaded_from_anywhere():
    page = make_page(script="report.js", data=[])
    addresses = re.findall(r"(?:src|href|url)\s*=\s*[\"'(]?([a-z]+:[^\"')\s]*)", page)
    assert not addresses
    assert re.findall(r"https?://[^\"'\s]*", page) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize("value", ["</script>", "\u2028", "\ud800", "\U0001f600", {"a": [None, 1.5]}])
def test_data_is_letters_that_mean_nothing_in_markup(value):
    packed = packed_json(value)
    assert re.fullmatch(r"[A-Za-z0-9+/=]*", packed)
    found = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert found == ("?" if value == "\ud800" else value)


def test_numbers_that_json_does_not_have_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        packed_json(float("nan"))


def test_a_value_that_a_template_misses_is_an_error():
    with pytest.raises(UndefinedError):
        render("explain.html", title="t", videos=[])


def test_small_parts():
    assert counted({"a": 1, "b": 2000}) == "b 2,000, a 1"
    assert counted({}) == "none"
    assert picture_uri(b"\xff") == "data:image/jpeg;base64,/w=="
