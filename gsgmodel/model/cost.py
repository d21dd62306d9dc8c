"""What a temporal module costs: its parameters, and the time of its forward pass next to the others'."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.numerics import for_scoring
from gsgmodel.model.system import Architecture
from gsgmodel.model.temporal import TemporalModule
from gsgmodel.model.weights import new_network
from gsgmodel.records import Preparation

CLIPS = 16
"""Of a pass; as many as a scan gives a network at once."""
ROUNDS, NETWORK_ROUNDS = 15, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one network, or of a part of it."""

    of: str
    """What was measured, for people."""

    parameters: int
    forward_ms: float
    """A clip, of all streams, on one thread; the median over rounds."""
    ratio: float
    """To the first of the networks that were measured together, the median over rounds."""


def temporal_costs(architectures: Sequence[GSGConfig], *, num_frames: int, rounds: int = ROUNDS) -> list[Cost]:
    """Measure the temporal modules of several networks in turn, so that a busy machine is busy for all of them.

    Args:
        architectures: Of the networks.
        num_frames: Of a clip.
        rounds: How often each is measured.
    """
    modules = [_temporal_modules(GSGModel(each).eval()) for each in architectures]
    inputs = [[torch.rand(CLIPS, num_frames, module.inputs) for module in own] for own in modules]
    return _in_turn(modules, inputs, num_clips=CLIPS, rounds=rounds, of="the temporal modules alone")


def network_costs(
    architectures: Sequence[Architecture], crops: Sequence[Preparation], *, rounds: int = NETWORK_ROUNDS
) -> list[Cost]:
    """Measure several networks as they score in float32, one clip a time, in turn.

    Args:
        architectures: Of the networks.
        crops: How each one's clips are made.
        rounds: How often each is measured.
    """
    networks = [new_network(each).eval() for each in architectures]
    clips = [[torch.rand(1, each.frames_per_clip, 3, each.crop_size_px, each.crop_size_px)] for each in crops]
    fast = [[for_scoring(each, "float32")] for each in networks]
    costs = _in_turn(fast, clips, num_clips=1, rounds=rounds, of="whole networks")
    counts = [sum(value.numel() for value in each.parameters()) for each in networks]
    return [replace(cost, parameters=count) for cost, count in zip(costs, counts, strict=True)]


def _in_turn(
    modules: Sequence[Sequence[nn.Module]],
    inputs: Sequence[Sequence[torch.Tensor]],
    *,
    num_clips: int,
    rounds: int,
    of: str,
) -> list[Cost]:
    """Measure what runs together, group by group, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            seconds = [
                [_pass_s(own, given) for own, given in zip(modules, inputs, strict=True)] for _ in range(rounds + 1)
            ]
    finally:
        torch.set_num_threads(threads)
    # The first round warms up.
    columns = list(zip(*seconds[1:], strict=True))
    return [
        Cost(
            of=of,
            parameters=sum(value.numel() for module in own for value in module.parameters()),
            forward_ms=statistics.median(column) / num_clips * 1000,
            ratio=statistics.median(mine / first for mine, first in zip(column, columns[0], strict=True)),
        )
        for own, column in zip(modules, columns, strict=True)
    ]


def _temporal_modules(network: GSGModel) -> list[TemporalModule]:
    return [module for module in network.temporal.values() if isinstance(module, TemporalModule)]


def _pass_s(modules: Sequence[nn.Module], inputs: Sequence[torch.Tensor]) -> float:
    begun = time.perf_counter()
    for module, given in zip(modules, inputs, strict=True):
        module(given)
    return time.perf_counter() - begun
