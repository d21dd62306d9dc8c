from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.training.order import epoch_order, num_steps, originals_of, part_of

LABELS = st.lists(st.integers(0, 1), min_size=2, max_size=60).filter(lambda labels: 0 < sum(labels) < len(labels))


def order_of(labels, *, seed=0, epoch=0, balance=True):
    return epoch_order(np.array(labels, np.int64), seed=seed, epoch=epoch, balance=balance)


@given(LABELS, st.integers(0, 5))
def test_without_balance_an_epoch_has_every_clip_once(labels, epoch):
    assert sorted(order_of(labels, epoch=epoch, balance=False)) == list(range(len(labels)))


@given(LABELS, st.integers(0, 5))
def test_with_balance_real_and_fake_alternate(labels, epoch):
    order = order_of(labels, epoch=epoch)
    assert np.array(labels)[order].tolist() == [0, 1] * ((len(labels) + 1) // 2)


@given(LABELS, st.integers(1, 7))
def test_over_epochs_no_clip_comes_twice_more_often_than_another_of_its_class(labels, epochs):
    drawn = np.concatenate([order_of(labels, epoch=epoch) for epoch in range(epochs)])
    counts = np.bincount(drawn, minlength=len(labels))
    for label in (0, 1):
        of_class = counts[np.array(labels) == label]
        assert of_class.max() - of_class.min() <= 1


def test_the_order_depends_on_seed_and_epoch_alone():
    labels = [0, 1] * 20
    first = order_of(labels, seed=3, epoch=4)
    assert first.tolist() == order_of(labels, seed=3, epoch=4).tolist()
    assert first.tolist() != order_of(labels, seed=4, epoch=4).tolist()
    assert first.tolist() != order_of(labels, seed=3, epoch=5).tolist()


@given(st.integers(1, 200), st.integers(1, 16))
def test_the_shares_of_all_workers_are_the_batch_in_order(num, world_size):
    places = list(range(num))
    shares = [places[part_of(num, rank=rank, world_size=world_size)] for rank in range(world_size)]
    assert [place for share in shares for place in share] == places
    lengths = [len(share) for share in shares]
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize(("num_clips", "steps"), [(1, 1), (7, 1), (8, 1), (15, 1), (16, 2)])
def test_an_epoch_has_whole_batches_unless_it_has_less_than_one(num_clips, steps):
    assert num_steps(num_clips, batch_clips=8) == steps


def store_of(sources, starts=(0.0,)):
    """Videos with a clip a window each, made from the video of that place."""
    videos = pa.table(
        {
            "uri": [f"v{n}" for n in range(len(sources))],
            "original_uri": pa.array([None if n is None else f"v{n}" for n in sources], pa.string()),
        }
    )
    clips = pa.Table.from_pylist(
        [{"video": video, "start_s": start, "track_id": 0} for video in range(len(sources)) for start in starts]
    )
    return SimpleNamespace(videos=videos, clips=clips)


def test_a_clip_was_made_from_the_same_window_of_its_original():
    found = originals_of(store_of([None, 0, None, 0], starts=(0.0, 1.0)), np.arange(8, dtype=np.int64))
    assert found.tolist() == [-1, -1, 0, 1, -1, -1, 0, 1]


def test_an_original_that_is_not_among_the_chosen_clips_is_none():
    found = originals_of(store_of([None, 0, 9, None, 3]), np.array([1, 2, 3, 4], dtype=np.int64))
    assert found.tolist() == [-1, -1, -1, 2]


@given(seed=st.integers(0, 99), epoch=st.integers(0, 5), num=st.integers(1, 12))
def test_in_pairs_every_fake_follows_what_it_was_made_from(seed, epoch, num):
    labels = np.array([0, *[1] * 3] * num, dtype=np.int64)
    originals = np.where(labels == 1, np.arange(len(labels)) // 4 * 4, -1)
    order = epoch_order(labels, seed=seed, epoch=epoch, balance=True, originals=originals)
    plain = epoch_order(labels, seed=seed, epoch=epoch, balance=True)
    assert order[1::2].tolist() == plain[1::2].tolist()
    assert order[::2].tolist() == originals[order[1::2]].tolist()


def test_a_fake_without_its_original_follows_any_real_clip():
    labels = np.array([0, 1, 0, 1], dtype=np.int64)
    order = epoch_order(labels, seed=0, epoch=0, balance=True, originals=np.full(4, -1))
    assert order.tolist() == epoch_order(labels, seed=0, epoch=0, balance=True).tolist()
