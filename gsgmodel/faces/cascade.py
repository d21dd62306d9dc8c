"""MTCNN's three networks in a row over frames of equal size, written so that frames do not influence each other.

The same steps as ``facenet_pytorch.models.utils.detect_face.detect_face``, with differences that leave the boxes as
they are: suppression runs frame by frame (there it shifts the frames of a batch to far coordinates and loses
precision), a box without a pixel in the frame is dropped together with its crop (there the counts disagree and it
raises), windows are averaged by products of matrices (``area``), and what the networks see is stored channels last
(on one CPU thread the three ran 1.6, 4 and 3 times as fast).

Source: K. Zhang et al., Joint Face Detection and Alignment Using Multi-task Cascaded Convolutional Networks, 2016.
"""

import gsgmodel.quick_torchvision  # noqa: F401, before all that brings torchvision

# isort: split
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from facenet_pytorch import ONet, PNet, RNet
from facenet_pytorch.models.utils.detect_face import bbreg, generateBoundingBox, nms_numpy, pad, rerec
from jaxtyping import Float, Float64, Int64, UInt8
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.ops import nms

from gsgmodel.faces.area import Window, average_windows

PYRAMID_FACTOR = 0.709
"""Ratio of one pyramid level's side to the one before: half the area (facenet-pytorch's default)."""
CELL_PX = 12
"""Side of the window that the first network looks at; no smaller face is found."""
_CROPS_PER_BATCH = 256
"""Bounds memory: 256 crops of 48 px need about 70 MB in the third network's first layer."""


class Networks(NamedTuple):
    """MTCNN's proposal, refinement and output networks with the weights that facenet-pytorch ships."""

    proposal: Any
    refinement: Any
    output: Any

    @staticmethod
    def load(device: str) -> "Networks":
        """Read the weights from the installed package, without gradients.

        Args:
            device: Where the networks run, for example ``cpu`` or ``cuda``.
        """
        return Networks(
            *(network().eval().requires_grad_(requires_grad=False).to(device) for network in (PNet, RNet, ONet))
        )


_Frames: TypeAlias = Tensor | Sequence[Tensor]
"""RGB frames of one size."""


class _Candidates(NamedTuple):
    """Boxes on their way through the cascade, grouped by frame, in each frame by falling score."""

    boxes: Float[Tensor, "N C"]
    """``x0 y0 x1 y1 score``, and straight from the first network four offsets of the corners, in sides of the box."""
    frame: Int64[Tensor, "N"]

    def keep(self, index: Tensor) -> "_Candidates":
        return _Candidates(self.boxes[index], self.frame[index])


def pyramid_scales(*, height_px: int, width_px: int, min_face_px: int) -> list[float]:
    """Scales of the image pyramid: faces of at least ``min_face_px`` fill the first network's window in one of them.

    Returns:
        Falling scales; none where the frame's shorter side is below ``min_face_px``.
    """
    scale = CELL_PX / min_face_px
    shorter = min(height_px, width_px) * scale
    scales = []
    while shorter >= CELL_PX:
        scales.append(scale)
        scale *= PYRAMID_FACTOR
        shorter *= PYRAMID_FACTOR
    return scales


@torch.inference_mode()
def find_faces(
    frames: UInt8[Tensor, "F H W 3"],
    networks: Networks,
    *,
    min_face_px: int,
    thresholds: tuple[float, float, float],
) -> list[Float[np.ndarray, "N 5"]]:
    """Boxes and scores of the faces in each frame.

    Args:
        frames: RGB, on the networks' device; at least ``min_face_px`` high and wide, else nothing is found.
        networks: MTCNN's networks.
        min_face_px: Smallest face that is looked for.
        thresholds: Score that a box must reach in each network, 0 to 1.

    Returns:
        For each frame ``x0 y0 x1 y1 score``, by falling score of the last suppression; not clipped to the frame.
    """
    height_px, width_px = frames.shape[1:3]
    scales = pyramid_scales(height_px=height_px, width_px=width_px, min_face_px=min_face_px)
    if not scales or not len(frames):
        return [np.zeros((0, 5), np.float32) for _ in frames]
    found = _propose(frames, networks.proposal, scales=scales, threshold=thresholds[0])
    return _judge(frames, found, networks, thresholds=thresholds)


@torch.inference_mode()
def look_at(
    frames: Sequence[UInt8[Tensor, "H W 3"]],
    places_px: Sequence[Float64[np.ndarray, "_ 4"]],
    networks: Networks,
    *,
    thresholds: tuple[float, float, float],
) -> list[Float[np.ndarray, "N 5"]]:
    """Boxes and scores of the faces at given places, by the second and third network alone.

    Args:
        frames: RGB, of one size, on the networks' device; at least one.
        places_px: Of each frame, boxes ``x0 y0 x1 y1`` around which a face may be.
        networks: MTCNN's networks.
        thresholds: As for ``find_faces``; the first is not used.

    Returns:
        As ``find_faces``.
    """
    device = frames[0].device
    frame = torch.as_tensor(np.repeat(np.arange(len(frames)), [len(each) for each in places_px]), device=device)
    boxes = torch.as_tensor(np.concatenate(places_px), dtype=torch.float32, device=device)
    # All are alike to the first suppression: the second network gives each its score.
    found = _Candidates(rerec(torch.cat([boxes, torch.ones_like(boxes[:, :1])], dim=1)), frame)
    return _judge(frames, found, networks, thresholds=thresholds)


