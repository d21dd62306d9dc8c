"""What a face detector says of one frame."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """The faces found in one frame, the largest first."""

    boxes_px: Float32[np.ndarray, "N 4"]
    """``x0 y0 x1 y1`` in pixels of the frame as given; finite, of positive area, possibly beyond the frame's edge."""
    confidence: Float32[np.ndarray, "N"]
    """0 to 1, at least the detector's last threshold."""

    @staticmethod
    def none() -> "Detections":
        """A frame without a face."""
        return Detections(boxes_px=np.zeros((0, 4), np.float32), confidence=np.zeros(0, np.float32))
