"""Clips of the steps to come, read and changed by threads while the network works on those of this step."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from jaxtyping import UInt8

Clip = UInt8[np.ndarray, "T S S 3"]


def feed(
    batches: Iterable[Sequence[int]], read: Callable[[int], Clip], *, threads: int, ahead: int = 2
) -> Generator[UInt8[np.ndarray, "B T S S 3"]]:
    """Yield the clips of each batch, in order.

    Args:
        batches: What to read for each, as ``read`` takes it; at least one clip a batch.
        read: Returns one clip; called by several threads at once, each call on its own.
        threads: How many read.
        ahead: Batches that are read before they are asked for. So many, and the one in use, are held.

    Yields:
        Batches of clips. What ``read`` raises is raised where its batch is due, and nothing more is read.
    """
    waiting: deque[list[Future[Clip]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="clips")
    try:
        for batch in batches:
            waiting.append([pool.submit(read, place) for place in batch])
            if len(waiting) > ahead:
                yield np.stack([clip.result() for clip in waiting.popleft()])
        while waiting:
            yield np.stack([clip.result() for clip in waiting.popleft()])
    finally:
        pool.shutdown(cancel_futures=True)
