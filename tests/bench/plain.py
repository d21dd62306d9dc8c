"""The script that most users would write for the same task, tuned as one of them would: the peer of a scan.

    python tests/bench/plain.py [--one-by-one] FILE...

OpenCV decodes every frame and keeps twelve at even distances; facenet-pytorch's ``detect`` looks for faces in the full
frames, all twelve in one call (one call each with ``--one-by-one``, as in examples); the largest face is cropped as
FaceForensics++ does; torchvision's ResNet-34 with two outputs judges the crops in one batch. One process a core, one
thread each, models loaded once a process, inference mode. Prints a line of JSON a video as it is done. Needs OpenCV
(``pip install -e .[bench]``).
"""

import json
import multiprocessing
import os
import sys

import cv2
import numpy as np
import torch
from facenet_pytorch import MTCNN
from torchvision.models import resnet34

FRAMES, SIZE_PX, SCALE = 12, 224, 1.3
MEAN, STD = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))
MODELS = {}
ONE_BY_ONE = "--one-by-one" in sys.argv


def load() -> None:
    """Once a process."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    network = resnet34(weights=None)
    network.fc = torch.nn.Linear(512, 2)
    MODELS.update(faces=MTCNN(keep_all=True, device="cpu"), network=network.eval())


def frames_of(path: str) -> list[np.ndarray]:
    """Twelve frames at even distances, RGB."""
    video = cv2.VideoCapture(path)
    count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    wanted = set(np.linspace(0, max(count - 1, 0), FRAMES).astype(int).tolist())
    kept, index = [], 0
    while video.grab():
        if index in wanted:
            kept.append(cv2.cvtColor(video.retrieve()[1], cv2.COLOR_BGR2RGB))
        index += 1
    return kept


def crop(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The square around a face, enlarged by 1.3."""
    x0, y0, x1, y1 = np.rint(box).astype(int)
    side = int(max(x1 - x0, y1 - y0) * SCALE)
    left, top = max((x0 + x1) // 2 - side // 2, 0), max((y0 + y1) // 2 - side // 2, 0)
    return cv2.resize(frame[top : top + side, left : left + side], (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA)


@torch.inference_mode()
def judge(path: str) -> dict[str, object]:
    """A video's score, or none."""
    frames = frames_of(path)
    crops = []
    find = MODELS["faces"].detect
    all_found = [find(frame)[0] for frame in frames] if ONE_BY_ONE else find(frames)[0]
    for frame, found in zip(frames, all_found, strict=True):
        if found is not None:
            boxes = np.asarray(found, np.float32)
            crops.append(crop(frame, boxes[np.argmax(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))]))
    if not crops:
        return {"path": path, "score": None}
    pixels = (torch.from_numpy(np.stack(crops)).float() / 255 - MEAN) / STD
    logits = MODELS["network"](pixels.permute(0, 3, 1, 2).contiguous())
    return {"path": path, "score": float(logits.softmax(dim=1)[:, 1].mean())}


def main() -> None:
    """Judge the files that are named."""
    with multiprocessing.get_context("spawn").Pool(len(os.sched_getaffinity(0)), initializer=load) as pool:
        for verdict in pool.imap_unordered(judge, [path for path in sys.argv[1:] if path != "--one-by-one"]):
            print(json.dumps(verdict), flush=True)


if __name__ == "__main__":
    main()
