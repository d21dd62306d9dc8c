"""Finds faces in frames; built once per process, used for many videos."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image

from gsgmodel.errors import ConfigError
from gsgmodel.faces.cascade import CELL_PX, Networks, find_faces, look_at
from gsgmodel.faces.detections import Detections
from gsgmodel.faces.following import expect, is_confirmed, searched_frames
from gsgmodel.records import Preparation

_PIXELS_PER_BATCH = 16 * 640 * 640
"""Bounds memory: at most this many pixels of scaled frames go through the networks at a time."""


class FaceDetector:
    """MTCNN on frames scaled down to a set long side.

    The settings change the boxes and with them the model's input: they are part of a model's preparation.
    """

    def __init__(
        self,
        *,
        long_side_px: int,
        min_face_px: int,
        thresholds: tuple[float, float, float],
        detect_every: int = 1,
        num_threads: int = 1,
        device: str = "cpu",
    ) -> None:
        """Load the networks.

        Args:
            long_side_px: Frames are scaled down so that their longer side is at most this, never up.
            min_face_px: Smallest face that is looked for, in pixels of the scaled frame; at least 12, the first
                network's window.
            thresholds: Confidence that a face must reach in each of the three networks, each from 0 to below 1.
            detect_every: Every so many frames of one call are searched whole; in those between, faces are looked for
                where they are expected (``following``). 1 searches all, and no frame's result depends on another.
            num_threads: Threads of torch's CPU operations; this is set for the whole process.
            device: Where the networks run: ``cpu`` or ``cuda``.

        Raises:
            ConfigError: A value is outside its range.
        """
        if long_side_px < min_face_px:
            raise ConfigError(f"detect_long_side_px is {long_side_px}; accepted: at least min_face_px ({min_face_px})")
        if min_face_px < CELL_PX:
            raise ConfigError(f"min_face_px is {min_face_px}; accepted: at least {CELL_PX}")
        if not all(0 <= threshold < 1 for threshold in thresholds):
            raise ConfigError(f"detect_thresholds are {thresholds}; accepted: three numbers from 0 to below 1")
        if detect_every < 1:
            raise ConfigError(f"detect_every is {detect_every}; accepted: at least 1")
        torch.set_num_threads(num_threads)
        self._detect_every = detect_every
        self._long_side_px = long_side_px
        self._min_face_px = min_face_px
        self._thresholds = thresholds
        self._device = device
        self._networks = Networks.load(device)

    @classmethod
    def of(cls, preparation: Preparation) -> "FaceDetector":
        """The detector that a preparation asks for, on the CPU."""
        return cls(
            long_side_px=preparation.detect_long_side_px,
            min_face_px=preparation.min_face_px,
            thresholds=preparation.detect_thresholds,
            detect_every=preparation.detect_every,
        )

    def detect(self, frames: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> list[Detections]:
        """Find the faces of each frame.

        Args:
            frames: RGB, in the order of time where ``detect_every`` is more than 1.

        Returns:
            One for each frame, in order; a frame smaller than ``min_face_px`` has none.
        """
        if len({frame.shape for frame in frames}) > 1:
            return self._search(frames)
        searched = searched_frames(len(frames), every=self._detect_every)
        found = dict(zip(searched, self._search([frames[index] for index in searched]), strict=True))
        if any(len(each.boxes_px) for each in found.values()):
            found |= self._follow(frames, found)
        missing = [index for index in range(len(frames)) if index not in found]
        found |= zip(missing, self._search([frames[index] for index in missing]), strict=True)
        return [found[index] for index in range(len(frames))]

    def _follow(
        self, frames: Sequence[UInt8[np.ndarray, "H W 3"]], found: dict[int, Detections]
    ) -> dict[int, Detections]:
        """What is seen in the frames that show what the searched ones let expect."""
        expected = {index: expect(index, found) for index in range(len(frames)) if index not in found}
        asked = [index for index, each in expected.items() if each.is_sure]
        if not asked:
            return {}
        boxes = look_at(
            [torch.from_numpy(frames[index]).to(self._device) for index in asked],
            [expected[index].places_px for index in asked],
            self._networks,
            thresholds=self._thresholds,
        )
        seen = {}
        for index, frame_boxes in zip(asked, boxes, strict=True):
            shape = frames[index].shape[:2]
            detections = _in_frame(frame_boxes, scaled=shape, shown=shape)
            if is_confirmed(expected[index], detections):
                seen[index] = detections
        return seen

    def _search(self, frames: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> list[Detections]:
        """Search each frame whole; a frame's result does not depend on the others (to 1e-3 px)."""
        scaled = [scale_down(frame, long_side_px=self._long_side_px) for frame in frames]
        found = [Detections.none() for _ in frames]
        for batch in _batches([image.shape[:2] for image in scaled]):
            stacked = torch.from_numpy(np.stack([scaled[index] for index in batch])).to(self._device)
            boxes = find_faces(stacked, self._networks, min_face_px=self._min_face_px, thresholds=self._thresholds)
            for index, frame_boxes in zip(batch, boxes, strict=True):
                found[index] = _in_frame(frame_boxes, scaled=scaled[index].shape[:2], shown=frames[index].shape[:2])
        return found


def scale_down(frame: UInt8[np.ndarray, "H W 3"], *, long_side_px: int) -> UInt8[np.ndarray, "h w 3"]:
    """Scale a frame so that its longer side is at most ``long_side_px``, never up.

    Box average by the largest whole factor, then bilinear with antialiasing: both in Pillow's fixed-point arithmetic,
    so that the result is the same on every machine.
    """
    height_px, width_px = frame.shape[:2]
    ratio = long_side_px / max(height_px, width_px, 1)
    if ratio >= 1:
        return frame
    size = (max(1, round(width_px * ratio)), max(1, round(height_px * ratio)))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR, reducing_gap=1.0))


def _batches(shapes: list[tuple[int, ...]]) -> list[list[int]]:
    """Indices of frames that go through the networks together: of one size, and not too many."""
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for index, shape in enumerate(shapes):
        by_shape.setdefault(shape, []).append(index)
    batches = []
    for (height_px, width_px), indices in by_shape.items():
        length = max(1, _PIXELS_PER_BATCH // max(height_px * width_px, 1))
        batches += [indices[start : start + length] for start in range(0, len(indices), length)]
    return batches


def _in_frame(boxes: Float[np.ndarray, "N 5"], *, scaled: tuple[int, ...], shown: tuple[int, ...]) -> Detections:
    """Boxes of a scaled frame in pixels of the frame as shown, without degenerate ones, the largest first."""
    ratio = np.array([shown[1] / scaled[1], shown[0] / scaled[0]] * 2)
    corners = (boxes[:, :4] * ratio).astype(np.float32)
    sides = corners[:, 2:] - corners[:, :2]
    usable = np.isfinite(corners).all(axis=1) & (sides > 0).all(axis=1)
    order = np.argsort(-sides.prod(axis=1), kind="stable")
    order = order[usable[order]]
    return Detections(boxes_px=corners[order], confidence=boxes[order, 4].astype(np.float32))
