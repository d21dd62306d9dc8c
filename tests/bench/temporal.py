"""Three layers of SRU over the 12 frames of a clip, both streams' widths, against torch's own LSTM and GRU."""

from pathlib import Path

import torch
from torch import nn

from gsgmodel.model.config import GSGConfig
from gsgmodel.model.sru import SRU
from tests.bench.side_by_side import Comparison, take_turns

PEER = "nn.LSTM"
WIDTHS = (512, 1024)
REPEATS = 20
"""Times a round: one takes milliseconds."""


def measure(_: Path, *, rounds: int) -> Comparison:
    """Compare; needs no video."""
    torch.set_num_threads(1)
    config = GSGConfig()
    inputs = {width: torch.randn(1, 12, width) for width in WIDTHS}
    units: dict[str, list[nn.Module]] = {
        PEER: [nn.LSTM(width, config.hidden, config.layers, batch_first=True) for width in WIDTHS],
        "nn.GRU": [nn.GRU(width, config.hidden, config.layers, batch_first=True) for width in WIDTHS],
        "SRU": [SRU(width, config.hidden, layers=config.layers) for width in WIDTHS],
    }

    def run(modules: list[nn.Module]) -> None:
        with torch.inference_mode():
            for _ in range(REPEATS):
                for module, width in zip(modules, WIDTHS, strict=True):
                    module(inputs[width])

    took_s = take_turns({name: lambda made=made: run(made) for name, made in units.items()}, rounds=rounds)
    return Comparison(title="Temporal units", peer=PEER, took_s=took_s, facts={"clips a round": REPEATS})
