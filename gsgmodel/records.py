"""What passes between rooms: references, what is known of a video, clips and how they were prepared."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRef:
    """One video in an archive as it was when it was listed; never its bytes."""

    uri: str
    """Canonical: an absolute ``file://`` URI, or ``s3://bucket/key`` with the key as it is."""
    etag: str
    """Changes whenever the object does; of a local file, its modification time in nanoseconds."""
    size_bytes: int
    last_modified_s: float
    """Seconds since the epoch, UTC."""
    video_id: bytes
    """16 bytes: the hash of uri, etag and size (``gsgmodel.archive.identity``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """What the container and the decoder say of a video's picture."""

    container: str
    codec: str
    decoder: str
    """The decoder's version, for example ``av 18.1.0``."""
    width_px: int
    """As shown, after rotation."""
    height_px: int
    """As shown, after rotation."""
    duration_s: float
    """From the first to the end of the last frame, by timestamps."""
    native_fps: float
    """Mean rate of the stream's own frames; 0 where it has only one."""
    num_frames: int
    """Frames that exist in the track, not what its header claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """How a video becomes the model's input; part of a model's identity and the same in training and scoring."""

    frames_per_clip: int = 12
    """Frames sampled for a clip, at the centres of equal bins of the frames that exist (section 3.1 of the paper)."""
    detect_long_side_px: int = 640
    """Frames are scaled down so that their longer side is at most this before faces are looked for."""
    min_face_px: int = 20
    """Smallest face that is looked for, in pixels of the scaled frame."""
    detect_thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7)
    """Confidence that a face must reach in each of MTCNN's three networks."""
    detect_every: int = 3
    """Every so many of a window's frames are searched whole; in those between, faces are looked for where they are
    expected (``gsgmodel.faces.following``). 1 searches all. Of 132 frames of 11 videos of FaceForensics++ and DFDC the
    main face is found in 131, and its crop overlaps that of a search at full size by 0.957 in the median (1: 132 and
    0.963), in 0.36 of the time (tests/bench/faces.py)."""
    crop_scale: float = 1.3
    """Side of the square crop relative to the longer side of the face's box (FaceForensics++)."""
    crop_size_px: int = 224
    """Side of a crop after resizing."""

    @property
    def digest(self) -> str:
        """Hash of every value, as 64 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Every value, for JSON; ``detect_every`` only where it is not 1, which is what a file without it means."""
        values = asdict(self)
        if self.detect_every == 1:
            del values["detect_every"]
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceClip:
    """One face in one window of a video: the model's input and where it came from."""

    track_id: int
    """The same in every clip of one face; numbered from 0 within the video."""
    start_s: float
    """The window that the clip stands for, half-open."""
    end_s: float
    time_s: Float64[np.ndarray, "T"]
    """When each frame is shown, in seconds from the video's first frame."""
    boxes_px: Float32[np.ndarray, "T 4"]
    """The face, ``x0 y0 x1 y1`` in pixels of the frame as shown; before the crop's enlargement."""
    detected: Bool[np.ndarray, "T"]
    """Whether the face was found in the frame; elsewhere its box is interpolated or repeated."""
    crops: UInt8[np.ndarray, "T S S 3"]
    """RGB."""
    is_reduced: bool
    """Whether a crop had to be cut by more than a fifth at the frame's edge."""
