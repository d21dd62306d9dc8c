"""From the windows of one video to the clips of its faces: the room's entry."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from gsgmodel.faces.crops import crop_face
from gsgmodel.faces.detections import Detections
from gsgmodel.faces.tracks import Sightings, complete, is_believed, link_frames, link_windows
from gsgmodel.records import FaceClip

_TOUCH_S = 1e-6
"""Windows whose ends differ by less touch: their bounds are computed, not read."""


@runtime_checkable
class Finder(Protocol):
    """Finds faces; ``gsgmodel.faces.detector.FaceDetector`` is one."""

    def detect(self, frames: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> list[Detections]:
        """Detections of each frame, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceCounts:
    """What was found in a video, beside the clips that were kept."""

    num_faces: int
    """Tracks of the whole video, kept or not."""
    faces_dropped: int
    """Tracks of which no clip was kept because of ``max_clips``."""
    clips_dropped: int
    """Clips that ``max_clips`` left out; with ``faces="largest"`` those of the chosen face."""


@dataclass(slots=True, kw_only=True)
class _Candidate:
    """One face in one window that may become a clip."""

    face: int
    rank: int
    """0 for the largest face of its window."""
    start_s: float
    sightings: Sightings
    clip: FaceClip | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """The frames of a window; gone once its clips are cut."""

    start_s: float
    end_s: float
    time_s: Float64[np.ndarray, "N"]
    frames: Sequence[UInt8[np.ndarray, "_ _ 3"]]
    positions: tuple[int, ...]


