"""FaceForensics++ and DFD as their authors lay them out, with what goes wrong with copies."""

import json
from collections import Counter
from pathlib import Path

import pytest

from gsgmodel.datasets.faceforensics import METHODS, read_dfd, read_faceforensics
from gsgmodel.datasets.published import LayoutError
from gsgmodel.errors import ConfigError
from tests.datasets import published_trees as trees


@pytest.fixture
def small(tmp_path):
    return trees.faceforensics(tmp_path, num_pairs=50)


def read(root, **more):
    return read_faceforensics(root, **{"compression": "c23"} | more)


def by_name(found):
    return {(video.method, Path(video.path).name): video for video in found.videos}


def test_a_whole_copy_has_the_published_numbers_in_each_split_and_nothing_odd(tmp_path):
    found = read(trees.faceforensics(tmp_path))
    counts = Counter((video.split, video.label) for video in found.videos)
    assert counts == {
        ("train", 0): 720, ("train", 1): 4 * 720, ("val", 0): 140, ("val", 1): 4 * 140, ("test", 0): 140,
        ("test", 1): 4 * 140,
    }  # fmt: skip
    assert found.findings.lines() == []


def test_a_fake_is_of_its_target_with_its_sources_face_made_from_the_targets_video(small):
    fake = by_name(read(small))["Face2Face", "003_002.mp4"]
    assert (fake.label, fake.identity, fake.source_identity) == (1, "ff++/003", "ff++/002")
    assert fake.original == str(small / "original_sequences/youtube/c23/videos/003.mp4")
    assert fake.key == ("ff++", "Face2Face", "c23", "003_002")


def test_the_same_name_in_four_methods_is_four_videos(small):
    found = read(small)
    assert len({video.key for video in found.videos}) == len(found.videos) == 100 + 4 * 100


@pytest.mark.parametrize("layout", ["", "videos"])
def test_videos_lie_in_a_folder_of_that_name_or_right_there(tmp_path, layout):
    assert len(read(trees.faceforensics(tmp_path, num_pairs=5, videos=layout)).videos) == 10 + 40


@pytest.mark.parametrize("folder", ["raw", "c0"])
def test_raw_goes_by_two_names(tmp_path, folder):
    found = read(trees.faceforensics(tmp_path, num_pairs=5, compression=folder), compression="raw")
    assert {video.compression for video in found.videos} == {"raw"}


def test_the_folder_above_does_as_well_and_split_files_may_lie_apart(tmp_path):
    trees.faceforensics(tmp_path / "downloaded_videos", num_pairs=50)
    (tmp_path / "splits").mkdir()
    for split in ("train", "val", "test"):
        (tmp_path / "downloaded_videos" / f"{split}.json").rename(tmp_path / "splits" / f"{split}.json")
    assert {video.split for video in read(tmp_path).videos} == {"train", "val", "test"}


def test_masks_are_named_where_there_are_some(tmp_path):
    found = by_name(read(trees.faceforensics(tmp_path, num_pairs=5, masks=True)))
    mask = tmp_path / "manipulated_sequences/Deepfakes/masks/videos/000_001.mp4"
    assert found["Deepfakes", "000_001.mp4"].mask == str(mask)
    mask.unlink()
    assert by_name(read(tmp_path))["Deepfakes", "000_001.mp4"].mask == ""


def test_all_five_methods_can_be_had(tmp_path):
    found = read(trees.faceforensics(tmp_path, num_pairs=5, methods=METHODS), methods=METHODS)
    assert {video.method for video in found.videos} == {"youtube", *METHODS}


