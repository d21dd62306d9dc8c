"""How fast pools can be expected to be, said before the first video."""

from gsgmodel.scan.preflight import Pools

VIDEO_S = 1.7
"""Of a core that prepares and scores a video: 480p to 1080p, 10 to 30 s long, one clip of 12 frames, on a core with
AVX512-BF16 (tests/bench/pipeline.py)."""
PREPARE_S = 1.2
"""Of it without the network (the same)."""


def videos_per_s(pools: Pools) -> float:
    """Return how many such videos the cores of the pools do in a second; GPUs are taken to keep up."""
    num_working = pools.prepare_actors + (pools.score_actors if pools.scores_on_cores else 0)
    # Whatever an actor reserves, it cannot keep more than one core busy.
    num_cores = min(num_working, pools.cpus_per_actor * (pools.prepare_actors + pools.score_actors))
    return num_cores / _cost_s(pools)


def pools_text(pools: Pools) -> str:
    """Return in a sentence what runs and what it can be expected to do.

    Example:
        >>> from gsgmodel.scan.session import NO_POOLS
        >>> pools_text(NO_POOLS)
        '1 prepare and 1 score actors: about 1.2 videos/s expected, of 1.7 s of a core each'
    """
    number = f"{pools.prepare_actors} actors that prepare and score"
    if not pools.is_joint:
        second = "score" if pools.has_network else "keep"
        on = " on GPUs" if pools.gpus_per_score_actor else ""
        number = f"{pools.prepare_actors} prepare and {pools.score_actors} {second} actors{on}"
    return f"{number}: about {videos_per_s(pools):.2g} videos/s expected, of {_cost_s(pools)} s of a core each"


def _cost_s(pools: Pools) -> float:
    return VIDEO_S if pools.scores_on_cores else PREPARE_S