def _judge(
    frames: _Frames, found: _Candidates, networks: Networks, *, thresholds: tuple[float, float, float]
) -> list[Float[np.ndarray, "N 5"]]:
    found = _refine(frames, found, networks.refinement, threshold=thresholds[1])
    found = _decide(frames, found, networks.output, threshold=thresholds[2])
    boxes, frame = found.boxes.cpu().numpy(), found.frame.cpu().numpy()
    return [boxes[frame == index] for index in range(len(frames))]


def _propose(frames: Tensor, network: Any, *, scales: list[float], threshold: float) -> _Candidates:
    height_px, width_px = frames.shape[1:3]
    # Averaged by planes, which is 1.7 times as fast.
    pixels = frames.permute(0, 3, 1, 2).float().contiguous()
    levels = []
    for scale in scales:
        level = interpolate(pixels, size=(int(height_px * scale + 1), int(width_px * scale + 1)), mode="area")
        offsets, probability = network(_normalised(level).contiguous(memory_format=torch.channels_last))
        level_found = _Candidates(*generateBoundingBox(offsets, probability[:, 1], scale, threshold))
        levels.append(level_found.keep(_suppress(level_found, iou=0.5)))
    found = _Candidates(torch.cat([level.boxes for level in levels]), torch.cat([level.frame for level in levels]))
    found = found.keep(_suppress(found, iou=0.7))
    corners, score, offsets = found.boxes[:, :4], found.boxes[:, 4:5], found.boxes[:, 5:9]
    sides = (corners[:, 2:] - corners[:, :2]).repeat(1, 2)
    return _Candidates(rerec(torch.cat([corners + offsets * sides, score], dim=1)), found.frame)


def _refine(frames: _Frames, found: _Candidates, network: Any, *, threshold: float) -> _Candidates:
    found, windows = _visible(frames, found)
    if not windows:
        return found
    offsets, probability = _look_closer(frames, windows, network, side_px=24)
    passed = probability[:, 1] > threshold
    found, offsets = _rescored(found, probability[:, 1]).keep(passed), offsets[passed]
    kept = _suppress(found, iou=0.7)
    found = found.keep(kept)
    return _Candidates(rerec(bbreg(found.boxes, offsets[kept])), found.frame)


def _decide(frames: _Frames, found: _Candidates, network: Any, *, threshold: float) -> _Candidates:
    found, windows = _visible(frames, found)
    if not windows:
        return found
    offsets, _, probability = _look_closer(frames, windows, network, side_px=48)
    passed = probability[:, 1] > threshold
    found, offsets = _rescored(found, probability[:, 1]).keep(passed), offsets[passed]
    found = _Candidates(bbreg(found.boxes, offsets), found.frame)
    return found.keep(_per_frame(found, _suppress_nested))


def _visible(frames: _Frames, found: _Candidates) -> tuple[_Candidates, list[Window]]:
    """The boxes with at least one pixel in their frame, and those pixels."""
    height_px, width_px = frames[0].shape[:2]
    top, bottom, left, right = pad(found.boxes, width_px, height_px)
    finite = found.boxes.isfinite().all(1).cpu().numpy()
    index = np.flatnonzero(finite & (bottom >= top) & (right >= left))
    frame = found.frame.cpu().numpy()
    windows = np.stack([frame, top - 1, bottom, left - 1, right], axis=1)[index].tolist()
    return found.keep(torch.as_tensor(index, device=found.frame.device)), [Window(*window) for window in windows]


def _look_closer(frames: _Frames, windows: list[Window], network: Any, *, side_px: int) -> tuple[Tensor, ...]:
    """Run a network on windows of the frames, each averaged to a square of ``side_px``."""
    outputs = []
    for start in range(0, len(windows), _CROPS_PER_BATCH):
        batch = windows[start : start + _CROPS_PER_BATCH]
        outputs.append(network(_normalised(average_windows(frames, batch, side_px=side_px))))
    return tuple(torch.cat(output) for output in zip(*outputs, strict=True))


def _normalised(pixels: Tensor) -> Tensor:
    """0..255 to about -1..1, as the networks were trained."""
    return (pixels - 127.5) * 0.0078125


def _rescored(found: _Candidates, score: Tensor) -> _Candidates:
    return _Candidates(torch.cat([found.boxes[:, :4], score[:, None]], dim=1), found.frame)


def _suppress(found: _Candidates, *, iou: float) -> Tensor:
    return _per_frame(found, lambda boxes: nms(boxes[:, :4], boxes[:, 4], iou))


def _suppress_nested(boxes: Tensor) -> Tensor:
    """Of two boxes that overlap by more than 0.7 of the smaller one, keep the one with the higher score."""
    corners, score = boxes[:, :4].cpu().numpy(), boxes[:, 4].cpu().numpy()
    return torch.as_tensor(nms_numpy(corners, score, 0.7, "Min").astype(np.int64), device=boxes.device)


def _per_frame(found: _Candidates, suppress: Callable[[Tensor], Tensor]) -> Tensor:
    """Indices that a suppression keeps, applied to each frame on its own."""
    kept = []
    for frame in np.unique(found.frame.cpu().numpy()).tolist():
        of_frame = (found.frame == frame).nonzero()[:, 0]
        kept.append(of_frame[suppress(found.boxes[of_frame])])
    return torch.cat(kept) if kept else found.frame
