"""URIs, paths and ids of objects."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.archive.identity import canonical_uri, local_path, video_id
from gsgmodel.errors import ConfigError

NAMES = st.binary(min_size=1, max_size=40).filter(lambda name: b"/" not in name and b"\0" not in name)
FIELDS = st.text(max_size=20)


@settings(deadline=None)
@given(parts=st.lists(NAMES.filter(lambda name: name not in {b".", b".."}), min_size=1, max_size=4))
def test_every_name_that_a_disk_can_hold_has_one_ascii_uri(parts):
    path = Path("/" + os.fsdecode(b"/".join(parts)))
    uri = canonical_uri(str(path))
    assert uri.isascii()
    assert uri.isprintable()
    assert local_path(uri) == path
    assert canonical_uri(uri) == uri


@settings(deadline=None)
@given(names=st.lists(NAMES, min_size=2, max_size=2, unique=True))
def test_different_names_have_different_uris(names):
    first, second = (local_path("/a/" + os.fsdecode(name)) for name in names)
    assert (canonical_uri(first) == canonical_uri(second)) == (first == second)


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("/a/b c.mp4", "file:///a/b%20c.mp4"),
        ("/a/100%41#?&.mp4", "file:///a/100%2541%23%3F%26.mp4"),
        ("/a/-x\n.mp4", "file:///a/-x%0A.mp4"),
        ("//a///b/./c.mp4", "file:///a/b/c.mp4"),
        ("FILE://localhost/a/b%20c.mp4", "file:///a/b%20c.mp4"),
        ("file:///a/b#c?d.mp4", "file:///a/b%23c%3Fd.mp4"),
    ],
)
def test_spellings_of_one_name_become_its_canonical_uri(name, uri):
    assert canonical_uri(name) == uri


def test_a_relative_name_is_of_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert local_path("-x.mp4") == tmp_path / "-x.mp4"
    assert local_path("../x.mp4") == tmp_path.parent / "x.mp4"


def test_links_are_kept_but_two_dots_go_where_the_link_leads(tmp_path):
    (tmp_path / "deep" / "folder").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "folder")
    assert local_path(f"{tmp_path}/link/x.mp4") == tmp_path / "link" / "x.mp4"
    assert local_path(f"{tmp_path}/link/../x.mp4") == tmp_path / "deep" / "x.mp4"
    assert local_path(f"{tmp_path}/link/..") == tmp_path / "deep"


def test_s3_is_refused_in_one_sentence():
    with pytest.raises(ConfigError) as caught:
        local_path("s3://bucket/key.mp4")
    assert str(caught.value) == "s3:// is not supported in this version; accepted: a local path or file:// URI"


@pytest.mark.parametrize("uri", ["", "file://", "file://host/a.mp4", "file:///a%00b", "a\0b"])
def test_what_names_no_local_file_is_refused(uri):
    with pytest.raises(ConfigError, match="accepted: a local path or file:// URI"):
        local_path(uri)


def test_a_video_id_is_what_the_format_says():
    fields = b"\0\0\0\0\0\0\0\x0bfile:///a.b" + b"\0\0\0\0\0\0\0\x02\xc3\xa9" + (258).to_bytes(16, "big")
    assert video_id("file:///a.b", "\u00e9", 258) == hashlib.blake2b(fields, digest_size=16).digest()


def test_a_video_id_never_moves():
    assert video_id("file:///a.mp4", "1700000000000000000", 1234).hex() == "84391fc7a67b72132c9379f4a52e23c3"


@settings(deadline=None)
@given(st.lists(st.tuples(FIELDS, FIELDS, st.integers(0, 2**63)), min_size=2, max_size=2, unique=True))
def test_different_versions_have_different_ids(versions):
    assert video_id(*versions[0]) != video_id(*versions[1])


def test_where_a_field_ends_matters():
    assert video_id("ab", "c", 1) != video_id("a", "bc", 1)


def test_a_negative_size_is_a_bug():
    with pytest.raises(ValueError, match="-1"):
        video_id("a", "b", -1)
