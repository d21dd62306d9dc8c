"""The S3 API where the store fails, refuses or is not there."""

import os

import pytest

from gsgmodel.archive.s3 import ATTEMPTS, connect, head, list_pages, put, read_range
from gsgmodel.errors import ChangedError, DeniedError, MissingError, UnavailableError
from tests import faults
from tests.servers import free_port


@pytest.mark.parametrize("fault", [faults.SLOW_DOWN, faults.INTERNAL_ERROR])
def test_a_busy_store_is_asked_again_a_few_times(s3, bucket, proxy, fault):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    proxy.add(fault, times=ATTEMPTS - 1)
    assert head(bucket, "a", endpoint=proxy.url).size_bytes == 1
    assert proxy.count() == ATTEMPTS
    proxy.clear()
    proxy.add(fault)
    with pytest.raises(UnavailableError) as caught:
        list(list_pages(bucket, "", endpoint=proxy.url))
    assert fault.code in str(caught.value)
    assert proxy.count() == ATTEMPTS


def test_a_store_that_closes_the_connection_is_asked_again_a_few_times(s3, bucket, proxy):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    proxy.add(faults.LOST_ANSWER, times=ATTEMPTS - 1)
    assert head(bucket, "a", endpoint=proxy.url).size_bytes == 1
    proxy.clear()
    proxy.add(faults.LOST_ANSWER)
    with pytest.raises(UnavailableError, match="Connection was closed"):
        head(bucket, "a", endpoint=proxy.url)
    # The HTTP client tries once more by itself where it used a connection that was open before.
    assert ATTEMPTS <= proxy.count() <= 2 * ATTEMPTS


def test_a_listing_whose_answer_is_cut_is_asked_for_again(s3, bucket, proxy):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    proxy.add(faults.cut(100), times=ATTEMPTS - 1)
    assert [found.key for page in list_pages(bucket, "", endpoint=proxy.url) for found in page] == ["a"]
    proxy.add(faults.cut(100))
    with pytest.raises(UnavailableError):
        list(list_pages(bucket, "", endpoint=proxy.url))


def test_a_range_whose_answer_is_cut_is_asked_for_again(s3, bucket, proxy):
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789")["ETag"].strip('"')
    proxy.add(faults.cut(2), times=ATTEMPTS - 1)
    assert read_range(bucket, "a", 0, 10, etag=etag, endpoint=proxy.url) == b"0123456789"
    assert proxy.count() == ATTEMPTS
    proxy.add(faults.cut(2))
    with pytest.raises(UnavailableError, match="cut while reading"):
        read_range(bucket, "a", 0, 10, etag=etag, endpoint=proxy.url)
    assert proxy.count() == 2 * ATTEMPTS


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (faults.ACCESS_DENIED, DeniedError, "Access Denied (AccessDenied)"),
        (faults.EXPIRED_TOKEN, DeniedError, "The provided token has expired. (ExpiredToken)"),
        (faults.EXPIRED_TOKEN_403, DeniedError, "The security token has expired. (ExpiredToken)"),
        (faults.PERMANENT_REDIRECT, UnavailableError, "another region, set AWS_REGION: The bucket you"),
    ],
)
def test_a_refusal_has_its_reason_even_where_the_answer_has_no_body(bucket, proxy, fault, kind, words):
    proxy.add(fault)
    for ask in (
        lambda: head(bucket, "a", endpoint=proxy.url),
        lambda: list(list_pages(bucket, "", endpoint=proxy.url)),
        lambda: read_range(bucket, "a", 0, 1, etag="x", endpoint=proxy.url),
        lambda: put(bucket, "a", b"x", endpoint=proxy.url),
    ):
        with pytest.raises(kind) as caught:
            ask()
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_refusal_stays_one_where_the_reason_cannot_be_had(s3, bucket, proxy):
    for content in (b"x", b""):
        s3.put_object(Bucket=bucket, Key="a", Body=content)
        proxy.clear()
        proxy.add(faults.ACCESS_DENIED, method="HEAD")
        with pytest.raises(DeniedError, match="403"):
            head(bucket, "a", endpoint=proxy.url)


def test_what_is_not_there_is_missing(bucket, s3_environment):
    for where, key in ((bucket, "nothing"), ("no-such-bucket", "a")):
        with pytest.raises(MissingError):
            head(where, key, endpoint=s3_environment)
        with pytest.raises(MissingError):
            read_range(where, key, 0, 1, etag="x", endpoint=s3_environment)
    with pytest.raises(MissingError, match="The specified bucket does not exist"):
        list(list_pages("no-such-bucket", "", endpoint=s3_environment))


@pytest.mark.usefixtures("s3_environment", "no_waits")
def test_a_store_that_is_down_is_unavailable():
    endpoint = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(UnavailableError, match="Could not connect to the endpoint"):
        head("bucket", "a", endpoint=endpoint)


def test_without_credentials_nothing_is_sent(bucket, proxy, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    with pytest.raises(DeniedError, match="no credentials in the environment"):
        head(bucket, "a", endpoint=proxy.url)
    assert proxy.count() == 0


def test_a_range_of_an_object_that_was_wrongly_said_to_be_replaced_is_asked_for_again(s3, bucket, proxy):
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789")["ETag"].strip('"')
    proxy.add(faults.PRECONDITION_FAILED, method="GET", times=ATTEMPTS - 1)
    assert read_range(bucket, "a", 0, 10, etag=etag, endpoint=proxy.url) == b"0123456789"
    proxy.add(faults.PRECONDITION_FAILED, method="GET")
    with pytest.raises(ChangedError):
        read_range(bucket, "a", 0, 10, etag=etag, endpoint=proxy.url)
    proxy.clear()
    with pytest.raises(ChangedError):
        read_range(bucket, "a", 0, 10, etag="other", endpoint=proxy.url)
    assert proxy.count(method="GET") == 1


def test_a_write_that_met_another_one_is_tried_again(s3, bucket, proxy):
    proxy.add(faults.CONFLICT, method="PUT", times=ATTEMPTS - 1)
    assert put(bucket, "a", b"x", endpoint=proxy.url, only_new=True)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
    assert not put(bucket, "a", b"y", endpoint=proxy.url, only_new=True)
    proxy.add(faults.CONFLICT, method="PUT")
    assert not put(bucket, "b", b"x", endpoint=proxy.url, only_new=True)


def test_credentials_that_expire_are_looked_for_anew(s3, bucket, proxy):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    # HEAD, s3fs's question for the bucket's region, and GET.
    proxy.add(faults.EXPIRED_TOKEN, times=3)
    before = connect(proxy.url)
    assert head(bucket, "a", endpoint=proxy.url).size_bytes == 1
    assert connect(proxy.url) is not before
    proxy.clear()
    proxy.add(faults.ACCESS_DENIED)
    with pytest.raises(DeniedError):
        read_range(bucket, "a", 0, 1, etag="x", endpoint=proxy.url)
    assert proxy.count(method="GET") == 1
