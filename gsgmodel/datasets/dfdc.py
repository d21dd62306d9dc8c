"""The Deepfake Detection Challenge: its training parts, its test set and its preview.

Source: B. Dolhansky et al., The DeepFake Detection Challenge (DFDC) Dataset, arXiv 2006.07397, and The Deepfake
Detection Challenge (DFDC) Preview Dataset, arXiv 1910.08854.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gsgmodel.datasets.published import Catalogue, Findings, LayoutError, PublishedVideo, published_video, videos_in
from gsgmodel.errors import ConfigError

TRAIN, TEST, PREVIEW = "dfdc-train", "dfdc-test", "dfdc-preview"
LABEL_FILES = ("metadata.json", "labels.csv")
PARTS = "dfdc_train_part_*"
PUBLISHED = {TRAIN: (19_154, 100_000), TEST: (2_500, 2_500), PREVIEW: (1_131, 4_119)}
"""Real and fake videos."""
_LABELS = {"REAL": 0, "FAKE": 1}


def read_dfdc_train(root: Path) -> Catalogue:
    """List the training parts, all of them for training: the authors give no other split.

    Args:
        root: The folder with ``dfdc_train_part_N`` in it.

    Raises:
        LayoutError: There are no parts. A ``metadata.json`` that is broken is a ``ConfigError``.
    """
    findings, videos = Findings(), []
    for part in sorted(root.glob(PARTS), key=lambda path: (len(path.name), path.name)):
        videos += list(_of_part(part, findings))
    if not videos:
        raise LayoutError(TRAIN, root, f"{PARTS}/metadata.json beside the videos")
    _compare(videos, TRAIN, findings)
    return Catalogue(videos=tuple(videos), findings=findings)


def read_dfdc_test(root: Path) -> Catalogue:
    """List the test set, not the 400 videos of the competition's page, which have no labels.

    Args:
        root: The folder with ``labels.csv`` (``filename,label``, 1 = fake) in it and the videos beside it or in
            ``test/``. Where ``metadata.json`` is there too, it must say the same.

    Raises:
        LayoutError: There are no labels, or no videos of them. Labels that are broken or contradict each other are a
            ``ConfigError``.
    """
    findings = Findings()
    path = next((each for each in (root / "labels.csv", root / "test/labels.csv") if each.is_file()), None)
    if path is None:
        raise LayoutError(TEST, root, "labels.csv with filename,label and the videos beside it or in test/")
    labels = _read_labels(path)
    _compare_with_metadata(path.parent / "metadata.json", labels)
    folder = next((each for each in (root / "test", root) if any(each.glob("*.mp4"))), root)
    there = {each.name: each for each in videos_in(folder, findings, known=LABEL_FILES)}
    _note_differences(there, labels, findings)
    videos = [
        published_video(there[name], label, TEST, "dfdc" if label else "real", split="test")
        for name, label in sorted(labels.items())
        if name in there
    ]
    if not videos:
        raise LayoutError(TEST, root, "the videos that labels.csv names")
    _compare(videos, TEST, findings)
    return Catalogue(videos=tuple(videos), findings=findings)


def read_dfdc_preview(root: Path) -> Catalogue:
    """List the preview, whose file says which videos are for training and which for testing.

    Args:
        root: The folder with ``dataset.json`` in it and the videos below, or below ``videos/``.

    Raises:
        LayoutError: There is no ``dataset.json``, or no video of it.
        ConfigError: It is broken.
    """
    findings, path = Findings(), root / "dataset.json"
    if not path.is_file():
        raise LayoutError(PREVIEW, root, "dataset.json with a path, a label and a set for each video")
    base = root / "videos" if (root / "videos").is_dir() else root
    videos = []
    for name, said in sorted(_read_json(path, PREVIEW).items()):
        label = _label(str(said.get("label", "")).upper(), f"{name!r} in {str(path)!r}", PREVIEW)
        split = said.get("set")
        if split not in ("train", "test"):
            raise ConfigError(f"{PREVIEW}: {name!r} in {str(path)!r} has the set {split!r}; expected: train or test")
        place = base / name
        if not place.is_file():
            findings.note("videos that are missing", name)
            continue
        method, _, rest = name.partition("/")
        people = rest.split("/")[0]
        identity = f"{PREVIEW}/{people.split('_')[0]}" if "/" in rest else ""
        videos.append(
            published_video(place, label, PREVIEW, method if label else "real", split=split, identity=identity)
        )
    if not videos:
        raise LayoutError(PREVIEW, root, "the videos that dataset.json names, below the folder or its videos/")
    _compare(videos, PREVIEW, findings)
    return Catalogue(videos=tuple(videos), findings=findings)


def _of_part(part: Path, findings: Findings) -> Iterator[PublishedVideo]:
    path = part / "metadata.json"
    if not path.is_file():
        raise LayoutError(TRAIN, part, "metadata.json beside the videos")
    said = _read_json(path, TRAIN)
    there = {each.name: each for each in videos_in(part, findings, known=LABEL_FILES)}
    _note_differences(there, said, findings, where=f"{part.name}/")
    for name, facts in sorted(said.items()):
        label = _label(facts.get("label"), f"{name!r} in {str(path)!r}", TRAIN)
        if name not in there:
            continue
        original = facts.get("original") if label else None
        if label and original not in there:
            findings.note("fakes without their original", f"{part.name}/{name}")
        yield published_video(
            there[name],
            label,
            TRAIN,
            "dfdc" if label else "real",
            split="train",
            original=str(there[original].absolute()) if original in there else "",
        )


def _note_differences(
    there: Mapping[str, Path], said: Mapping[str, Any], findings: Findings, *, where: str = ""
) -> None:
    for name in sorted(said.keys() - there.keys()):
        findings.note("videos that are missing", f"{where}{name}")
    for name in sorted(there.keys() - said.keys()):
        findings.note("videos without a label", f"{where}{name}")


def _read_labels(path: Path) -> dict[str, int]:
    """Labels by name.

    Raises:
        ConfigError: A column is missing or a label is none.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = {}
    for number, row in enumerate(rows, start=2):
        name, label = row.get("filename"), row.get("label")
        if not name or label not in {"0", "1"}:
            raise ConfigError(
                f"{TEST}: line {number} of {str(path)!r} has filename {name!r} and label {label!r}; "
                "expected: a name and 0 or 1, where 1 is fake"
            )
        labels[name] = int(label)
    return labels


