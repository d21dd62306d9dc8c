"""Objects of S3 read by blocks, pinned to what was listed."""

import io
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gsgmodel.archive import pinned
from gsgmodel.archive.identity import video_id
from gsgmodel.archive.pinned import BLOCKS_KEPT, S3Source
from gsgmodel.archive.reading import ObjectReader
from gsgmodel.archive.s3 import ATTEMPTS, head
from gsgmodel.errors import ChangedError, DeniedError, MissingError, UnavailableError
from gsgmodel.records import VideoRef
from tests import faults

BLOCK = 100
CONTENT = bytes(range(256)) * 4


def stored(s3, bucket, endpoint, content=CONTENT, key="a.mp4") -> VideoRef:
    s3.put_object(Bucket=bucket, Key=key, Body=content)
    found, uri = head(bucket, key, endpoint=endpoint), f"s3://{bucket}/{key}"
    return VideoRef(
        uri=uri,
        etag=found.etag,
        size_bytes=found.size_bytes,
        last_modified_s=found.last_modified_s,
        video_id=video_id(uri, found.etag, found.size_bytes),
    )


def opened(ref, endpoint) -> ObjectReader:
    return ObjectReader(S3Source(ref, s3_endpoint=endpoint, block_bytes=BLOCK), ref.size_bytes)


STEPS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=25)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=50), block=st.integers(1, 60), steps=STEPS)
def test_reads_anywhere_are_the_bytes(monkeypatch, content, block, steps):
    monkeypatch.setattr(pinned, "read_range", lambda *place, **_: content[place[2] : place[3]])
    ref = VideoRef(uri="s3://bucket/a", etag="e", size_bytes=len(content), last_modified_s=0.0, video_id=b"")
    source = S3Source(ref, s3_endpoint=None, block_bytes=block)
    with io.BufferedReader(ObjectReader(source, len(content)), buffer_size=8) as ours:
        other = io.BytesIO(content)
        for place, count in steps:
            assert ours.seek(place) == other.seek(place)
            assert ours.read(count) == other.read(count)


def test_a_read_across_blocks_comes_whole_as_from_a_disk(s3, bucket, s3_environment):
    ref = stored(s3, bucket, s3_environment)
    with opened(ref, s3_environment) as reader:
        reader.seek(BLOCK - 5)
        assert reader.read(3 * BLOCK) == CONTENT[BLOCK - 5 : 4 * BLOCK - 5]
        reader.seek(len(CONTENT) - 7)
        assert reader.read(BLOCK) == CONTENT[-7:]
        source = reader._source
        assert source.read_into(len(CONTENT), memoryview(bytearray(4))) == 0


def test_a_stored_object_is_read_by_blocks_and_a_block_ahead(s3, bucket, proxy):
    ref = stored(s3, bucket, proxy.url)
    proxy.clear()
    with opened(ref, proxy.url) as reader:
        assert proxy.count() == 0
        assert reader.read(10) == CONTENT[:10]
        assert reader.read(10) == CONTENT[10:20]
        assert proxy.count() <= 2
        assert io.BufferedReader(reader).read() == CONTENT[20:]
        assert proxy.count() == -(-len(CONTENT) // BLOCK)


def test_verifying_costs_no_request(s3, bucket, proxy):
    ref = stored(s3, bucket, proxy.url, b"short")
    with opened(ref, proxy.url) as reader:
        assert reader.read() == b"short"
        before = proxy.count()
        s3.delete_object(Bucket=bucket, Key="a.mp4")
        reader.verify()
        assert proxy.count() == before


def test_an_object_of_no_bytes_is_read_without_a_request(s3, bucket, proxy):
    ref = stored(s3, bucket, proxy.url, b"")
    proxy.clear()
    with opened(ref, proxy.url) as reader:
        assert reader.read(10) == b""
        reader.verify()
    assert proxy.count() == 0


@pytest.mark.parametrize("fault", [faults.Fault(), faults.IGNORE_IF_MATCH])
@pytest.mark.parametrize("content", [CONTENT[::-1], CONTENT[:500], CONTENT + b"more"])
def test_an_object_replaced_while_it_is_read_has_changed(s3, bucket, proxy, fault, content):
    ref = stored(s3, bucket, proxy.url)
    proxy.add(fault)
    with opened(ref, proxy.url) as reader:
        assert reader.read(10) == CONTENT[:10]
        s3.put_object(Bucket=bucket, Key="a.mp4", Body=content)
        with pytest.raises(ChangedError):
            io.BufferedReader(reader).read()


def test_an_object_replaced_by_equal_bytes_is_the_same_version(s3, bucket, s3_environment):
    ref = stored(s3, bucket, s3_environment)
    with opened(ref, s3_environment) as reader:
        s3.put_object(Bucket=bucket, Key="a.mp4", Body=CONTENT)
        assert reader.read(10) == CONTENT[:10]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.SLOW_DOWN, UnavailableError),
        (faults.INTERNAL_ERROR, UnavailableError),
        (faults.cut(10), UnavailableError),
        (faults.ACCESS_DENIED, DeniedError),
        (faults.EXPIRED_TOKEN, DeniedError),
    ],
)
@pytest.mark.parametrize("is_ahead", [False, True])
def test_a_failure_keeps_its_type_also_where_the_block_was_read_ahead(s3, bucket, proxy, fault, kind, is_ahead):
    ref = stored(s3, bucket, proxy.url)
    with opened(ref, proxy.url) as reader:
        if is_ahead:
            assert reader.read(10) == CONTENT[:10]
            while proxy.count(method="GET") < 2:
                threading.Event().wait(0.01)
        proxy.add(fault)
        with pytest.raises(kind):
            io.BufferedReader(reader).read()


