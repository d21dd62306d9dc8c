"""Celeb-DF, versions 1 and 2.

Source: Y. Li et al., Celeb-DF: A Large-scale Challenging Dataset for DeepFake Forensics, CVPR 2020, and the README of
github.com/yuezunli/celeb-deepfakeforensics. In the authors' list of test videos **1 means real**.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

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

REAL, YOUTUBE, SYNTHESIS = "Celeb-real", "YouTube-real", "Celeb-synthesis"
FOLDERS = MappingProxyType({REAL: 0, YOUTUBE: 0, SYNTHESIS: 1})
TEST_LIST = "List_of_testing_videos.txt"
V1, V2 = "celeb-df-v1", "celeb-df-v2"
PUBLISHED = MappingProxyType(
    {
        V1: {REAL: 158, YOUTUBE: 250, SYNTHESIS: 795},
        V2: {REAL: 590, YOUTUBE: 300, SYNTHESIS: 5639},
    }
)
NUM_LISTED = 518
"""Of version 2: 178 real, 340 fake. How many version 1 lists was not published."""
ONE_FRAME = "id27_0005.mp4"
"""Of Celeb-real: it holds a single frame (issue 7 of the authors' repository), so it cannot be scored."""
_REAL_NAME = re.compile(r"(id\d+)_(\d{4})")
_FAKE_NAME = re.compile(r"(id\d+)_(id\d+)_(\d{4})")


def read_celebdf(root: Path, *, dataset: str) -> Catalogue:
    """List the videos; those of the authors' list are for testing, all others for training.

    Args:
        root: The folder with ``Celeb-real``, ``YouTube-real`` and ``Celeb-synthesis`` in it.
        dataset: ``celeb-df-v1`` or ``celeb-df-v2``.

    Raises:
        LayoutError: A folder is empty. A list that is broken or contradicts the folders is a ``ConfigError``.
    """
    findings = Findings()
    places = {name: _place(root, name, dataset) for name in FOLDERS}
    listed = _read_list(root / TEST_LIST, dataset)
    videos: list[PublishedVideo] = []
    for name, place in places.items():
        found = list(_of_folder(name, place, places, dataset=dataset, listed=listed, findings=findings))
        if not found:
            raise LayoutError(dataset, root, f"videos in {name}/")
        findings.compare(name, found=len(found), published=PUBLISHED[dataset][name])
        videos += found
    there = {_listed_name(video) for video in videos}
    for name in sorted(set(listed) - there):
        findings.note("videos of the test list that are missing", name)
    if dataset == V2:
        findings.compare(TEST_LIST, found=len(listed), published=NUM_LISTED)
    return Catalogue(videos=tuple(videos), findings=findings)


def _of_folder(
    name: str, place: Path, places: Mapping[str, Path], *, dataset: str, listed: Mapping[str, int], findings: Findings
) -> Iterator[PublishedVideo]:
    for path in videos_in(place, findings):
        if name == REAL and path.name == ONE_FRAME:
            findings.note("videos of a single frame, which cannot be scored", f"{name}/{path.name}")
        more = _people(name, path, places, dataset, findings)
        split = "test" if f"{name}/{path.name}" in listed else "train"
        yield published_video(path, FOLDERS[name], dataset, name, split=split, **more)


def _people(name: str, path: Path, places: Mapping[str, Path], dataset: str, findings: Findings) -> dict[str, str]:
    """Who is in a video, as its name says."""
    if name == YOUTUBE:
        return {}
    if name == REAL and (real := _REAL_NAME.fullmatch(path.stem)):
        return {"identity": f"{dataset}/{real[1]}"}
    if name == SYNTHESIS and (fake := _FAKE_NAME.fullmatch(path.stem)):
        original = places[REAL] / f"{fake[1]}_{fake[3]}{path.suffix}"
        if not original.is_file():
            findings.note("fakes without their original", f"{name}/{path.name}")
        return {
            "identity": f"{dataset}/{fake[1]}",
            "source_identity": f"{dataset}/{fake[2]}",
            "original": str(original.absolute()) if original.is_file() else "",
        }
    findings.note("names that are not understood", f"{name}/{path.name}")
    return {}


def _read_list(path: Path, dataset: str) -> dict[str, int]:
    """Label (1 = fake, as everywhere here) by ``FOLDER/NAME``.

    Raises:
        LayoutError: There is none.
        ConfigError: A line is none, or a number contradicts its folder.
    """
    expected = f"{TEST_LIST} with lines as '1 {YOUTUBE}/00170.mp4', where 1 is real"
    if not path.is_file():
        raise LayoutError(dataset, path.parent, expected)
    found: dict[str, int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        said, _, name = line.strip().partition(" ")
        folder, _, file = name.strip().partition("/")
        known = {each.lower(): each for each in FOLDERS}.get(folder.lower())
        if said not in {"0", "1"} or known is None or not file:
            raise ConfigError(f"{dataset}: line {number} of {str(path)!r} is {line!r}; expected: {expected}")
        label = 1 - int(said)
        if label != FOLDERS[known]:
            raise ConfigError(
                f"{dataset}: line {number} of {str(path)!r} calls {name.strip()!r} {('real', 'fake')[label]}; "
                f"expected: {expected}"
            )
        found[f"{known}/{file}"] = label
    return found


def _place(root: Path, name: str, dataset: str) -> Path:
    """A folder by its name, however it is capitalised.

    Raises:
        LayoutError: There is none.
    """
    if root.is_dir():
        for folder in root.iterdir():
            if folder.name.lower() == name.lower() and folder.is_dir():
                return folder_of(folder)
    raise LayoutError(dataset, root, f"{', '.join(FOLDERS)} and {TEST_LIST}")


def _listed_name(video: PublishedVideo) -> str:
    return f"{video.method}/{Path(video.path).name}"
