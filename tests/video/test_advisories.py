"""Which of FFmpeg's known holes a file can reach here."""

import pytest

from gsgmodel.video.advisories import ADVISORIES, known_holes, release_of
from gsgmodel.video.container import DECODERS, FFMPEG_VERSION, FORMATS


def names(advisories):
    return {advisory.name for advisory in advisories}


def test_no_known_hole_can_be_reached_through_what_may_be_opened_here():
    for release in {advisory.last for advisory in ADVISORIES}:
        assert known_holes(release)[0] == []


def test_holes_of_parts_that_are_used_are_told_apart_from_others():
    reachable, shut = known_holes((8, 1, 2), formats=("avi", "hls"), decoders=("tdsc",))
    assert names(reachable) == {"CVE-2026-107697", "CVE-2026-65703"}
    assert names(reachable) | names(shut) == names(ADVISORIES)


def test_a_hole_that_takes_two_parts_is_shut_where_one_is_missing():
    for formats, decoders in ((("avi",), ()), ((), ("tdsc",))):
        assert known_holes((8, 1, 2), formats=formats, decoders=decoders)[0] == []


@pytest.mark.parametrize(
    ("release", "is_in"),
    [((2, 0, 9), False), ((2, 1, 0), True), ((8, 1, 2), True), ((8, 1, 3), False), ((9, 0, 0), False)],
)
def test_a_hole_is_in_the_releases_that_its_record_names(release, is_in):
    found = names(known_holes(release, formats=("vobsub",))[0])
    assert ("CVE-2026-64830" in found) is is_in


def test_a_newer_release_has_no_known_holes():
    assert known_holes((8, 1, 3)) == ([], [])


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("8.1.2", (8, 1, 2)),
        ("n7.1", (7, 1, 0)),
        ("8.1.2-0ubuntu1", (8, 1, 2)),
        ("N-118000-gabcdef", None),
        ("git-2026-11-01", None),
        ("", None),
        ("8", None),
    ],
)
def test_a_release_is_read_from_its_text(version, release):
    assert release_of(version) == release


def test_the_ffmpeg_that_is_here_is_a_release():
    assert release_of(FFMPEG_VERSION) is not None


def test_every_advisory_names_what_it_takes():
    assert all(advisory.formats or advisory.decoders for advisory in ADVISORIES)
    assert all(advisory.first < advisory.last and advisory.text for advisory in ADVISORIES)
    assert "hls" not in FORMATS
    assert "vvc" not in DECODERS