def test_what_is_missing_odd_or_in_no_split_is_named_and_counted(small):
    videos = small / "original_sequences/youtube/c23/videos"
    fakes = small / "manipulated_sequences/FaceSwap/c23/videos"
    (videos / "004.mp4").unlink()
    (videos / "notes.txt").touch()
    (videos / "holiday.mp4").touch()
    (videos / "999.mp4").touch()
    (videos / ".DS_Store").touch()
    (fakes / "000_001.mp4").unlink()
    (fakes / "copy of 000_001.mp4").touch()
    found = read(small)
    kinds = found.findings.by_kind
    assert kinds["files that are no videos"] == ["notes.txt"]
    assert kinds["names that are not understood"] == ["holiday.mp4", "FaceSwap/copy of 000_001.mp4"]
    assert kinds["originals in no split"] == ["999.mp4"]
    assert kinds["originals of the splits that are missing"] == ["004.mp4"]
    assert kinds["fakes without their original"] == [f"{method}/004_005.mp4" for method in trees.PAPER_METHODS]
    assert kinds["fakes of the splits that are missing"] == ["FaceSwap/000_*.mp4"]
    assert "originals: 100, published 1000" in kinds["numbers other than published"]
    assert by_name(found)["youtube", "999.mp4"].split == ""


def test_without_split_files_no_video_has_a_split_and_they_are_named(small):
    for split in ("train", "val", "test"):
        (small / f"{split}.json").unlink()
    found = read(small)
    assert {video.split for video in found.videos} == {""}
    assert found.findings.by_kind["split files that are missing"] == ["train.json", "val.json", "test.json"]


@pytest.mark.parametrize("content", ["{", "[1]", '[["000"]]', '{"000": "001"}', "[[0, 1]]"])
def test_a_broken_split_file_is_named(small, content):
    (small / "val.json").write_text(content)
    with pytest.raises(ConfigError, match=r"ff\+\+: '.*val.json'"):
        read(small)


def test_a_name_in_two_splits_is_refused(small):
    (small / "val.json").write_text(json.dumps([["000", "001"]]))
    with pytest.raises(ConfigError, match=r"'000' is in val.json and in train.json"):
        read(small)


@pytest.mark.parametrize("missing", ["original_sequences", "manipulated_sequences"])
def test_another_layout_is_said_with_the_path_and_what_was_expected(small, missing):
    (small / missing).rename(small / "elsewhere")
    with pytest.raises(LayoutError, match=r"ff\+\+: '.*' has another layout; expected: original_sequences/youtube"):
        read(small)


def test_a_compression_and_a_method_that_are_not_there_are_said(small):
    with pytest.raises(LayoutError, match="expected: original_sequences/youtube/c40/videos"):
        read(small, compression="c40")
    with pytest.raises(LayoutError, match="expected: videos in manipulated_sequences/FaceShifter/c23/videos"):
        read(small, methods=("FaceShifter",))


def test_dfd_has_the_published_numbers_its_actors_and_no_splits(tmp_path):
    (tmp_path / "manipulated_sequences").mkdir()
    found = read_dfd(trees.dfd(tmp_path), compression="c23")
    assert Counter(video.label for video in found.videos) == {0: 363, 1: 3068}
    assert {video.split for video in found.videos} == {""}
    assert found.findings.lines() == []
    fake = by_name(found)["DeepFakeDetection", "01_02__scene0__ABCDEF12.mp4"]
    assert (fake.identity, fake.source_identity) == ("dfd/01", "dfd/02")
    assert fake.original == str(tmp_path / "original_sequences/actors/c23/videos/01__scene0.mp4")


def test_odd_names_and_lost_originals_of_dfd_are_named(tmp_path):
    root = trees.dfd(tmp_path, num_originals=10, num_fakes=30)
    (root / "original_sequences/actors/c23/videos/01__scene0.mp4").unlink()
    (root / "original_sequences/actors/c23/videos/odd.mp4").touch()
    (root / "manipulated_sequences/DeepFakeDetection/c23/videos/odd_too.mp4").touch()
    kinds = read_dfd(root, compression="c23").findings.by_kind
    assert kinds["names that are not understood"] == ["odd.mp4", "odd_too.mp4"]
    assert len(kinds["fakes without their original"]) == 27


def test_a_tree_without_dfd_is_no_dfd(small):
    with pytest.raises(LayoutError, match=r"dfd: .* expected: videos in original_sequences/actors"):
        read_dfd(small, compression="c23")
