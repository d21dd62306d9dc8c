"""Convolutions over time alone, and a transformer."""

import numpy as np
import torch

from gsgmodel.model.baselines.ftcn import FTCN, SYSTEM, FTCNConfig
from gsgmodel.model.scoring import score_clips
from gsgmodel.model.system import ALONE
from tests.model.baselines import checks

CONVOLUTIONS, TRANSFORMER, SECOND_LOGIT = 6.35e6, 8.43e6, 1025


def test_it_has_as_many_parameters_as_the_authors_code():
    with torch.device("meta"):
        network = FTCN(FTCNConfig())
    assert round(checks.count(network.backbone) / 1e6, 2) == CONVOLUTIONS / 1e6
    assert round((checks.count(network.transformer) - SECOND_LOGIT) / 1e6, 2) == TRANSFORMER / 1e6


def test_its_maps_are_fourteen_by_fourteen_and_time_is_kept():
    with torch.device("meta"):
        maps = FTCN(FTCNConfig()).backbone(torch.zeros(1, 3, 32, 224, 224))
    assert maps.shape == (1, 1024, 32, 14, 14)


def test_no_convolution_sees_a_neighbour_in_space():
    network = checks.small(SYSTEM)
    kernels = [module.kernel_size for module in network.modules() if isinstance(module, torch.nn.Conv3d)]
    assert {kernel[1:] for kernel in kernels} == {(1, 1)}
    assert {kernel[0] for kernel in kernels} == {1, 3, 5}


def test_it_holds_what_every_system_must(tmp_path):
    checks.check_all(SYSTEM, tmp_path)


def flickering(num, *, seed, frames=6, size=32):
    """Clips whose brightness rises and falls; in fakes frames are out of order, and each alone says nothing."""
    rng = np.random.default_rng(seed)
    base = rng.integers(40, 120, (num, 1, size, size, 3), dtype=np.uint8)
    labels = np.arange(num) % 2
    steps = np.tile(np.arange(frames) * 20, (num, 1))
    steps[labels == 1] = steps[labels == 1][:, [0, 3, 1, 4, 2, 5]]
    return (base + steps[:, :, None, None, None]).astype(np.uint8), labels


def test_it_learns_what_only_time_shows():
    network = checks.small(SYSTEM, frames=6, size_px=32).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for step in range(80):
        crops, labels = flickering(8, seed=step)
        clips = torch.from_numpy(crops).permute(0, 1, 4, 2, 3).float() / 255
        loss = network.learn(clips, torch.from_numpy(labels), ALONE).loss
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
    crops, labels = flickering(32, seed=1000)
    margins = score_clips(network.eval(), crops, device="cpu").fusion_margins
    assert np.mean(margins[labels == 1][:, None] > margins[labels == 0][None]) > 0.9
