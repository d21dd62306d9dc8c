"""Faces of one video used in another that shows the same: a fake cropped where its original is, its mask as it is.

Two videos that show the same are matched by time, so that one may have lost frames, or be a little shorter.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, UInt8

from gsgmodel.faces.crops import crop_face
from gsgmodel.faces.detections import Detections
from gsgmodel.records import FaceClip


class SeenFaces:
    """The detections of one video, frame by frame."""

    def __init__(self) -> None:
        self._time_s: list[float] = []
        self._found: list[Detections] = []
        self._sizes_px: list[tuple[int, int]] = []

    def add(
        self,
        time_s: Float64[np.ndarray, "N"],
        frames: Sequence[UInt8[np.ndarray, "_ _ 3"]],
        found: Sequence[Detections],
    ) -> None:
        """Note what was found in some frames; the frames are not kept.

        Args:
            time_s: When each is shown, in seconds from the video's first frame.
            frames: As many.
            found: In each.
        """
        self._time_s += time_s.tolist()
        self._sizes_px += [(frame.shape[1], frame.shape[0]) for frame in frames]
        self._found += found

    def at(self, time_s: float, *, width_px: int, height_px: int) -> Detections:
        """Return what was found nearest to a time, in pixels of a frame of another size; nothing where no frame was."""
        if not self._time_s:
            return Detections.none()
        nearest = int(np.argmin(np.abs(np.array(self._time_s) - time_s)))
        found, (seen_width_px, seen_height_px) = self._found[nearest], self._sizes_px[nearest]
        ratio = np.array([width_px / seen_width_px, height_px / seen_height_px] * 2, np.float32)
        return Detections(boxes_px=found.boxes_px * ratio, confidence=found.confidence)


class Replay:
    """A ``Finder`` that looks at no frame: it answers with what was found in another video at the same time."""

    def __init__(self, seen: SeenFaces) -> None:
        self._seen = seen
        self._time_s: Float64[np.ndarray, "N"] = np.zeros(0)

    def expect(self, time_s: Float64[np.ndarray, "N"]) -> None:
        """Say when the frames of the next call are shown, in seconds from the video's first frame."""
        self._time_s = time_s

    def detect(self, frames: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> list[Detections]:
        """Return the other video's detections for each frame, scaled to its size.

        Raises:
            ValueError: If other frames were expected.
        """
        if len(frames) != len(self._time_s):
            raise ValueError(f"{len(frames)} frames came where {len(self._time_s)} were expected")
        return [
            self._seen.at(time_s, width_px=frame.shape[1], height_px=frame.shape[0])
            for frame, time_s in zip(frames, self._time_s.tolist(), strict=True)
        ]


class MaskMaker:
    """Takes the windows of a mask's video in order and crops them as the clips of the video that it belongs to."""

    def __init__(self, clips: Sequence[FaceClip], *, width_px: int, height_px: int, scale: float) -> None:
        """Begin.

        Args:
            clips: Of the video.
            width_px: Of its frames.
            height_px: Of its frames.
            scale: Side of the square crop relative to the longer side of the face's box.
        """
        self._clips = clips
        self._frame_px = (width_px, height_px)
        self._scale = scale
        self._masks: list[list[UInt8[np.ndarray, "S S"] | None]] = [[None] * len(clip.time_s) for clip in clips]
        self._away_s = [np.full(len(clip.time_s), np.inf) for clip in clips]

    def add(self, time_s: Float64[np.ndarray, "N"], frames: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> None:
        """Crop what is nearer in time to a clip's frames than what came before; the frames are not kept.

        Args:
            time_s: When each frame is shown, in seconds from the first.
            frames: Grey as RGB, each once; at least one.
        """
        for clip, masks, away_s in zip(self._clips, self._masks, self._away_s, strict=True):
            apart_s = np.abs(clip.time_s[:, None] - time_s[None])
            nearest, nearest_s = apart_s.argmin(axis=1), apart_s.min(axis=1)
            for place in np.flatnonzero(nearest_s < away_s).tolist():
                masks[place] = self._cut(frames[nearest[place]], clip, place)
                away_s[place] = nearest_s[place]

    def finish(self) -> list[UInt8[np.ndarray, "T S S"]]:
        """Return the mask of each clip; at least one window was added."""
        return [np.stack([mask for mask in masks if mask is not None]) for masks in self._masks]

    def _cut(self, frame: UInt8[np.ndarray, "_ _ 3"], clip: FaceClip, place: int) -> UInt8[np.ndarray, "S S"]:
        ratio = np.array([frame.shape[1] / self._frame_px[0], frame.shape[0] / self._frame_px[1]] * 2)
        crop, _ = crop_face(frame, clip.boxes_px[place] * ratio, scale=self._scale, size_px=clip.crops.shape[1])
        # Some data sets mark what is forged in colour.
        mask: UInt8[np.ndarray, "S S"] = crop.max(axis=2)
        return mask
