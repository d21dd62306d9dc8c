import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.datasets.augment import Augmentation
from gsgmodel.training.batches import changed_reader, parts_of


def all_parts(step, num_clips, *, batch_clips, micro_clips, world_size):
    return [
        parts_of(step, num_clips, batch_clips=batch_clips, micro_clips=micro_clips, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]


@given(st.integers(1, 8), st.integers(1, 40), st.one_of(st.none(), st.integers(1, 9)), st.integers(0, 3))
def test_all_parts_of_all_workers_are_the_batch_and_their_shares_its_mean(world_size, more, micro_clips, step):
    batch_clips = world_size + more
    workers = all_parts(step, batch_clips * 4, batch_clips=batch_clips, micro_clips=micro_clips, world_size=world_size)
    places = [place for parts in workers for part in parts for place in part.places]
    assert places == list(range(step * batch_clips, (step + 1) * batch_clips))
    assert all(len(part.places) <= (micro_clips or batch_clips) for parts in workers for part in parts)
    # Each place counts the same: the mean over workers divides by their number.
    each = {part.share / len(part.places) / world_size for parts in workers for part in parts}
    assert all(value == pytest.approx(1 / batch_clips) for value in each)


def test_an_epoch_shorter_than_a_batch_is_one_step_of_all_clips():
    workers = all_parts(0, 5, batch_clips=16, micro_clips=None, world_size=2)
    assert [part.places for parts in workers for part in parts] == [(0, 1, 2), (3, 4)]


def test_a_place_of_an_epoch_is_always_changed_alike():
    crops = np.random.default_rng(0).integers(0, 255, (12, 64, 64, 3), dtype=np.uint8)
    order = np.array([4, 2], np.int64)
    read = []

    def read_crops(index: int) -> np.ndarray:
        read.append(index)
        return crops

    def changed(epoch, place, augmentation):
        reader = changed_reader(read_crops, order, augmentation=augmentation, seed=1, epoch=epoch)
        return reader(place)

    augmentation = Augmentation()
    assert np.array_equal(changed(0, 0, None), crops)
    assert np.array_equal(changed(3, 1, augmentation), changed(3, 1, augmentation))
    others = [changed(epoch, place, augmentation).tobytes() for epoch in range(4) for place in (0, 1)]
    assert len(set(others)) > 4
    assert read[:3] == [4, 2, 2]


def test_in_pairs_two_places_after_each_other_are_changed_alike():
    crops = np.random.default_rng(0).integers(0, 255, (2, 16, 16, 3), dtype=np.uint8)
    always = Augmentation(flip=0.5, jpeg=0.0, h264=0.0, blur=0.0, noiseful=0.0, resized=0.0, colour=1.0)
    order = np.zeros(12, dtype=np.int64)
    read = changed_reader(lambda _: crops, order, augmentation=always, seed=0, epoch=0, in_pairs=True)
    changed = [read(place) for place in range(12)]
    assert all(np.array_equal(changed[place], changed[place + 1]) for place in range(0, 12, 2))
    assert not all(np.array_equal(changed[place], changed[place + 1]) for place in range(1, 11, 2))