def _compare_with_metadata(path: Path, labels: Mapping[str, int]) -> None:
    """Hold one file of labels against the other.

    Raises:
        ConfigError: If they contradict each other.
    """
    if not path.is_file():
        return
    for name, said in _read_json(path, TEST).items():
        if name in labels and "is_fake" in said and int(said["is_fake"]) != labels[name]:
            raise ConfigError(
                f"{TEST}: {str(path)!r} says is_fake {said['is_fake']} of {name!r} and labels.csv {labels[name]}; "
                "expected: the same, where 1 is fake"
            )


def _read_json(path: Path, dataset: str) -> dict[str, dict[str, Any]]:
    """Facts by name.

    Raises:
        ConfigError: It is no such file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{dataset}: {str(path)!r} is no JSON: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(facts, dict) for facts in content.values()):
        raise ConfigError(f"{dataset}: {str(path)!r} holds something else; expected: facts by the name of a video")
    return content


def _label(said: Any, where: str, dataset: str) -> int:
    if said not in _LABELS:
        raise ConfigError(f"{dataset}: {where} has the label {said!r}; expected: FAKE or REAL")
    return _LABELS[said]


def _compare(videos: list[PublishedVideo], dataset: str, findings: Findings) -> None:
    for label, (name, published) in enumerate(zip(("real", "fake"), PUBLISHED[dataset], strict=True)):
        findings.compare(name, found=sum(video.label == label for video in videos), published=published)
