"""The pages in a real browser: they open from disk, load nothing, can be used, and every part has a name."""

import re
import shutil
import time

import pyarrow as pa
import pytest

from gsgmodel.report.collect import collect
from gsgmodel.report.explanation import clip_parts, explanation_page
from gsgmodel.report.report import report_page
from gsgmodel.results.table import VideoTable
from jobs.report import app
from jobs.terminal import run_app
from tests.report.conftest import HOSTILE, make_video, output, snapshot
from tests.results.conftest import make_row, video_id_of

__all__ = ["output", "snapshot"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WAIT_MS = 60_000
MOST_BYTES, MOST_S = 20e6, 60.0


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("needs Chromium, which is not there (on Debian: apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        # Without its sandbox it also starts for root and in containers; only our own pages are opened.
        opened = tool.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Open a page from disk; at the end nothing was complained of, asked for or sent."""
    seen = {"said": [], "asked": []}
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.on("console", lambda message: seen["said"].append(message.text))
    page.on("pageerror", lambda error: seen["said"].append(str(error)))
    page.on("dialog", lambda dialog: (seen["said"].append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: seen["asked"].append(request.url))

    def open_page(text):
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        page.goto(path.as_uri())
        return page

    yield open_page
    context.close()
    assert seen["said"] == []
    assert [url for url in seen["asked"] if not url.startswith(("data:", "file:///"))] == []
    assert len([url for url in seen["asked"] if url.startswith("file:")]) <= 1


@pytest.fixture
def report(snapshot):
    parts = clip_parts(make_video(), show_faces=False)
    return report_page(
        collect(snapshot, "newest"),
        pictures={video_id_of(0): parts},
        card={"data": "made"},
        threshold=None,
        show_faces=False,
    )


def column(page, number):
    return page.locator(f"#table tbody tr td:nth-child({number})").all_inner_texts()


def faults_of(page):
    """What the checker of accessibility finds: names, contrast, roles."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]


def test_the_threshold_moves_and_counts_follow(visit, report):
    page = visit(report)
    page.wait_for_selector("#table tbody tr")
    assert page.inner_text("#at-threshold") == "3 of 3 at 0.5 or above (100.0 %)"
    page.fill("#threshold-number", "0.95")
    assert page.inner_text("#at-threshold") == "0 of 3 at 0.95 or above (0.0 %)"
    assert page.inner_text("#flagged") == "0"
    assert page.input_value("#threshold") == "0.95"
    page.focus("#threshold")
    page.keyboard.press("Home")
    assert page.inner_text("#flagged") == "3"
    assert page.input_value("#threshold-number") == "0"


def test_the_table_is_filtered_sorted_and_opened_with_the_keyboard(visit, report):
    page = visit(report)
    page.wait_for_selector("#table tbody tr")
    assert page.inner_text("#shown") == "8 of 8 videos"
    page.fill("#filter", "ARCHIVE/1")
    assert column(page, 2) == ["/archive/1.mp4"]
    page.fill("#filter", "onerror")
    assert page.inner_text("#shown") == "5 of 8 videos"
    page.fill("#filter", "")
    page.select_option("#status", "scored")
    page.click("#table th:nth-child(2) button")
    assert column(page, 2) == ["/archive/0.mp4", "/archive/1.mp4", "/archive/2.mp4"]
    page.click("#table th:nth-child(2) button")
    assert column(page, 2)[0] == "/archive/2.mp4"
    assert page.get_attribute("#table th:nth-child(2)", "aria-sort") == "descending"
    page.select_option("#verdict", "real")
    assert page.inner_text("#shown") == "0 of 8 videos"
    page.select_option("#verdict", "fake")
    page.locator("#table tbody tr button").nth(2).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#detail[open]")
    assert page.inner_text("#detail-title") == "/archive/0.mp4"
    assert page.locator("#detail svg rect").count() == 1
    page.click("#detail a")
    assert page.locator("#detail[open]").count() == 0
    assert page.url.endswith(f"#video-{video_id_of(0).hex()}")


def test_escape_closes_a_video(visit, report):
    page = visit(report)
    page.click("#table tbody tr button")
    page.wait_for_selector("#detail[open]")
    page.keyboard.press("Escape")
    assert page.locator("#detail[open]").count() == 0


def test_what_somebody_called_a_file_is_text(visit, report):
    page = visit(report)
    page.select_option("#status", "unreadable")
    names = column(page, 2)
    assert len(names) == len(HOSTILE)
    assert "/a/<script>alert(1)</script>.mp4" in names
    assert page.locator("#table img").count() == 0
    page.locator("#table tbody tr button").first.click()
    assert "<img src=x onerror=alert(1)>" in page.inner_text("#detail-body")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_part_has_a_name_and_enough_contrast(visit, report, scheme):
    page = visit(report)
    page.emulate_media(color_scheme=scheme)
    page.wait_for_selector("#table tbody tr")
    assert faults_of(page) == []
    page.click("#table tbody tr button")
    assert faults_of(page) == []


def test_dark_and_light_can_be_chosen(visit, report):
    page = visit(report)
    page.emulate_media(color_scheme="light")
    shade = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0] < 128"
    assert not page.evaluate(shade)
    page.click("#theme")
    assert page.evaluate(shade)
    assert faults_of(page) == []
    page.click("#theme")
    assert not page.evaluate(shade)


def test_a_page_of_explanations_opens_and_shows_its_pictures(visit):
    page = visit(explanation_page({HOSTILE[0]: [make_video()]}, thresholds={"m": 0.5}, show_faces=False))
    assert page.locator("img").count() == 3
    assert page.evaluate("[...document.images].every((each) => each.complete && each.naturalWidth > 0)")
    assert faults_of(page) == []


def test_a_narrow_window_does_not_scroll_sideways(visit, report):
    page = visit(report)
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_selector("#table tbody tr")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


@pytest.mark.timeout(300)
def test_a_report_of_100_000_videos_is_made_in_time_small_and_stays_usable(visit, tmp_path):
    table = VideoTable.open_or_create(str(tmp_path / "out"))
    schema = table.rows().schema
    for start in range(0, 100_000, 20_000):
        made = [
            make_row(
                number,
                uri=f"s3://archive/{number % 365:03d}/{video_id_of(number).hex()}.mp4",
                score=(number % 997) / 997,
            )
            for number in range(start, start + 20_000)
        ]
        table.append(pa.Table.from_pylist(made, schema=schema), key="s")
    file = tmp_path / "report.html"
    started_s = time.monotonic()
    assert run_app(app, ["--output", str(tmp_path / "out"), "--html", str(file), "--no-pictures"]) == 0
    took_s = time.monotonic() - started_s
    size = file.stat().st_size
    assert took_s < MOST_S
    assert size < MOST_BYTES
    page = visit(file.read_text())
    page.wait_for_selector("#table tbody tr")
    acts = {
        "filter": lambda: page.fill("#filter", "archive/12"),
        "threshold": lambda: page.fill("#threshold-number", "0.9"),
        "sort": lambda: page.click("#table th:nth-child(2) button"),
    }
    for name, act in acts.items():
        began_s = time.monotonic()
        act()
        assert re.match(r"[\d,]+ of 100,000 videos", page.inner_text("#shown"))
        assert time.monotonic() - began_s < 10, name
