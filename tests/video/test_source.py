"""What stands between FFmpeg and the caller's file."""

import io

import pytest

from gsgmodel.errors import DecodeTimeoutError, TooLargeError, UnavailableError
from gsgmodel.video.limits import DecodeClock
from gsgmodel.video.source import CountedSource


def wrap(file, *, max_bytes=1000, max_s=1e9):
    return CountedSource(file, clock=DecodeClock(max_s=max_s), max_bytes=max_bytes)


class Failing(io.BytesIO):
    def read(self, _size=-1, /):
        raise UnavailableError("the store is down")


class Generous(io.BytesIO):
    def read(self, size=-1, /):
        return super().read(size + 1)


def test_bytes_are_counted_and_the_size_is_known():
    source = wrap(io.BytesIO(b"0123456789"))
    assert (source.size_bytes, source.read(4), source.read(100)) == (10, b"0123", b"456789")
    assert source.bytes_read == source.tell() == 10


def test_a_place_before_the_start_is_refused_without_asking_the_file():
    source = wrap(io.BytesIO(b"0123456789"))
    source.seek(3)
    assert source.seek(-1) == -1
    assert source.seek(-20, io.SEEK_END) == -1
    source.check()
    assert source.read(1) == b"3"


@pytest.mark.parametrize(
    ("offset", "whence", "place"), [(4, io.SEEK_SET, 4), (2, io.SEEK_CUR, 4), (-3, io.SEEK_END, 7)]
)
def test_seeking_counts_from_start_position_or_end(offset, whence, place):
    source = wrap(io.BytesIO(b"0123456789"))
    source.read(2)
    assert source.seek(offset, whence) == source.tell() == place
    assert source.read(1) == str(place).encode()


def test_what_the_file_raises_is_kept_for_later():
    source = wrap(Failing(b"abc"))
    with pytest.raises(UnavailableError):
        source.read(1)
    with pytest.raises(UnavailableError, match="the store is down"):
        source.check()


def test_more_bytes_than_asked_for_never_reach_pyav_which_would_write_past_its_buffer():
    source = wrap(Generous(b"0123456789"))
    with pytest.raises(OSError, match="5 bytes where 4"):
        source.read(4)


def test_reading_ends_at_the_limit_until_it_is_lifted():
    source = wrap(io.BytesIO(bytes(100)), max_bytes=10)
    source.read(10)
    with pytest.raises(TooLargeError):
        source.read(1)
    lifted = wrap(io.BytesIO(bytes(100)), max_bytes=10)
    lifted.max_bytes = None
    assert len(lifted.read(100)) == 100


def test_reading_ends_when_the_time_is_used_up():
    with pytest.raises(DecodeTimeoutError):
        wrap(io.BytesIO(bytes(10)), max_s=-1).read(1)


def test_a_raw_file_that_has_nothing_right_now_gives_nothing():
    class Empty(io.BytesIO):
        def read(self, _size=-1, /):
            return None

    assert wrap(Empty(b"abc")).read(2) == b""


def test_a_file_that_wants_to_know_is_told_what_will_be_read_of_it():
    class Expecting(io.BytesIO):
        def expect(self, ranges):
            self.expected = ranges

    file = Expecting(bytes(10))
    wrap(file).expect([(0, 4), (6, 30), (12, 20)])
    assert file.expected == [(0, 4), (6, 10)]
    wrap(io.BytesIO(bytes(10))).expect([(0, 4)])
