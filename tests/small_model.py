"""A model so small that a clip takes milliseconds, and clips for it."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.settings import ModelSettings
from gsgmodel.model.weights import ModelFiles, read_model, save_model
from gsgmodel.records import Preparation

ARCHITECTURE = GSGConfig(backbone="tiny", hidden=16, layers=2, num_selected=2, attention_hidden=8)
FRAMES, SIZE_PX = 3, 128
PREPARATION = Preparation(frames_per_clip=FRAMES, crop_size_px=SIZE_PX)


def make_network() -> GSGModel:
    torch.manual_seed(0)
    return GSGModel(ARCHITECTURE).eval()


def write_files(folder: Path, network: GSGModel, **changes: Any) -> ModelFiles:
    """Save a network with changed settings and read it back."""
    save_model(folder, network, ModelSettings(architecture=ARCHITECTURE, preparation=PREPARATION, **changes))
    return read_model(folder)


def draw_crops(num_clips: int, *, seed: int = 0) -> np.ndarray:
    shape = (num_clips, FRAMES, SIZE_PX, SIZE_PX, 3)
    return np.random.default_rng(seed).integers(0, 255, shape, dtype=np.uint8)
