"""What every system that the paper compares with must hold: shapes, files, scoring, explanation, learning."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gsgmodel.errors import ConfigError
from gsgmodel.model.explain import explain_clips
from gsgmodel.model.network import ClipNetwork
from gsgmodel.model.numerics import for_scoring
from gsgmodel.model.reference import build_network
from gsgmodel.model.scoring import score_clips
from gsgmodel.model.settings import ModelSettings, parse_settings
from gsgmodel.model.system import ALONE, System
from gsgmodel.model.weights import new_network, read_model, save_model
from gsgmodel.records import Preparation

SPOT = slice(5, 9)
"""Of 12 rows and columns: where a sign is planted, at the mouth among other places."""


def small(system: System, *, frames: int = 3, size_px: int = 96, seed: int = 0, **options) -> ClipNetwork:
    """A network of a system that trains in seconds."""
    values = {**system.small, "frames_per_clip": frames, "crop_size_px": size_px, **options}
    torch.manual_seed(seed)
    return new_network(system.architecture(values)).eval()


def count(network) -> int:
    return sum(value.numel() for value in network.parameters())


def planted(network, num, *, seed):
    """Clips of coarse noise; every second one bears a fine grid in its middle, in all frames."""
    config = network.config
    frames, size = config.frames_per_clip, config.crop_size_px
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 196, (num, 1, 12, 12, 3), dtype=np.uint8).repeat(frames, axis=1)
    crops = coarse.repeat(size // 12 + 1, axis=2).repeat(size // 12 + 1, axis=3)[:, :, :size, :size]
    labels = np.arange(num) % 2
    spot = slice(SPOT.start * size // 12, SPOT.stop * size // 12)
    side = spot.stop - spot.start
    checks = (np.indices((side, side)).sum(axis=0) // 2 % 2 * 120 - 60)[None, None, :, :, None]
    fakes = crops[labels == 1, :, spot, spot]
    crops[labels == 1, :, spot, spot] = np.clip(fakes.astype(int) + checks, 0, 255)
    return crops, labels


def learn(network, *, steps, batch=8, lr=2e-3):
    """Train on the planted grid with the system's own loss."""
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), lr=lr)
    for step in range(steps):
        crops, labels = planted(network, batch, seed=step)
        clips = torch.from_numpy(crops).permute(0, 1, 4, 2, 3).float() / 255
        loss = network.learn(clips, torch.from_numpy(labels), ALONE).loss
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
    return network.eval().requires_grad_(requires_grad=False)


def share_told(network, num=32):
    """Of pairs of a real and a fake clip that were not learned from, how many are told apart."""
    crops, labels = planted(network, num, seed=10_000)
    margins = score_clips(network, crops, device="cpu").fusion_margins
    return float(np.mean(margins[labels == 1][:, None] > margins[labels == 0][None]))


def check_scores(network):
    """One stream fills both; a clip's score depends on no other; folding changes nothing; bfloat16 runs."""
    crops, _ = planted(network, 2, seed=1)
    frames = network.config.frames_per_clip
    scores = score_clips(network, crops, device="cpu")
    assert scores.frame_scores.shape == (2, frames)
    assert scores.patches.shape == (2, frames, 0)
    np.testing.assert_array_equal(scores.global_margins, scores.fusion_margins)
    together = network(torch.from_numpy(crops).permute(0, 1, 4, 2, 3).float() / 255).fusion_logits
    np.testing.assert_allclose((together[:, 1] - together[:, 0]).detach(), scores.fusion_margins, atol=1e-4)
    fast = score_clips(for_scoring(network, "float32"), crops, device="cpu")
    np.testing.assert_allclose(fast.fusion_margins, scores.fusion_margins, atol=1e-4)
    rough = score_clips(for_scoring(network, "bfloat16"), crops, device="cpu")
    assert np.abs(rough.frame_scores - scores.frame_scores).max() < 0.1


def check_files(network, folder):
    """What is written is read back, and a broken size is refused."""
    config = network.config
    preparation = Preparation(frames_per_clip=config.frames_per_clip, crop_size_px=config.crop_size_px)
    settings = ModelSettings(architecture=config, preparation=preparation)
    assert parse_settings(settings.to_json()) == settings
    save_model(folder, network, settings)
    files = read_model(folder)
    crops, _ = planted(network, 1, seed=2)
    again, before = (score_clips(each, crops, device="cpu") for each in (build_network(files), network))
    np.testing.assert_array_equal(again.fusion_margins, before.fusion_margins)
    other = replace(settings, preparation=replace(preparation, frames_per_clip=config.frames_per_clip + 1))
    return other.to_json()


def check_explained(network):
    """A map a frame, as large as the crops, 0 to 1; and scores as of a scan."""
    crops, _ = planted(network, 2, seed=3)
    explained = explain_clips(network, crops)
    size = network.config.crop_size_px
    assert explained.global_maps.shape == (2, network.config.frames_per_clip, size, size)
    assert explained.global_maps.min() >= 0
    assert explained.global_maps.max() <= 1
    assert not explained.local_maps.any()
    scores = score_clips(network, crops, device="cpu")
    np.testing.assert_allclose(explained.scores.fusion_margins, scores.fusion_margins, atol=1e-4)
    return explained


def check_features(network):
    """Pictures as clips of one frame have features, from which their backbone can be taught beforehand."""
    size = network.config.crop_size_px
    features = network.features(torch.rand(3, 1, 3, size, size))
    assert features.shape[0] == 3
    assert features.dim() == 2
    features.sum().backward()
    taught = [name for name, value in network.backbone.named_parameters() if value.grad is not None]
    assert taught


def check_all(system, folder, **options):
    """Everything but learning."""
    check_scores(small(system, **options))
    check_explained(small(system, **options))
    check_features(small(system, **options))
    with pytest.raises(ConfigError, match=f"{system.name} is built for 3 of {options.get('size_px', 96)} px"):
        parse_settings(check_files(small(system, **options), folder))
