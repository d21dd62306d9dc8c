"""URIs, paths and ids of objects."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.archive.identity import canonical_uri, check_endpoint, is_s3, local_path, split_uri, video_id
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


def test_another_scheme_is_refused_in_one_sentence():
    with pytest.raises(ConfigError) as caught:
        local_path("gs://bucket/key.mp4")
    assert str(caught.value) == "gs:// is not supported; accepted: a local path, a file:// or an s3:// URI"
    with pytest.raises(ConfigError, match="gs:// is not supported"):
        canonical_uri("gs://bucket/key.mp4")


def test_an_object_of_s3_has_no_local_path():
    with pytest.raises(ConfigError) as caught:
        local_path("s3://bucket/key.mp4")
    assert str(caught.value) == "'s3://bucket/key.mp4' is not local; accepted here: a local path or file:// URI"


@pytest.mark.parametrize("uri", ["", "file://", "file://host/a.mp4", "file:///a%00b", "a\0b"])
def test_what_names_no_local_file_is_refused(uri):
    with pytest.raises(ConfigError, match="accepted: a local path, a file:// or an s3:// URI"):
        local_path(uri)


@settings(deadline=None)
@given(key=st.text(max_size=40))
def test_a_key_is_kept_as_it_is(key):
    uri = canonical_uri(f"S3://my.bucket-1/{key}")
    assert uri == f"s3://my.bucket-1/{key}"
    assert is_s3(uri)
    assert canonical_uri(uri) == uri
    assert split_uri(uri) == ("my.bucket-1", key)


def test_a_bucket_is_named_with_or_without_a_slash():
    assert canonical_uri("s3://bucket") == canonical_uri("s3://bucket/") == "s3://bucket/"
    assert split_uri("s3://bucket") == ("bucket", "")


@pytest.mark.parametrize("uri", ["s3://", "s3:///key", "s3://a/key", "s3://-x/key", "s3://b c/key", "s3://b\n/key"])
def test_what_names_no_bucket_is_refused(uri):
    with pytest.raises(ConfigError, match="names no bucket; accepted: s3://BUCKET/KEY"):
        canonical_uri(uri)


def test_credentials_in_a_uri_are_refused_and_not_shown():
    for uri in ("s3://me:secret@bucket/key", "s3://secret@bucket/key", "s3://bucket:secret/key"):
        with pytest.raises(ConfigError, match="holds credentials") as caught:
            canonical_uri(uri)
        assert "secret" not in str(caught.value)


def test_a_key_that_is_not_utf_8_is_refused():
    with pytest.raises(ConfigError, match="is not UTF-8"):
        canonical_uri("s3://bucket/" + os.fsdecode(b"\xff.mp4"))


def test_a_video_id_is_what_the_format_says():
    fields = b"\0\0\0\0\0\0\0\x0bfile:///a.b" + b"\0\0\0\0\0\0\0\x02\xc3\xa9" + (258).to_bytes(16, "big")
    assert video_id("file:///a.b", "\u00e9", 258) == hashlib.blake2b(fields, digest_size=16).digest()


def test_a_video_id_never_moves():
    assert video_id("file:///a.mp4", "1700000000000000000", 1234).hex() == "84391fc7a67b72132c9379f4a52e23c3"


def test_the_id_of_an_object_of_s3_never_moves():
    etag = "d41d8cd98f00b204e9800998ecf8427e-2"
    assert video_id("s3://bucket/2026//a%41 \u00e9.mp4", etag, 1234).hex() == "6aae0613a9f888e47814c88825981840"


@settings(deadline=None)
@given(st.lists(st.tuples(FIELDS, FIELDS, st.integers(0, 2**63)), min_size=2, max_size=2, unique=True))
def test_different_versions_have_different_ids(versions):
    assert video_id(*versions[0]) != video_id(*versions[1])


def test_where_a_field_ends_matters():
    assert video_id("ab", "c", 1) != video_id("a", "bc", 1)


def test_a_negative_size_is_a_bug():
    with pytest.raises(ValueError, match="-1"):
        video_id("a", "b", -1)


@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:9000", "https://store.example/", "http://[::1]:9000"])
def test_an_endpoint_is_an_address(endpoint):
    check_endpoint(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    ["", "store:9000", "s3://store", "http://", "http://store/bucket", "http://me:secret@store", "http://a b"],
)
def test_any_other_endpoint_is_refused_without_showing_what_is_secret(endpoint):
    with pytest.raises(ConfigError, match=r"accepted: http\(s\)://HOST\[:PORT\]") as caught:
        check_endpoint(endpoint)
    assert "secret" not in str(caught.value)
