"""What a temporal module costs: its parameters, and the time of its forward pass next to the others'."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.temporal import TemporalModule

CLIPS = 16
"""Of a pass; as many as a scan gives a network at once."""
ROUNDS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of the temporal modules of one network."""

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
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            inputs = [[torch.rand(CLIPS, num_frames, module.inputs) for module in own] for own in modules]
            seconds = [
                [_pass_s(own, given) for own, given in zip(modules, inputs, strict=True)] for _ in range(rounds + 1)
            ]
    finally:
        torch.set_num_threads(threads)
    # The first round warms up.
    columns = list(zip(*seconds[1:], strict=True))
    return [
        Cost(
            parameters=sum(value.numel() for module in own for value in module.parameters()),
            forward_ms=statistics.median(column) / CLIPS * 1000,
            ratio=statistics.median(mine / first for mine, first in zip(column, columns[0], strict=True)),
        )
        for own, column in zip(modules, columns, strict=True)
    ]


def _temporal_modules(network: GSGModel) -> list[TemporalModule]:
    return [module for module in network.temporal.values() if isinstance(module, TemporalModule)]


def _pass_s(modules: Sequence[TemporalModule], inputs: Sequence[torch.Tensor]) -> float:
    begun = time.perf_counter()
    for module, given in zip(modules, inputs, strict=True):
        module(given)
    return time.perf_counter() - begun
