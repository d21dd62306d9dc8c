"""The network over one clip of 12 crops, as a scan runs it, against torchvision's ResNet-34 over the same 12 pictures.

``heads`` in the facts is what everything behind the backbone adds to it.
"""

import time
from pathlib import Path

import numpy as np
import torch
from torchvision.models import resnet34

from gsgmodel.model.numerics import for_scoring, has_bfloat16
from gsgmodel.model.reference import build_network, resolve_model
from gsgmodel.model.scoring import score_clips
from tests.bench.side_by_side import Comparison, take_turns

PEER = "torchvision ResNet-34"


def measure(_: Path, *, rounds: int) -> Comparison:
    """Compare; needs no video."""
    torch.set_num_threads(1)
    crops = np.random.default_rng(0).integers(0, 256, (1, 12, 224, 224, 3), dtype=np.uint8)
    plain = resnet34(weights=None).eval()
    pixels = torch.from_numpy(crops[0]).permute(0, 3, 1, 2).float().contiguous() / 255
    network = build_network(resolve_model("untrained"))
    ways = {"as built": network, "float32": for_scoring(network, "float32")}
    if has_bfloat16("cpu"):
        ways["bfloat16"] = for_scoring(network, "bfloat16")

    def peer() -> None:
        with torch.inference_mode():
            plain(pixels)

    took_s = take_turns(
        {PEER: peer} | {name: lambda way=way: score_clips(way, crops, device="cpu") for name, way in ways.items()},
        rounds=rounds,
    )
    expected = score_clips(network, crops, device="cpu").frame_scores
    facts: dict[str, object] = {}
    for name, way in ways.items():
        moved = np.abs(score_clips(way, crops, device="cpu").frame_scores - expected).max()
        facts[f"{name}: heads"] = f"{heads_share(way, pixels, rounds=rounds):.3f} of the backbone's time"
        facts[f"{name}: frames' scores moved"] = f"{moved:.1e} at most"
    return Comparison(title="Forward pass", peer=PEER, took_s=took_s, facts=facts)


def heads_share(network: torch.nn.Module, pixels: torch.Tensor, *, rounds: int) -> float:
    """CPU time of a whole forward pass over that of its backbone alone, minus 1; the least of all rounds of each."""
    whole, backbone = [], []
    pictures = pixels.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        for _ in range(rounds + 1):
            before_s = time.process_time()
            network.backbone(pictures)
            middle_s = time.process_time()
            network(pictures[None])
            backbone.append(middle_s - before_s)
            whole.append(time.process_time() - middle_s)
    return min(whole) / min(backbone) - 1
