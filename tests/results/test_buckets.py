"""Prefixes of buckets, and what a probe finds out about a store."""

import pytest

from gsgmodel.errors import ChangedError, ConfigError, DeniedError
from gsgmodel.results.buckets import S3Place
from tests.faults import ACCESS_DENIED, Fault, faulty

NOT_IMPLEMENTED = Fault(status=501, code="NotImplemented", message="A header implies what is not implemented.")
NO_FAULT = Fault()


@pytest.mark.parametrize("prefix", ["", "a", "a/b #? c"])
def test_any_prefix_of_a_bucket_is_a_place(s3, bucket, s3_environment, prefix):
    place = S3Place(bucket, prefix, s3_environment)
    (place / "videos").write("x", b"1")
    key = f"{prefix}/videos/x" if prefix else "videos/x"
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert place.names() == {"videos"}
    assert (place / "videos").file_uri("x") == f"s3://{bucket}/{key}"


def test_a_mark_of_a_folder_is_nothing_in_it(s3, bucket, s3_environment):
    s3.put_object(Bucket=bucket, Key="a/")
    assert S3Place(bucket, "a", s3_environment).names() == set()


def test_a_store_that_replaces_what_is_there_is_found_out(s3, bucket, s3_server):
    with faulty(s3_server) as proxy:
        proxy.add(Fault(drop="if-none-match"))
        assert not S3Place(bucket, "a", proxy.url).probe()
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_store_that_refuses_conditions_is_one_sentence(s3, bucket, s3_server):
    with faulty(s3_server) as proxy:
        proxy.add(NO_FAULT, method="PUT", times=1)
        proxy.add(NOT_IMPLEMENTED, method="PUT")
        with pytest.raises(ConfigError, match=r"--output .* refuses conditional writes: .* If-None-Match"):
            S3Place(bucket, "a", proxy.url).probe()
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_role_that_may_not_delete_can_write(bucket, s3_server):
    with faulty(s3_server) as proxy:
        proxy.add(ACCESS_DENIED, method="DELETE")
        assert S3Place(bucket, "a", proxy.url).probe()


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_a_role_that_may_not_write_or_list_cannot(bucket, s3_server, method):
    with faulty(s3_server) as proxy:
        proxy.add(ACCESS_DENIED, method=method)
        with pytest.raises(DeniedError):
            S3Place(bucket, "a", proxy.url).probe()


def test_a_small_object_that_is_replaced_between_two_requests_is_read_all_the_same(bucket, s3_environment, monkeypatch):
    place, calls = S3Place(bucket, "out", s3_environment), []

    def read(*_args, **_how):
        calls.append(1)
        if len(calls) < 3:
            raise ChangedError("replaced")
        return b"x"

    monkeypatch.setattr("gsgmodel.results.buckets.read_whole", read)
    assert place.read("a") == b"x"
    calls.clear()
    monkeypatch.setattr("gsgmodel.results.buckets.READ_ATTEMPTS", 2)
    with pytest.raises(ChangedError):
        place.read("a")
