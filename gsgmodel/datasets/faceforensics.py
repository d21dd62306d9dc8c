"""FaceForensics++, with FaceShifter and DeepFakeDetection (DFD), as the authors' download script lays it out.

Source: A. Roessler et al., FaceForensics++: Learning to Detect Manipulated Facial Images, ICCV 2019, and the README and
``splits`` of github.com/ondyari/FaceForensics.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from gsgmodel.datasets.published import (
    Catalogue,
    Findings,
    LayoutError,
    PublishedVideo,
    folder_of,
    published_video,
    videos_in,
)
from gsgmodel.errors import ConfigError

NAME, DFD_NAME = "ff++", "dfd"
PAPER_METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
METHODS = (*PAPER_METHODS, "FaceShifter")
DFD = "DeepFakeDetection"
COMPRESSIONS = {"raw": ("raw", "c0"), "c23": ("c23",), "c40": ("c40",)}
"""Folders by what they hold: the paper calls c23 HQ and c40 LQ, and some tools c0 what others call raw."""
SPLITS = ("train", "val", "test")
NUM_ORIGINALS, NUM_DFD_ORIGINALS, NUM_DFD = 1000, 363, 3068
"""Published; as many fakes of each method as originals."""
LAYOUT = "original_sequences/youtube/<compression>/videos/*.mp4 and manipulated_sequences/<method>/..."
_PAIR = re.compile(r"(\d{3})_(\d{3})")
_ORIGINAL = re.compile(r"\d{3}")
_DFD_PAIR = re.compile(r"(\d{2})_(\d{2})__(.+)__[A-Z0-9]+")
_DFD_ORIGINAL = re.compile(r"(\d{2})__(.+)")


def read_faceforensics(root: Path, *, compression: str, methods: Sequence[str] = PAPER_METHODS) -> Catalogue:
    """List the originals and the fakes of some methods.

    Args:
        root: The folder with ``original_sequences`` in it, or the one above (``downloaded_videos``). The three split
            files lie there, or in ``splits/``; without them no video has a split.
        compression: ``raw``, ``c23`` or ``c40``.
        methods: Of ``METHODS``.

    Raises:
        LayoutError: The layout is another. A split file that is broken is a ``ConfigError``.
    """
    base, findings = _base(root, NAME), Findings()
    splits = _read_splits([root, base], findings)
    here = _at(base / "original_sequences/youtube", compression)
    originals = {path.stem: path for path in videos_in(here, findings)}
    if not originals:
        raise LayoutError(NAME, root, LAYOUT.replace("<compression>", compression))
    videos = list(_originals(originals, compression, splits, findings))
    findings.compare("originals", found=len(videos), published=NUM_ORIGINALS)
    for method in methods:
        fakes = list(_fakes(base, method, compression, originals, splits, findings))
        if not fakes:
            raise LayoutError(NAME, root, f"videos in manipulated_sequences/{method}/{compression}/videos")
        findings.compare(method, found=len(fakes), published=NUM_ORIGINALS)
        videos += fakes
    return Catalogue(videos=tuple(videos), findings=findings)


def read_dfd(root: Path, *, compression: str) -> Catalogue:
    """List DeepFakeDetection, which lies in the same tree; it has no splits.

    Clips can show several people of whom one is forged: ``mask`` says which.

    Args:
        root: As of ``read_faceforensics``.
        compression: ``raw``, ``c23`` or ``c40``.

    Raises:
        LayoutError: The layout is another.
    """
    base, findings = _base(root, DFD_NAME), Findings()
    originals, videos = {}, []
    for path in videos_in(_at(base / "original_sequences/actors", compression), findings):
        if found := _DFD_ORIGINAL.fullmatch(path.stem):
            originals[path.stem] = path
            videos.append(_row(path, 0, DFD_NAME, "actors", compression, identity=f"{DFD_NAME}/{found[1]}"))
        else:
            findings.note("names that are not understood", path.name)
    findings.compare("originals", found=len(videos), published=NUM_DFD_ORIGINALS)
    num_originals = len(videos)
    masks = folder_of(base / "manipulated_sequences" / DFD / "masks")
    for path in videos_in(_at(base / "manipulated_sequences" / DFD, compression), findings):
        if not (found := _DFD_PAIR.fullmatch(path.stem)):
            findings.note("names that are not understood", path.name)
            continue
        original = originals.get(f"{found[1]}__{found[3]}")
        if original is None:
            findings.note("fakes without their original", path.name)
        videos.append(
            _row(
                path,
                1,
                DFD_NAME,
                DFD,
                compression,
                identity=f"{DFD_NAME}/{found[1]}",
                source_identity=f"{DFD_NAME}/{found[2]}",
                original=str(original.absolute()) if original else "",
                mask=_if_there(masks / path.name),
            )
        )
    if not num_originals or len(videos) == num_originals:
        raise LayoutError(DFD_NAME, root, f"videos in original_sequences/actors/... and manipulated_sequences/{DFD}")
    findings.compare(DFD, found=len(videos) - num_originals, published=NUM_DFD)
    return Catalogue(videos=tuple(videos), findings=findings)


def _originals(
    originals: dict[str, Path], compression: str, splits: dict[str, str], findings: Findings
) -> Iterator[PublishedVideo]:
    for name, path in originals.items():
        if not _ORIGINAL.fullmatch(name):
            findings.note("names that are not understood", path.name)
            continue
        if splits and name not in splits:
            findings.note("originals in no split", path.name)
        yield _row(path, 0, NAME, "youtube", compression, identity=f"{NAME}/{name}", split=splits.get(name, ""))
    for name in sorted(set(splits) - set(originals)):
        findings.note("originals of the splits that are missing", f"{name}.mp4")


def _fakes(
    base: Path, method: str, compression: str, originals: dict[str, Path], splits: dict[str, str], findings: Findings
) -> Iterator[PublishedVideo]:
    masks = folder_of(base / "manipulated_sequences" / method / "masks")
    seen = set()
    for path in videos_in(_at(base / "manipulated_sequences" / method, compression), findings):
        if not (found := _PAIR.fullmatch(path.stem)):
            findings.note("names that are not understood", f"{method}/{path.name}")
            continue
        target, source = found.groups()
        seen.add(target)
        if target not in originals:
            findings.note("fakes without their original", f"{method}/{path.name}")
        yield _row(
            path,
            1,
            NAME,
            method,
            compression,
            identity=f"{NAME}/{target}",
            source_identity=f"{NAME}/{source}",
            split=splits.get(target, ""),
            original=str(originals[target].absolute()) if target in originals else "",
            mask=_if_there(masks / path.name),
        )
    if seen:
        for target in sorted(set(splits) - seen):
            findings.note("fakes of the splits that are missing", f"{method}/{target}_*.mp4")


def _read_splits(folders: Sequence[Path], findings: Findings) -> dict[str, str]:
    """Split by name of an original.

    Raises:
        ConfigError: A file holds something else than pairs of names.
    """
    found: dict[str, str] = {}
    for split in SPLITS:
        tried = [folder / below / f"{split}.json" for folder in folders for below in ("", "splits", "dataset/splits")]
        path = next((each for each in tried if each.is_file()), None)
        if path is None:
            findings.note("split files that are missing", f"{split}.json")
            continue
        try:
            pairs = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ConfigError(f"{NAME}: {str(path)!r} is no JSON: {error}") from error
        names = [name for pair in pairs for name in pair] if _is_pairs(pairs) else None
        if names is None:
            raise ConfigError(f'{NAME}: {str(path)!r} holds something else; expected: pairs as ["000", "003"]')
        if twice := sorted(found.keys() & set(names)):
            raise ConfigError(f"{NAME}: {twice[0]!r} is in {split}.json and in {found[twice[0]]}.json")
        found |= dict.fromkeys(names, split)
    return found


def _is_pairs(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(name, str) for name in pair)  # noqa: PLR2004
        for pair in value
    )


def _base(root: Path, dataset: str) -> Path:
    for base in (root, root / "downloaded_videos"):
        if (base / "original_sequences").is_dir() and (base / "manipulated_sequences").is_dir():
            return base
    raise LayoutError(dataset, root, LAYOUT)


def _at(folder: Path, compression: str) -> Path:
    """Where the videos of a compression lie."""
    tried = [folder / name for name in COMPRESSIONS[compression]]
    return folder_of(next((each for each in tried if each.is_dir()), tried[0]))


def _if_there(path: Path) -> str:
    return str(path.absolute()) if path.is_file() else ""


def _row(path: Path, label: int, dataset: str, method: str, compression: str, **more: str) -> PublishedVideo:
    return published_video(path, label, dataset, method, compression=compression, **more)
