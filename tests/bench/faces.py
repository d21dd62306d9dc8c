"""Finding faces in the sampled frames, against facenet-pytorch's ``detect`` on the same frames at full size.

Measured are CPU time, and how well our boxes stand for those of ``detect``: of the frames in which it is sure of a face
(0.95), in how many its largest one is found (overlap of at least half), and how far the two crops overlap.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from facenet_pytorch import MTCNN
from jaxtyping import Float32, Float64

from gsgmodel.archive.listing import VIDEO_SUFFIXES
from gsgmodel.errors import VideoError
from gsgmodel.faces.boxes import areas, iou
from gsgmodel.faces.crops import crop_window
from gsgmodel.faces.detections import Detections
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.model.settings import PREPARATION
from gsgmodel.video.reader import open_video
from tests.bench.side_by_side import Comparison, take_turns

SURE, SAME = 0.95, 0.5
PEER = "facenet-pytorch detect"


def measure(folder: Path, *, rounds: int) -> Comparison:
    """Compare over the first window of every video of a folder."""
    torch.set_num_threads(1)
    videos = {
        path.name: first_window(path) for path in sorted(folder.iterdir()) if path.suffix.lower() in VIDEO_SUFFIXES
    }
    videos = {name: frames for name, frames in videos.items() if frames}
    peer = MTCNN(keep_all=True, device="cpu")
    ways = {"every frame": detector(1), f"every {PREPARATION.detect_every}rd frame": detector(PREPARATION.detect_every)}
    reference = {name: [sure_box(peer, frame) for frame in frames] for name, frames in videos.items()}

    def detect_all() -> None:
        with torch.inference_mode():
            for frames in videos.values():
                peer.detect(frames)

    took_s = take_turns(
        {PEER: detect_all}
        | {name: lambda way=way: [way.detect(frames) for frames in videos.values()] for name, way in ways.items()},
        rounds=rounds,
    )
    facts = {"videos": len(videos), "frames": sum(len(frames) for frames in videos.values())}
    for name, way in ways.items():
        facts[name] = agreement(videos, reference, {video: way.detect(frames) for video, frames in videos.items()})
    return Comparison(title="Faces", peer=PEER, took_s=took_s, facts=facts)


def detector(every: int) -> FaceDetector:
    """As a scan builds it."""
    return FaceDetector.of(replace(PREPARATION, detect_every=every))


def first_window(path: Path) -> list[np.ndarray]:
    """The sampled frames of a video's first window; none where it has none."""
    try:
        with path.open("rb") as file, open_video(file) as video:
            return [np.array(frame) for frame in next(iter(video.read())).frames]
    except VideoError:
        return []


def sure_box(peer: MTCNN, frame: np.ndarray) -> Float32[np.ndarray, "4"] | None:
    """The largest of the faces of which ``detect`` is sure."""
    with torch.inference_mode():
        found, confidence = peer.detect(frame)
    if found is None:
        return None
    boxes = np.asarray(found, np.float32)[np.asarray(confidence, np.float32) >= SURE]
    largest: Float32[np.ndarray, "4"] | None = boxes[areas(boxes).argmax()] if len(boxes) else None
    return largest


def agreement(
    videos: dict[str, list[np.ndarray]],
    reference: dict[str, list[Float32[np.ndarray, "4"] | None]],
    found: dict[str, list[Detections]],
) -> str:
    """In words: how many of the reference's faces are found, and how far the crops overlap."""
    num_known, overlaps = 0, []
    for name, frames in videos.items():
        for frame, known, detections in zip(frames, reference[name], found[name], strict=True):
            if known is None:
                continue
            num_known += 1
            overlap = iou(known[None], detections.boxes_px)[0]
            if len(overlap) and overlap.max() >= SAME:
                ours = detections.boxes_px[overlap.argmax()]
                overlaps.append(float(iou(crop_box(known, frame), crop_box(ours, frame))[0, 0]))
    low, middle = np.percentile(overlaps, [5, 50])
    return f"{len(overlaps)} of {num_known} main faces found, crops overlap by {middle:.3f} (median; 5 %: {low:.3f})"


def crop_box(box: Float32[np.ndarray, "4"], frame: np.ndarray) -> Float64[np.ndarray, "1 4"]:
    """The square that is cropped around a face."""
    x0, y0, side, _ = crop_window(box, width_px=frame.shape[1], height_px=frame.shape[0], scale=PREPARATION.crop_scale)
    return np.array([[x0, y0, x0 + side, y0 + side]], np.float64)
