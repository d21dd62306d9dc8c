"""A start for a small backbone where no trained weights can be had: it learns to name distortions of pictures.

The paper's rows all start from ImageNet's weights. A network that is drawn at random instead is still at chance after
the few hundred steps that made data allow for; one that has learned what blur, noise or a tint look like is not. Labels
are what was done to a picture, so nothing of a data set's own labels is learned.
"""

from collections.abc import Callable

import numpy as np
import pyarrow.compute as pc
import safetensors.torch
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from gsgmodel.clips.store import ClipStore
from gsgmodel.model.system import Architecture
from gsgmodel.model.weights import new_network
from gsgmodel.training.schedule import lr_factor

BATCH = 64
LR, MOMENTUM, WEIGHT_DECAY = 0.05, 0.9, 5e-4
CHANCE = 0.3
"""Of each distortion in a picture."""
HALF = 0.5

Pictures = Float[Tensor, "B 3 S S"]


def learn_distortions(
    read: Callable[[int], UInt8[np.ndarray, "T S S 3"]],
    clips: Int64[np.ndarray, "N"],
    *,
    architecture: Architecture,
    steps: int,
    seed: int,
) -> tuple[bytes, list[float]]:
    """Train a backbone to say which distortions a picture has.

    Args:
        read: Returns the crops of a clip.
        clips: Which ones; a picture of some of them is taken at each step.
        architecture: Whose backbone it is.
        steps: Of 64 pictures.
        seed: Of everything that is drawn.

    Returns:
        The backbone's weights in the safetensors format, and the loss of each step.
    """
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = new_network(architecture).eval()
        size = read(int(clips[0])).shape[1]
        with torch.no_grad():
            width = network.features(torch.zeros(1, 1, 3, size, size)).shape[1]
        network.train()
        head = nn.Linear(width, len(DISTORTIONS))
        parameters = [*network.backbone.parameters(), *head.parameters()]
        optimiser = torch.optim.SGD(parameters, lr=LR, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
        losses = []
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = LR * lr_factor(
                    step, steps_per_epoch=steps, epochs=1, schedule="cosine", warmup_epochs=0.05, fall=(1, 1.0)
                )
            pictures, found = distort(_drawn(read, clips, rng))
            said = head(network.features(pictures[:, None]))
            loss = F.binary_cross_entropy_with_logits(said, found)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(float(loss.detach()))
    return safetensors.torch.save(
        {name: value.contiguous() for name, value in network.backbone.state_dict().items()}
    ), losses


def real_training_clips(store: ClipStore) -> Int64[np.ndarray, "N"]:
    """Return the rows of a store's real clips of the training split."""
    is_real = pc.and_(pc.equal(store.clips["split"], "train"), pc.equal(store.clips["label"], 0))
    return np.flatnonzero(is_real.to_numpy()).astype(np.int64)


def distort(pictures: Pictures) -> tuple[Pictures, Float[Tensor, "B K"]]:
    """Distort a part of each picture, in ways that torch's generator draws.

    Args:
        pictures: RGB, 0 to 1.

    Returns:
        The pictures, and 1 for each distortion in the order of ``DISTORTIONS`` that a picture has.
    """
    found = (torch.rand(len(pictures), len(DISTORTIONS)) < CHANCE).float()
    pictures = pictures.clone()
    for index, change in enumerate(DISTORTIONS):
        chosen = torch.nonzero(found[:, index]).squeeze(1)
        if len(chosen):
            before = pictures[chosen]
            mask = _ellipses(len(chosen), pictures.shape[-1])
            pictures[chosen] = before + mask * (change(before) - before)
    return pictures.clamp(0, 1), found


def _drawn(
    read: Callable[[int], UInt8[np.ndarray, "T S S 3"]], clips: Int64[np.ndarray, "N"], rng: np.random.Generator
) -> Pictures:
    """One picture each of some clips, every other one mirrored."""
    taken = []
    for clip in rng.choice(clips, size=BATCH).tolist():
        crops = read(clip)
        picture = crops[rng.integers(len(crops))]
        taken.append(picture[:, ::-1] if rng.random() < HALF else picture)
    return torch.from_numpy(np.stack(taken)).permute(0, 3, 1, 2).float() / 255


def _ellipses(count: int, size: int) -> Float[Tensor, "B 1 S S"]:
    """Ellipses anywhere, from a fifth of a picture to all of it, with soft edges."""
    line = torch.linspace(-1, 1, size)
    centre = (torch.rand(count, 2, 1, 1) - 0.5) * 1.2
    radius = 0.2 + torch.rand(count, 2, 1, 1)
    across, down = (line[None, :] - centre[:, 0]) / radius[:, 0], (line[:, None] - centre[:, 1]) / radius[:, 1]
    return ((1 - torch.hypot(across, down)) / 0.3).clamp(0, 1)[:, None]


def _between(pictures: Pictures, low: float, high: float, *, channels: int = 1) -> Float[Tensor, "B _ 1 1"]:
    return low + (high - low) * torch.rand(len(pictures), channels, 1, 1)


def _side(pictures: Pictures, *, channels: int = 1) -> Float[Tensor, "B _ 1 1"]:
    return torch.where(torch.rand(len(pictures), channels, 1, 1) < HALF, -1.0, 1.0)


def _smooth(pictures: Pictures, reach: int) -> Pictures:
    return F.avg_pool2d(F.pad(pictures, (reach,) * 4, mode="reflect"), 2 * reach + 1, 1)


def _contrast(pictures: Pictures) -> Pictures:
    mean = pictures.mean(dim=(-2, -1), keepdim=True)
    return mean + (pictures - mean) * (1 + _side(pictures) * _between(pictures, 0.25, 0.45))


def _tint(pictures: Pictures) -> Pictures:
    return pictures * (1 + _side(pictures, channels=3) * _between(pictures, 0.04, 0.12, channels=3))


def _blur(pictures: Pictures) -> Pictures:
    return _smooth(pictures, 1 + int(torch.randint(2, ())))


def _sharpen(pictures: Pictures) -> Pictures:
    return pictures + _between(pictures, 1.0, 2.5) * (pictures - _smooth(pictures, 1))


def _coarsen(pictures: Pictures) -> Pictures:
    small = F.avg_pool2d(pictures, 2 + int(torch.randint(3, ())), ceil_mode=True)
    return F.interpolate(small, size=pictures.shape[-2:])


def _noise(pictures: Pictures) -> Pictures:
    return pictures + torch.randn_like(pictures) * _between(pictures, 0.02, 0.08)


DISTORTIONS: tuple[Callable[[Pictures], Pictures], ...] = (_contrast, _tint, _blur, _sharpen, _coarsen, _noise)
"""What is done to pictures, one after the other; a grid and an order of frames, as made forgeries have, are not."""
