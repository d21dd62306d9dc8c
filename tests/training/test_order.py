import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.training.order import epoch_order, num_steps, part_of

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
