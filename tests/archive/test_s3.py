"""The S3 API against a real server over HTTP, behind a proxy that fails on demand."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from gsgmodel.archive import s3 as store
from gsgmodel.archive.s3 import (
    S3Object,
    call,
    connect,
    delete,
    head,
    list_pages,
    put,
    read_range,
    read_whole,
)
from gsgmodel.errors import (
    ChangedError,
    TooLargeError,
    VideoError,
)
from tests import faults
from tests.archive.odd_keys import ODD_KEYS


@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_key_is_what_it_is(s3, bucket, s3_environment, key):
    s3.put_object(Bucket=bucket, Key=key, Body=b"theirs")
    (page,) = list_pages(bucket, "", endpoint=s3_environment)
    assert [found.key for found in page] == [key]
    assert head(bucket, key, endpoint=s3_environment) == page[0]
    assert read_whole(bucket, key, endpoint=s3_environment) == b"theirs"
    assert put(bucket, key, b"ours", endpoint=s3_environment)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"ours"
    delete(bucket, key, endpoint=s3_environment)
    assert list(list_pages(bucket, "", endpoint=s3_environment)) == [[]]


def test_an_object_is_described_as_the_store_does(s3, bucket, s3_environment):
    s3.put_object(Bucket=bucket, Key="a.mp4", Body=b"12345")
    theirs = s3.head_object(Bucket=bucket, Key="a.mp4")
    expected = S3Object(
        key="a.mp4",
        etag=theirs["ETag"].strip('"'),
        size_bytes=5,
        last_modified_s=theirs["LastModified"].timestamp(),
    )
    assert head(bucket, "a.mp4", endpoint=s3_environment) == expected
    assert abs(datetime.now(UTC).timestamp() - expected.last_modified_s) < 60


@pytest.mark.parametrize("page_keys", [1, 7, 1000])
def test_a_listing_is_read_page_by_page(s3, bucket, proxy, monkeypatch, page_keys):
    monkeypatch.setattr(store, "PAGE_KEYS", page_keys)
    for number in range(20):
        s3.put_object(Bucket=bucket, Key=f"in/{number:02}", Body=b"x")
    s3.put_object(Bucket=bucket, Key="out", Body=b"x")
    pages = list_pages(bucket, "in/", endpoint=proxy.url)
    assert proxy.count() == 0
    first = next(pages)
    assert proxy.count() == 1
    assert len(first) == min(20, page_keys)
    assert [found.key for page in [first, *pages] for found in page] == [f"in/{number:02}" for number in range(20)]
    assert proxy.count() == -(-20 // page_keys)


@pytest.mark.parametrize(("most", "requests"), [(0, 0), (1, 1), (7, 1), (10, 2), (99, 3)])
def test_a_listing_asks_for_no_more_than_wanted(s3, bucket, proxy, monkeypatch, most, requests):
    monkeypatch.setattr(store, "PAGE_KEYS", 7)
    for number in range(20):
        s3.put_object(Bucket=bucket, Key=f"{number:02}", Body=b"x")
    found = [item for page in list_pages(bucket, "", endpoint=proxy.url, most=most) for item in page]
    assert len(found) == min(most, 20)
    assert proxy.count() == requests


def test_a_range_is_of_one_version(s3, bucket, s3_environment):
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789")["ETag"].strip('"')
    assert read_range(bucket, "a", 3, 7, etag=etag, endpoint=s3_environment) == b"3456"
    assert read_range(bucket, "a", 9, 10, etag=etag, endpoint=s3_environment) == b"9"
    s3.put_object(Bucket=bucket, Key="a", Body=b"9876543210")
    with pytest.raises(ChangedError, match="PreconditionFailed"):
        read_range(bucket, "a", 3, 7, etag=etag, endpoint=s3_environment)


def test_a_store_that_ignores_conditions_does_not_pass_off_another_version(s3, bucket, proxy):
    proxy.add(faults.IGNORE_IF_MATCH)
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789")["ETag"].strip('"')
    assert read_range(bucket, "a", 3, 7, etag=etag, endpoint=proxy.url) == b"3456"
    s3.put_object(Bucket=bucket, Key="a", Body=b"9876543210")
    with pytest.raises(ChangedError, match="replaced since it was listed"):
        read_range(bucket, "a", 3, 7, etag=etag, endpoint=proxy.url)


def test_an_object_shorter_than_listed_has_changed(s3, bucket, s3_environment):
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"0123")["ETag"].strip('"')
    with pytest.raises(ChangedError, match="4 bytes came where 6"):
        read_range(bucket, "a", 0, 6, etag=etag, endpoint=s3_environment)
    with pytest.raises(ChangedError, match="InvalidRange"):
        read_range(bucket, "a", 8, 9, etag=etag, endpoint=s3_environment)


def test_content_is_not_decoded(s3, bucket, s3_environment):
    s3.put_object(Bucket=bucket, Key="a", Body=b"\x1f\x8bx", ContentEncoding="gzip")
    assert read_whole(bucket, "a", endpoint=s3_environment) == b"\x1f\x8bx"


def test_a_whole_object_is_read_by_parts_and_up_to_a_bound(s3, bucket, proxy, monkeypatch):
    monkeypatch.setattr(store, "PART_BYTES", 4)
    s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
    assert read_whole(bucket, "a", endpoint=proxy.url, most_bytes=10) == b"0123456789"
    assert (proxy.count(method="HEAD"), proxy.count(method="GET")) == (1, 3)
    with pytest.raises(TooLargeError, match="10 bytes; accepted: at most 9"):
        read_whole(bucket, "a", endpoint=proxy.url, most_bytes=9)
    s3.put_object(Bucket=bucket, Key="a", Body=b"")
    assert read_whole(bucket, "a", endpoint=proxy.url) == b""


def test_only_a_new_object_is_written_where_asked_for(bucket, s3_environment):
    assert put(bucket, "a", b"1", endpoint=s3_environment, only_new=True)
    assert not put(bucket, "a", b"2", endpoint=s3_environment, only_new=True)
    assert read_whole(bucket, "a", endpoint=s3_environment) == b"1"
    assert put(bucket, "a", b"3", endpoint=s3_environment)
    assert read_whole(bucket, "a", endpoint=s3_environment) == b"3"


def test_a_write_whose_answer_is_lost_is_not_new_any_more(bucket, proxy):
    proxy.add(faults.LOST_ANSWER, method="PUT", times=1)
    assert not put(bucket, "a", b"1", endpoint=proxy.url, only_new=True)
    assert read_whole(bucket, "a", endpoint=proxy.url) == b"1"


def test_what_is_not_there_is_deleted_without_an_error(bucket, s3_environment):
    delete(bucket, "nothing", endpoint=s3_environment)


def test_many_threads_share_a_client(s3, bucket, proxy):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda _: head(bucket, "a", endpoint=proxy.url), range(200)))
    assert len(set(found)) == 1
    assert proxy.count() == 200


def test_a_forked_child_has_a_client_of_its_own(bucket, s3_environment):
    put(bucket, "a", b"x", endpoint=s3_environment)
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if read_whole(bucket, "a", endpoint=s3_environment) == b"x" else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert connect(s3_environment) is connect(s3_environment)


def test_a_bug_is_not_an_unavailable_store(s3_environment):
    with pytest.raises(AttributeError):
        call(s3_environment, "no_such_operation")
    with pytest.raises(VideoError, match="Invalid bucket name"):
        call(s3_environment, "list_objects_v2", Bucket="not a bucket")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
    ],
)
@pytest.mark.usefixtures("s3_environment")
def test_the_region_comes_from_either_variable(monkeypatch, environment, expected):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert connect(None).s3.meta.region_name == expected
