"""Where a known face is looked for in the frames between two that were searched whole; pure functions.

A whole search costs many times as much as a look at the few places where a face can be. So of the frames of a window
only every so many are searched whole; in each of the others the faces of the searched frames on both sides are
expected, and the last two networks judge windows around those places. A frame in which a sure face is not confirmed is
searched whole after all: after a cut, a jump or a turned head nothing is lost but time. What may be missed is another
face that comes and goes between two searched frames while those that are expected are all there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from gsgmodel.faces import boxes as box
from gsgmodel.faces.detections import Detections
from gsgmodel.faces.tracks import SURE_CONFIDENCE, link_windows

CONFIRMED_CONFIDENCE = 0.9
"""A sure face that comes back with less is searched for in the whole frame."""
SCALES = (0.8, 1.0, 1.25)
"""Sizes of the windows that are judged, relative to the face that is expected. Of 175 frames of 25 videos 23 were
searched whole after all; with one size alone 27."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The faces that may be seen in a frame that was not searched."""

    boxes_px: Float32[np.ndarray, "N 4"]
    """Where each is expected: between its two sightings, or where it was seen on one side alone."""
    is_sure: tuple[bool, ...]
    """Whether it was found with a confidence from which a track is believed."""
    places_px: Float64[np.ndarray, "M 4"]
    """Windows to be judged."""


def searched_frames(num_frames: int, *, every: int) -> list[int]:
    """Indices of the frames that are searched whole: none of the others is more than ``every - 1`` from one.

    Args:
        num_frames: Of the window.
        every: 1 for all of them.
    """
    if num_frames <= 0:
        return []
    first = min(every // 2, num_frames - 1)
    searched = list(range(first, num_frames, every))
    if num_frames - 1 - searched[-1] > every // 2:
        searched.append(num_frames - 1)
    return searched


def expect(index: int, found: dict[int, Detections]) -> Expected:
    """What may be seen in a frame, by the nearest searched frames before and after it.

    Args:
        index: Of the frame.
        found: What was found in each searched frame, at least one.
    """
    before = max((each for each in found if each < index), default=None)
    after = min((each for each in found if each > index), default=None)
    earlier = Detections.none() if before is None else found[before]
    later = Detections.none() if after is None else found[after]
    share = 0.5 if before is None or after is None else (index - before) / (after - before)
    known = link_windows(earlier.boxes_px, later.boxes_px)
    middles, places, sure = [], [], []
    for first, second in _pairs(known, len(earlier.boxes_px)):
        seen = [*earlier.boxes_px[first], *later.boxes_px[second]]
        confidence = [*earlier.confidence[first], *later.confidence[second]]
        middle = seen[0] * (1 - share) + seen[1] * share if len(seen) > 1 else seen[0]
        middles.append(middle)
        sure.append(float(max(confidence)) >= SURE_CONFIDENCE)
        places += [middle, *(seen if len(seen) > 1 else [])]
    around = np.array(places, np.float64).reshape(-1, 4)
    return Expected(
        boxes_px=np.array(middles, np.float32).reshape(-1, 4),
        is_sure=tuple(sure),
        places_px=np.concatenate([_scaled(around, scale) for scale in SCALES]),
    )


def is_confirmed(expected: Expected, found: Detections) -> bool:
    """Whether a frame shows what was expected: every sure face, and there was something to expect."""
    if not expected.is_sure:
        return False
    place = link_windows(expected.boxes_px, found.boxes_px)
    back = {int(place[face]) for face in np.flatnonzero(found.confidence >= CONFIRMED_CONFIDENCE)}
    return all(index in back for index, sure in enumerate(expected.is_sure) if sure)


def _pairs(known: Int64[np.ndarray, "L"], num_earlier: int) -> Sequence[tuple[list[int], list[int]]]:
    """The faces of both sides: those on both, on the earlier alone, on the later alone; as indices on each side."""
    both = {int(first): second for second, first in enumerate(known.tolist()) if first >= 0}
    earlier = [([first], [both[first]] if first in both else []) for first in range(num_earlier)]
    no_face: list[int] = []
    return earlier + [(no_face, [int(second)]) for second in np.flatnonzero(known < 0)]


def _scaled(boxes_px: Float64[np.ndarray, "M 4"], scale: float) -> Float64[np.ndarray, "M 4"]:
    middle = np.tile(box.centres(boxes_px), 2)
    scaled: Float64[np.ndarray, "M 4"] = middle + (boxes_px - middle) * scale
    return scaled
