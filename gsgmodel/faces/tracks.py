"""Follows each face through the sampled frames of a window and from one window to the next; pure functions.

Sampled frames can be seconds apart, so a face is followed by place and size alone: two boxes can be one face if their
centres are at most 0.8 of their mean side apart and neither is more than twice as large as the other. A jump beyond
that is a cut between shots, or another face, and starts a new track. Of the pairs that remain the best go first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from gsgmodel.faces import boxes as box
from gsgmodel.faces.detections import Detections

MAX_DISTANCE = 0.8
"""Farthest that a face moves between two sightings, in mean sides of its two boxes."""
MAX_SIZE_RATIO = 2.0
"""Most that a face grows or shrinks between two sightings."""
COST_PER_MISSED_FRAME = 0.1
"""A track seen in the frame before is preferred to one that was last seen earlier."""
SURE_CONFIDENCE = 0.95
"""Mean confidence from which a track is believed however seldom it was seen."""
MIN_SHARE = 1 / 2
"""Share of a window's frames in which a less confident track must be seen to be believed."""
MIN_SIGHTINGS = 2
"""Fewest sightings of a less confident track that is believed."""
MAX_GAP_FRAMES = 2
"""Most missing frames in a row that are bridged by interpolation."""
SMOOTHING_MIN_IOU = 0.7
"""Overlap with both neighbours from which a box is smoothed: detector jitter, not motion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sightings:
    """One face in the frames of a window in which it was found."""

    frame: Int64[np.ndarray, "K"]
    """Index of each frame, rising; at least one."""
    boxes_px: Float32[np.ndarray, "K 4"]
    confidence: Float32[np.ndarray, "K"]

    @property
    def weight_px2(self) -> float:
        """Length x area: the sum of the boxes' areas over the frames in which the face was found."""
        return float(box.areas(self.boxes_px).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One face in every frame of a window."""

    boxes_px: Float32[np.ndarray, "N 4"]
    """The face in the frame that stands for each frame."""
    frame: Int64[np.ndarray, "N"]
    """The frame that stands for each frame: itself, or the nearest one with the face where it is out of sight."""
    detected: Bool[np.ndarray, "N"]
    """Whether the face was found in the frame itself."""


def link_frames(detections: Sequence[Detections]) -> list[Sightings]:
    """Link the faces of a window's frames to tracks.

    Args:
        detections: What was found in each frame, in the order of time.

    Returns:
        Tracks in the order of their first sighting, every detection in exactly one of them.
    """
    tracks: list[list[tuple[int, int]]] = []
    for index, found in enumerate(detections):
        last = [track[-1] for track in tracks]
        last_boxes = np.array([detections[f].boxes_px[i] for f, i in last], np.float32).reshape(-1, 4)
        missed = np.array([index - 1 - f for f, _ in last], np.float64)
        taken = _match(last_boxes, found.boxes_px, extra_cost=COST_PER_MISSED_FRAME * missed)
        for face, track in enumerate(taken.tolist()):
            if track < 0:
                tracks.append([(index, face)])
            else:
                tracks[track].append((index, face))
    return [
        Sightings(
            frame=np.array([f for f, _ in track], np.int64),
            boxes_px=np.stack([detections[f].boxes_px[i] for f, i in track]),
            confidence=np.array([detections[f].confidence[i] for f, i in track], np.float32),
        )
        for track in tracks
    ]


def is_believed(confidence: Float[np.ndarray, "K"], *, num_frames: int) -> bool:
    """Whether a track is a face: mean confidence of 0.95, or seen at least twice and in half of the window's frames.

    The detector takes prints, hands and patterns for faces in some frames, mostly with a confidence below 0.9; a real
    face that it hardly recognises comes back in most frames.

    Args:
        confidence: Of each sighting, at least one.
        num_frames: Frames of the window.
    """
    is_steady = len(confidence) >= max(MIN_SIGHTINGS, MIN_SHARE * num_frames)
    return is_steady or float(confidence.mean()) >= SURE_CONFIDENCE


def complete(sightings: Sightings, *, num_frames: int) -> Track:
    """Give a track a box in every frame of the window.

    Between two sightings at most two missing frames get an interpolated box. In longer gaps, before the first and
    after the last sighting the nearest sighted frame stands for a frame, so that no background is taken for a face;
    of two equally near ones the earlier. Boxes are then smoothed (``boxes.smooth``).

    Args:
        sightings: Where the face was found.
        num_frames: Frames of the window.
    """
    wanted = np.arange(num_frames)
    seen = sightings.frame
    nearest = seen[np.abs(wanted[:, None] - seen[None]).argmin(axis=1)]
    after = np.searchsorted(seen, wanted)
    inside = (after > 0) & (after < len(seen))
    gap = seen[np.minimum(after, len(seen) - 1)] - seen[np.maximum(after - 1, 0)] - 1
    detected = np.isin(wanted, seen)
    own = detected | (inside & (gap <= MAX_GAP_FRAMES))
    frame = np.where(own, wanted, nearest)
    boxes = box.interpolate(sightings.boxes_px, seen, length=num_frames)
    smoothed = box.smooth(boxes, own, min_iou=SMOOTHING_MIN_IOU)
    return Track(boxes_px=smoothed[frame].astype(np.float32), frame=frame, detected=detected)


def link_windows(
    previous_px: Float32[np.ndarray, "P 4"], current_px: Float32[np.ndarray, "C 4"]
) -> Int64[np.ndarray, "C"]:
    """Link tracks over the border of two windows that touch, by place and size.

    Args:
        previous_px: Last sighting of each track of the window before.
        current_px: First sighting of each track of the window after it.

    Returns:
        For each track of the window after, the track of the window before that it continues, or -1.
    """
    return _match(previous_px, current_px, extra_cost=np.zeros(len(previous_px)))


def _match(
    known_px: Float32[np.ndarray, "P 4"],
    found_px: Float32[np.ndarray, "C 4"],
    *,
    extra_cost: Float64[np.ndarray, "P"],
) -> Int64[np.ndarray, "C"]:
    """Pair boxes that can be one face, cheapest pair first; for each found box the known one, or -1."""
    distance = box.relative_distance(known_px, found_px)
    possible = (distance <= MAX_DISTANCE) & (box.size_ratio(known_px, found_px) <= MAX_SIZE_RATIO)
    cost = distance + 1 - box.iou(known_px, found_px) + extra_cost[:, None]
    matched = np.full(len(found_px), -1, np.int64)
    free = np.ones(len(known_px), bool)
    pairs = np.argwhere(possible)
    for known, found in pairs[np.argsort(cost[possible], kind="stable")].tolist():
        if free[known] and matched[found] < 0:
            matched[found] = known
            free[known] = False
    return matched
