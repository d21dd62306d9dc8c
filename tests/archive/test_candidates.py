"""What is a candidate by its name, and what is not and why."""

import pytest

from gsgmodel.archive.candidates import VIDEO_SUFFIXES, LeftOut, failed, judge, reference, suffix_of, why_not
from gsgmodel.archive.conditions import Filters, parse_filters
from gsgmodel.archive.identity import video_id
from gsgmodel.errors import ChangedError, DeniedError, MissingError, UnavailableError

FOUND = reference("s3://bucket/A.MP4", etag="e", size_bytes=5, last_modified_s=1000.0)


@pytest.mark.parametrize(
    ("relative", "globs", "reason"),
    [
        ("a.mp4", (), ""),
        ("d/a.MKV", (), ""),
        ("upload", (), ""),
        ("d.x/upload", (), ""),
        ("dots...", (), ""),
        ("a.txt", (), "suffix"),
        (".a.mp4", (), "hidden"),
        (".git/a.mp4", (), "hidden"),
        ("d/.git/e/a.txt", (), "hidden"),
        ("a/../b.mp4", (), "hidden"),
        ("/a.mp4", (), ""),
        ("a//b.mp4", (), ""),
        (".git/a.txt", ("*.txt",), ""),
        ("d/a.mp4", ("a*",), ""),
        ("d/a.mp4", ("d/*",), ""),
        ("d/a.mp4", ("*.mov", "*.mp4"), ""),
        ("d/a.mp4", ("*.MP4",), "filter"),
        ("d/a.mp4", ("d",), "filter"),
    ],
)
def test_globs_alone_decide_or_else_dots_and_suffixes(relative, globs, reason):
    assert why_not(relative, globs=globs) == reason


def test_a_reference_has_the_id_of_its_version():
    assert FOUND.video_id == video_id("s3://bucket/A.MP4", "e", 5)


def test_a_candidate_is_what_no_reason_and_no_condition_speaks_against():
    assert judge(FOUND, name="A.MP4", filters=Filters()) is FOUND
    assert judge(FOUND, name="A.MP4", filters=parse_filters(["size<6", "age<1h"], now_s=2000.0)) is FOUND


@pytest.mark.parametrize(
    ("filters", "reason", "expected"),
    [(["size<5"], "", "size"), (["age<1m"], "", "age"), (["size<5"], "hidden", "hidden"), ([], "suffix", "suffix")],
)
def test_a_reason_by_name_comes_before_conditions(filters, reason, expected):
    judged = judge(FOUND, name="A.MP4", filters=parse_filters(filters, now_s=2000.0), reason=reason)
    assert judged == LeftOut(uri=FOUND.uri, size_bytes=5, reason=expected, suffix=".mp4")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MissingError("x"), "missing"),
        (DeniedError("x"), "denied"),
        (UnavailableError("x"), "unavailable"),
        (ChangedError("x"), "unavailable"),
    ],
)
def test_what_cannot_be_looked_at_says_why(error, reason):
    assert failed("s3://bucket/a.mov", error, name="a.mov") == LeftOut(
        uri="s3://bucket/a.mov", size_bytes=0, reason=reason, suffix=".mov"
    )


def test_suffixes_are_lower_case_and_start_with_a_dot():
    assert all(suffix == suffix_of(f"a{suffix}") for suffix in VIDEO_SUFFIXES)
