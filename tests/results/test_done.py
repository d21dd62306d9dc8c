"""Which videos are done, for few and for many."""

import os
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.errors import Status
from gsgmodel.results import done as module
from gsgmodel.results.done import DoneIds, id_batches
from gsgmodel.results.places import LocalPlace

HALVES = st.sampled_from([b"\0" * 8, b"\0" * 7 + b"\1", b"\xff" * 8, b"\x80" + b"\0" * 7])
IDS = st.builds(lambda first, last: first + last, HALVES, HALVES) | st.binary(min_size=16, max_size=16)


def array(ids):
    return pa.array(list(ids), pa.binary())


@settings(deadline=None)
@given(held=st.lists(st.sets(IDS), max_size=4), asked=st.lists(IDS), stale=st.sets(IDS), fold_rows=st.integers(0, 5))
def test_membership_is_that_of_a_set(held, asked, stale, fold_rows):
    known = set().union(*held)
    ids = DoneIds(stale=stale & known)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FOLD_ROWS", fold_rows)
        for part in held:
            ids.add(array(part))
    asked = [*asked, *known]
    assert ids.holds(array(asked)).tolist() == [one in known for one in asked]
    assert ids.contains(array(asked)).tolist() == [one in known - stale for one in asked]
    assert len(ids) == len(known)


def test_a_slice_of_ids_is_looked_up_by_its_own_values():
    everything = array(os.urandom(16) for _ in range(10))
    ids = DoneIds()
    ids.add(everything[2:5])
    assert ids.contains(everything).tolist() == [False] * 2 + [True] * 3 + [False] * 5
    assert ids.contains(everything[4:6]).tolist() == [True, False]
    assert ids.contains(everything[:0]).tolist() == []


def test_many_ids_are_folded_into_arrays_and_found():
    numbers = np.random.default_rng(0).permutation(200_000).astype(">u8")
    blocks = [array(number.tobytes() * 2 for number in part) for part in np.array_split(numbers, 4)]
    ids = DoneIds()
    for block in blocks[:3]:
        ids.add(block)
    assert len(ids) == 150_000
    assert all(ids.contains(block).all() for block in blocks[:3])
    assert not ids.contains(blocks[3]).any()


def batch(statuses, decoders):
    ids = [bytes([place]) * 16 for place in range(len(statuses))]
    columns = [pa.array(ids, pa.binary()), pa.array(statuses, pa.string()), pa.array(decoders, pa.string())]
    return pa.RecordBatch.from_arrays(columns, names=["video_id", "status", "decoder"])


@pytest.mark.parametrize(
    ("retry", "decoder", "stale"),
    [
        (frozenset(), "", set()),
        (frozenset(), "new", {1, 3, 5}),
        (frozenset({Status.UNREADABLE}), "", {4}),
        (frozenset({Status.UNREADABLE, Status.CRASHED}), "new", {1, 2, 3, 4, 5}),
    ],
)
def test_rows_to_be_scored_again_follow_from_status_and_decoder(retry, decoder, stale):
    statuses = ["scored", "timeout", "crashed", "crashed", "unreadable", "timeout"]
    rows = batch(statuses, ["old", "old", "new", "old", "old", None])
    ids = DoneIds.of_rows([rows], retry=retry, decoder=decoder)
    assert ids.stale == {bytes([place]) * 16 for place in stale}
    assert ids.contains(rows.column("video_id")).tolist() == [place not in stale for place in range(6)]
    assert ids.holds(rows.column("video_id")).all()


def test_ids_of_one_scoring_are_read_from_files(tmp_path, rows):
    for name, table in (("a b#.parquet", rows([1, 2])), ("c.parquet", rows([2, 3], scoring_id="t")), ("d", rows([]))):
        pq.write_table(table, tmp_path / name)
    place, names = LocalPlace(tmp_path), ["a b#.parquet", "c.parquet", "d"]
    found = [one for batch in id_batches(place, names, key="s") for one in batch.column("video_id").to_pylist()]
    assert sorted(found) == sorted(rows([1, 2])["video_id"].to_pylist())
    assert list(id_batches(place, [], key="s")) == []


def test_one_thread_adds_while_another_asks_and_nothing_is_missed(monkeypatch):
    monkeypatch.setattr(module, "_FOLD_ROWS", 16)
    batches = [array(os.urandom(16) for _ in range(10)) for _ in range(400)]
    ids = DoneIds()
    added: list[pa.Array] = []
    missed = []

    def ask():
        while len(added) < len(batches):
            missed.extend(batch for batch in added[-40:] if not ids.holds(batch).all())

    asking = threading.Thread(target=ask)
    asking.start()
    for batch in batches:
        ids.add(batch)
        added.append(batch)
    asking.join(60)
    assert missed == []
    assert len(ids) == 4000