class ClipMaker:
    """Takes the windows of one video in order of time and keeps the clips of its faces, never more than it may.

    A window's largest track (length x area) comes first: with ``faces="all"`` every window keeps its largest face
    before any keeps its second, and so on until ``max_clips``; of equal rank the larger go first. With
    ``faces="largest"`` only the track that is largest over the whole video is kept; up to ``2 * max_clips`` clips of
    the tracks that are largest so far are held until it is known. Memory: those clips and one window's frames.
    """

    def __init__(
        self,
        detector: Finder,
        *,
        frames_per_clip: int,
        crop_scale: float,
        crop_size_px: int,
        faces: Literal["all", "largest"],
        max_clips: int,
    ) -> None:
        """Start a video.

        Args:
            detector: Finds the faces of frames.
            frames_per_clip: Length of every clip.
            crop_scale: Side of the square crop relative to the longer side of the face's box.
            crop_size_px: Side of a crop after resizing.
            faces: Keep every face, or only the one with the largest length x area.
            max_clips: Most clips that are kept, at least 1.
        """
        self._detector = detector
        self._frames_per_clip = frames_per_clip
        self._crop_scale = crop_scale
        self._crop_size_px = crop_size_px
        self._only_largest = faces == "largest"
        self._max_clips = max_clips
        self._kept: list[_Candidate] = []
        self._weight_px2: list[float] = []
        self._num_clips: list[int] = []
        self._reference: tuple[int, int] | None = None
        self._last_end_s = -np.inf
        self._last_faces: list[int] = []
        self._last_boxes_px: Float32[np.ndarray, "P 4"] = np.zeros((0, 4), np.float32)

    def add(
        self,
        window_start_s: float,
        window_end_s: float,
        time_s: Float64[np.ndarray, "N"],
        frames: Sequence[UInt8[np.ndarray, "_ _ 3"]],
        positions: tuple[int, ...],
    ) -> None:
        """Find and follow the faces of one window and keep their crops; the frames are not kept.

        Args:
            window_start_s: The window, half-open; it touches the one added before if it starts where that ended.
            window_end_s: Its end.
            time_s: When each frame is shown, in seconds from the video's first frame, rising.
            frames: RGB, each once, in the order of time.
            positions: The frame (an index into ``frames``) at each place of the clip; fewer frames than places
                repeat.

        Raises:
            ValueError: ``positions`` is not of length ``frames_per_clip`` or points outside ``frames``.
        """
        if len(positions) != self._frames_per_clip or not all(0 <= p < len(frames) for p in positions):
            raise ValueError(f"positions {positions} do not fit {self._frames_per_clip} places, {len(frames)} frames")
        window = _Window(start_s=window_start_s, end_s=window_end_s, time_s=time_s, frames=frames, positions=positions)
        found = self._in_reference(self._detector.detect(frames), frames)
        tracks = [t for t in link_frames(found) if is_believed(t.confidence, num_frames=len(frames))]
        tracks.sort(key=lambda track: -track.weight_px2)
        new = [
            _Candidate(face=face, rank=rank, start_s=window_start_s, sightings=track)
            for rank, (face, track) in enumerate(zip(self._name(tracks, window), tracks, strict=True))
        ]
        limit = self._max_clips * (2 if self._only_largest else 1)
        self._kept = sorted(self._kept + new, key=self._order)[:limit]
        for candidate in self._kept:
            if candidate.clip is None:
                candidate.clip = self._cut(candidate, window)

    def finish(self) -> tuple[list[FaceClip], FaceCounts]:
        """The video's clips in the order of time, then of faces, and what was left out.

        Faces are numbered from 0 in the order of their first sighting, the larger of a window first.
        """
        kept = self._kept
        num_candidates = sum(self._num_clips)
        if self._only_largest and kept:
            largest = min(kept, key=self._order).face
            kept = [candidate for candidate in kept if candidate.face == largest][: self._max_clips]
            num_candidates = self._num_clips[largest]
        faces = sorted({candidate.face for candidate in kept})
        clips = [
            replace(candidate.clip, track_id=faces.index(candidate.face))
            for candidate in sorted(kept, key=lambda candidate: (candidate.start_s, candidate.face))
            if candidate.clip is not None
        ]
        dropped = 0 if self._only_largest else len(self._weight_px2) - len(faces)
        return clips, FaceCounts(
            num_faces=len(self._weight_px2), faces_dropped=dropped, clips_dropped=num_candidates - len(clips)
        )

    def _order(self, candidate: _Candidate) -> tuple[float, float, float]:
        """What is kept first."""
        if self._only_largest:
            return (-self._weight_px2[candidate.face], candidate.face, candidate.start_s)
        return (candidate.rank, -candidate.sightings.weight_px2, candidate.start_s)

    def _name(self, tracks: list[Sightings], window: _Window) -> list[int]:
        """Number the tracks of a window: those of the window before go on where the two touch, others are new."""
        first = np.array([track.boxes_px[0] for track in tracks], np.float32).reshape(-1, 4)
        touches = abs(window.start_s - self._last_end_s) < _TOUCH_S
        before = link_windows(self._last_boxes_px if touches else self._last_boxes_px[:0], first)
        names = []
        for track, previous in zip(tracks, before.tolist(), strict=True):
            if previous < 0:
                self._weight_px2.append(0.0)
                self._num_clips.append(0)
            name = len(self._weight_px2) - 1 if previous < 0 else self._last_faces[previous]
            self._weight_px2[name] += track.weight_px2
            self._num_clips[name] += 1
            names.append(name)
        self._last_end_s = window.end_s
        self._last_faces = names
        self._last_boxes_px = np.array([track.boxes_px[-1] for track in tracks], np.float32).reshape(-1, 4)
        return names

    def _in_reference(self, found: list[Detections], frames: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> list[Detections]:
        """Boxes as if every frame had the size of the video's first, so that they can be compared."""
        return [
            replace(detections, boxes_px=(detections.boxes_px / self._ratio(frame)).astype(np.float32))
            for detections, frame in zip(found, frames, strict=True)
        ]

    def _ratio(self, frame: UInt8[np.ndarray, "H W 3"]) -> Float64[np.ndarray, "4"]:
        """A frame's size over that of the video's first frame, for each coordinate of a box."""
        height_px, width_px = frame.shape[:2]
        if self._reference is None:
            self._reference = (height_px, width_px)
        return np.array([width_px / self._reference[1], height_px / self._reference[0]] * 2)

    def _cut(self, candidate: _Candidate, window: _Window) -> FaceClip:
        """Crop a face out of the frames of its window; each frame once, however often it is shown."""
        track = complete(candidate.sightings, num_frames=len(window.frames))
        places = np.array(window.positions, np.int64)
        shown = track.frame[places]
        cut = {}
        for index in np.unique(shown).tolist():
            frame = window.frames[index]
            box_px = (track.boxes_px[index] * self._ratio(frame)).astype(np.float32)
            cut[index] = (box_px, *crop_face(frame, box_px, scale=self._crop_scale, size_px=self._crop_size_px))
        return FaceClip(
            track_id=candidate.face,
            start_s=window.start_s,
            end_s=window.end_s,
            time_s=window.time_s[shown],
            boxes_px=np.stack([cut[index][0] for index in shown.tolist()]),
            detected=track.detected[places],
            crops=np.stack([cut[index][1] for index in shown.tolist()]),
            is_reduced=any(is_reduced for _, _, is_reduced in cut.values()),
        )


def is_seen_enough(detected: Bool[np.ndarray, "T"]) -> bool:
    """Whether a face was found in at least a third of the frames of its clip."""
    return 3 * int(detected.sum()) >= len(detected)
