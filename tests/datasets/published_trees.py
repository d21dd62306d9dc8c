"""Copies of the published data sets in their authors' layouts: names alone, as many as there are."""

import csv
import json
from itertools import islice, permutations
from pathlib import Path

PAPER_METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
SPLIT_PAIRS = {"train": 360, "val": 70, "test": 70}


def touch(folder: Path, names) -> None:
    """Make empty files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def faceforensics(
    root: Path, *, compression="c23", methods=PAPER_METHODS, num_pairs=500, videos="videos", masks=False
) -> Path:
    """FaceForensics++: pair i is of the originals 2i and 2i + 1."""
    ids = [f"{number:03}" for number in range(2 * num_pairs)]
    pairs = list(zip(ids[::2], ids[1::2], strict=True))
    touch(root / "original_sequences/youtube" / compression / videos, [f"{name}.mp4" for name in ids])
    fakes = [f"{a}_{b}.mp4" for pair in pairs for a, b in (pair, pair[::-1])]
    for method in methods:
        touch(root / "manipulated_sequences" / method / compression / videos, fakes)
        if masks:
            touch(root / "manipulated_sequences" / method / "masks" / videos, fakes)
    start = 0
    for split, num in SPLIT_PAIRS.items():
        part = round(num * num_pairs / 500)
        (root / f"{split}.json").write_text(json.dumps(pairs[start : start + part]))
        start += part
    return root


def dfd(root: Path, *, num_originals=363, num_fakes=3068) -> Path:
    """DeepFakeDetection within the tree of FaceForensics++."""
    actors = [f"{number:02}" for number in range(1, 29)]
    originals = [f"{actor}__scene{scene}" for scene in range(13) for actor in actors][:num_originals]
    touch(root / "original_sequences/actors/c23/videos", [f"{name}.mp4" for name in originals])
    fakes = (
        f"{name[:2]}_{other}__{name[4:]}__ABCDEF12.mp4" for name in originals for other in actors if other != name[:2]
    )
    touch(root / "manipulated_sequences/DeepFakeDetection/c23/videos", islice(fakes, num_fakes))
    return root


def celebdf(root: Path, *, num_real=590, num_youtube=300, num_fake=5639, num_test=(108, 70, 340), videos="") -> Path:
    """Celeb-DF: 59 people, each with everybody's face."""
    people = [f"id{number}" for number in range(59)]
    reals = [f"{person}_{clip:04}.mp4" for clip in range(20) for person in people][:num_real]
    youtube = [f"{number:05}.mp4" for number in range(num_youtube)]
    fakes = list(islice((f"{a}_{b}_{clip:04}.mp4" for clip in range(2) for a, b in permutations(people, 2)), num_fake))
    lines = []
    kinds = (("Celeb-real", reals, 1), ("YouTube-real", youtube, 1), ("Celeb-synthesis", fakes, 0))
    for (folder, names, said), num in zip(kinds, num_test, strict=True):
        touch(root / folder / videos, names)
        lines += [f"{said} {folder}/{name}" for name in names[-num:]]
    (root / "List_of_testing_videos.txt").write_text("\n".join(lines) + "\n")
    return root


def dfdc_train(root: Path, *, num_parts=50, num_real=19_154, num_fake=100_000) -> Path:
    """DFDC's training parts: fakes of an original lie in its part."""
    for part in range(num_parts):
        folder = root / f"dfdc_train_part_{part}"
        reals = [f"r{number:06}.mp4" for number in range(part, num_real, num_parts)]
        fakes = {f"f{number:06}.mp4": reals[number % len(reals)] for number in range(part, num_fake, num_parts)}
        touch(folder, [*reals, *fakes])
        facts = {name: {"label": "REAL", "split": "train"} | ({"original": None} if part else {}) for name in reals}
        facts |= {name: {"label": "FAKE", "split": "train", "original": of} for name, of in fakes.items()}
        (folder / "metadata.json").write_text(json.dumps(facts))
    return root


def dfdc_test(root: Path, *, num_each=2_500, with_metadata=True) -> Path:
    """DFDC's test set: every second video is fake."""
    labels = {f"v{number:05}.mp4": number % 2 for number in range(2 * num_each)}
    touch(root / "test", labels)
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("filename", "label"), *labels.items()])
    if with_metadata:
        said = {name: {"is_fake": label, "augmentations": {}} for name, label in labels.items()}
        (root / "metadata.json").write_text(json.dumps(said))
    return root


def dfdc_preview(root: Path, *, videos="", counts=((855, 3618), (276, 501))) -> Path:
    """DFDC's preview: ``dataset.json`` and folders by method and person."""
    said = {}
    for split, (num_real, num_fake) in zip(("train", "test"), counts, strict=True):
        for number in range(num_real):
            said[f"original_videos/{number % 66}/{split}{number}.mp4"] = {"label": "real", "set": split}
        for number in range(num_fake):
            person = number % 66
            name = f"method_{'AB'[number % 2]}/{person}/{person}_{(person + 1) % 66}/{split}{number}.mp4"
            said[name] = {"label": "fake", "set": split}
    for name in said:
        path = root / videos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "dataset.json").write_text(json.dumps(said))
    return root
