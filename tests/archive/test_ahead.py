"""What will be read is fetched before it is asked for, and nothing else is."""

import threading
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.archive import ahead as module
from gsgmodel.archive.ahead import GAP_BYTES, PIECE_BYTES, PIECES_AHEAD, PIECES_BEHIND, ReadAhead, pieces_of, without
from gsgmodel.errors import ChangedError

SIZE = 3 * PIECE_BYTES
RANGES = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=8)


class Store:
    """An object whose bytes say where they lie; requests wait while the gate is closed."""

    def __init__(self):
        self.asked = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, start, stop):
        self.asked.append((start, stop))
        assert self.gate.wait(10)
        return bytes(place // 1000 % 251 for place in range(start, stop, 1000)).ljust(stop - start, b".")


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def ahead(store):
    reader = ReadAhead(store, size_bytes=SIZE)
    yield reader
    store.gate.set()
    reader.close()


def covered(ranges):
    return {place for start, stop in ranges for place in range(start, stop)}


@given(ranges=RANGES, gap=st.integers(0, 20), most=st.integers(1, 50))
def test_pieces_cover_what_was_asked_for_and_little_more_ascending_and_never_too_long(ranges, gap, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "GAP_BYTES", gap)
        patch.setattr(module, "PIECE_BYTES", most)
        pieces = pieces_of(ranges)
    assert covered(ranges) <= covered(pieces)
    assert all(0 < stop - start <= most for start, stop in pieces)
    assert all(one[1] <= other[0] for one, other in pairwise(pieces))
    between = sorted(covered(pieces) - covered(ranges))
    longest = run = 0
    for place, before in zip(between, [None, *between], strict=False):
        run = run + 1 if before is not None and place == before + 1 else 1
        longest = max(longest, run)
    assert longest <= gap


@given(ranges=RANGES, held=RANGES)
def test_what_is_held_already_is_left_out_and_nothing_else(ranges, held):
    assert covered(without(ranges, held)) == covered(ranges) - covered(held)


@settings(deadline=None)
@given(
    ranges=st.lists(st.tuples(st.integers(-5, 60), st.integers(-5, 60)), max_size=5),
    reads=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), max_size=10),
    piece=st.integers(1, 20),
)
def test_wherever_is_read_the_bytes_are_the_objects_or_there_are_none(ranges, reads, piece):
    content = bytes(range(50))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE_BYTES", piece)
        patch.setattr(module, "GAP_BYTES", 0)
        reader = ReadAhead(lambda start, stop: content[start:stop], size_bytes=len(content))
        reader.expect(ranges)
        expected = covered(ranges) & set(range(50))
        for offset, size in reads:
            found = reader.read(offset, size)
            assert (found is None) == (offset not in expected)
            if found is not None:
                assert found
                assert content[offset : offset + size].startswith(found)
        reader.close()


def test_pieces_are_fetched_before_they_are_asked_for_but_only_so_many_of_them(store):
    many = ReadAhead(store, size_bytes=100 * PIECE_BYTES)
    many.expect([(0, 100 * PIECE_BYTES)])
    many.close()
    assert len(store.asked) <= PIECES_AHEAD


def test_reading_on_fetches_on_each_piece_once_and_lets_go_of_those_behind(store, monkeypatch):
    monkeypatch.setattr(module, "PIECE_BYTES", 10)
    reader = ReadAhead(store, size_bytes=1000)
    reader.expect([(0, 1000)])
    for offset in range(0, 1000, 5):
        reader.read(offset, 5)
        assert len(reader._coming) <= PIECES_AHEAD + PIECES_BEHIND
    reader.close()
    assert sorted(store.asked) == [(start, start + 10) for start in range(0, 1000, 10)]


def test_what_is_not_expected_is_not_there_and_costs_no_request(store, ahead):
    assert ahead.read(0, 10) is None
    ahead.expect([(100, 200)])
    assert ahead.read(99, 10) is None
    assert ahead.read(200, 10) is None
    assert len(ahead.read(150, 1000)) == 50
    assert store.asked == [(100, 200)]


def test_ranges_that_are_close_are_one_request(store, ahead):
    ahead.expect([(0, 10), (10 + GAP_BYTES, 20 + GAP_BYTES)])
    assert len(ahead.read(0, 10)) == 10
    assert store.asked == [(0, 20 + GAP_BYTES)]


def test_a_new_expectation_takes_the_place_of_the_one_before(ahead):
    ahead.expect([(0, 10)])
    ahead.expect([(50, 60)])
    assert ahead.read(0, 10) is None
    assert len(ahead.read(50, 10)) == 10


def test_requests_overlap(store, ahead):
    store.gate.clear()
    ahead.expect([(0, SIZE)])
    asked = threading.Event()

    def wait():
        while len(store.asked) < 3:
            asked.wait(0.01)
        store.gate.set()

    threading.Thread(target=wait, daemon=True).start()
    assert len(ahead.read(0, 10)) == 10
    assert sorted(store.asked) == [(0, PIECE_BYTES), (PIECE_BYTES, 2 * PIECE_BYTES), (2 * PIECE_BYTES, SIZE)]


def test_what_a_request_raises_is_raised_where_its_bytes_are_read():
    def fail(start, _stop):
        if start:
            raise ChangedError("replaced since it was listed")
        return bytes(PIECE_BYTES)

    reader = ReadAhead(fail, size_bytes=SIZE)
    reader.expect([(0, SIZE)])
    assert reader.read(0, 10) == bytes(10)
    with pytest.raises(ChangedError):
        reader.read(PIECE_BYTES, 10)
    reader.close()


def test_a_block_on_its_way_need_not_be_asked_for_again(store, ahead):
    ahead.expect([(0, 2 * PIECE_BYTES)])
    assert len(ahead.read(PIECE_BYTES, 10)) == 10
    assert ahead.whole(0, PIECE_BYTES) == ahead.read(0, PIECE_BYTES)
    assert ahead.whole(10, 20) == ahead.read(10, 10)
    assert ahead.whole(PIECE_BYTES - 10, PIECE_BYTES + 10) is None
    assert ahead.whole(2 * PIECE_BYTES, SIZE) is None
    assert len(store.asked) == 2


def test_closing_waits_for_no_request(store):
    store.gate.clear()
    reader = ReadAhead(store, size_bytes=SIZE)
    reader.expect([(0, SIZE)])
    reader.close()
    store.gate.set()