def test_a_failure_that_passes_is_not_seen(s3, bucket, proxy):
    ref = stored(s3, bucket, proxy.url)
    proxy.add(faults.SLOW_DOWN, times=ATTEMPTS - 1)
    proxy.add(faults.cut(10), times=ATTEMPTS - 1)
    with opened(ref, proxy.url) as reader:
        assert io.BufferedReader(reader).read() == CONTENT


def test_an_object_that_is_gone_is_missing(s3, bucket, s3_environment):
    ref = stored(s3, bucket, s3_environment)
    s3.delete_object(Bucket=bucket, Key="a.mp4")
    with opened(ref, s3_environment) as reader, pytest.raises(MissingError):
        reader.read(1)


def test_memory_and_threads_are_bounded_and_given_back(monkeypatch):
    asked: list[int] = []

    def fetch(_bucket, _key, start, stop, **_):
        asked.append(start)
        return bytes(stop - start)

    monkeypatch.setattr(pinned, "read_range", fetch)
    size = 100 * BLOCK
    ref = VideoRef(uri="s3://bucket/a", etag="e", size_bytes=size, last_modified_s=0.0, video_id=b"")
    before = threading.active_count()
    source = S3Source(ref, s3_endpoint=None, block_bytes=BLOCK)
    reader = ObjectReader(source, size)
    while reader.read(37):
        pass
    assert sorted(asked) == list(range(0, size, BLOCK))
    assert source._cache.cache_info().currsize <= BLOCKS_KEPT
    assert threading.active_count() == before + 1
    reader.close()
    reader.close()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("size_bytes", "asked"),
    [(pinned.LARGE_BYTES, pinned.BLOCK_BYTES), (pinned.LARGE_BYTES + 1, pinned.SMALL_BLOCK_BYTES)],
)
def test_of_large_objects_smaller_blocks_are_read(monkeypatch, size_bytes, asked):
    requests = []

    def read_range(*place, **_):
        requests.append((place[2], place[3]))
        return bytes(place[3] - place[2])

    monkeypatch.setattr(pinned, "read_range", read_range)
    uri = "s3://bucket/a.mp4"
    ref = VideoRef(
        uri=uri, etag="e", size_bytes=size_bytes, last_modified_s=0.0, video_id=video_id(uri, "e", size_bytes)
    )
    source = S3Source(ref, s3_endpoint=None)
    assert source.read_into(10, memoryview(bytearray(5))) == 5
    source.close()
    assert requests[0] == (0, asked)


@pytest.fixture
def in_memory(monkeypatch):
    """An object that is read by blocks, and the ranges that were asked for."""
    asked = []

    def read(_bucket, _key, start, stop, **_):
        asked.append((start, stop))
        return CONTENT[start:stop]

    monkeypatch.setattr(pinned, "read_range", read)
    ref = VideoRef(uri="s3://bucket/a", etag="e", size_bytes=len(CONTENT), last_modified_s=0.0, video_id=b"")
    with ObjectReader(S3Source(ref, s3_endpoint=None, block_bytes=BLOCK), len(CONTENT)) as reader:
        yield reader, asked


def test_what_is_expected_comes_as_expected_and_not_by_blocks(in_memory):
    reader, asked = in_memory
    reader.expect([(430, 475), (20_000, 20_010)])
    reader.seek(430)
    assert reader.read(45) == CONTENT[430:475]
    assert asked == [(430, 475)]
    assert reader.read(5) == CONTENT[475:480]
    assert (400, 500) in asked


def test_blocks_that_were_read_are_not_fetched_again_because_they_are_expected(in_memory):
    reader, asked = in_memory
    assert reader.read(10) == CONTENT[:10]
    reader.expect([(0, len(CONTENT))])
    reader.seek(0)
    assert reader.readall() == CONTENT
    assert sum(stop - start for start, stop in asked) == len(CONTENT)
