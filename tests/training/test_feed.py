import threading
import time

import numpy as np
import pytest

from gsgmodel.training.feed import feed


def clip_of(number: int) -> np.ndarray:
    return np.full((2, 4, 4, 3), number, np.uint8)


def test_batches_come_whole_and_in_order_whoever_reads_faster():
    def read(number: int) -> np.ndarray:
        time.sleep(0.002 * (10 - number))
        return clip_of(number)

    batches = [(3, 1), (2,), (9, 8, 7)]
    found = [batch[:, 0, 0, 0, 0].tolist() for batch in feed(batches, read, threads=4)]
    assert found == [list(batch) for batch in batches]


def test_no_more_is_read_ahead_than_wished():
    begun = []

    def read(number: int) -> np.ndarray:
        begun.append(number)
        return clip_of(number)

    crops = feed([(number,) for number in range(10)], read, threads=1, ahead=2)
    next(crops)
    time.sleep(0.1)
    assert begun == [0, 1, 2]
    crops.close()


def test_what_cannot_be_read_is_raised_where_it_is_due_and_ends_the_threads():
    def read(number: int) -> np.ndarray:
        if number == 1:
            raise OSError("gone")
        return clip_of(number)

    crops = feed([(0,), (1,), (2,)], read, threads=2)
    assert next(crops).shape == (1, 2, 4, 4, 3)
    with pytest.raises(OSError, match="gone"):
        next(crops)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("clips")]
