"""Celeb-DF, whose list of test videos says 1 for real."""

from collections import Counter
from pathlib import Path

import pytest

from gsgmodel.datasets.celebdf import ONE_FRAME, V1, V2, read_celebdf
from gsgmodel.datasets.published import LayoutError
from gsgmodel.errors import ConfigError
from tests.datasets import published_trees as trees


@pytest.fixture
def small(tmp_path):
    return trees.celebdf(tmp_path, num_real=70, num_youtube=5, num_fake=30, num_test=(3, 2, 4))


def by_name(found):
    return {Path(video.path).name: video for video in found.videos}


def test_a_whole_copy_has_the_published_numbers_in_each_split_and_nothing_odd(tmp_path):
    found = read_celebdf(trees.celebdf(tmp_path), dataset=V2)
    counts = Counter((video.split, video.label) for video in found.videos)
    assert counts == {("test", 0): 178, ("test", 1): 340, ("train", 0): 712, ("train", 1): 5299}
    assert [line for line in found.findings.lines() if "single frame" not in line] == []


def test_the_first_version_has_its_own_numbers(tmp_path):
    root = trees.celebdf(tmp_path, num_real=158, num_youtube=250, num_fake=795, num_test=(20, 18, 62))
    assert read_celebdf(root, dataset=V1).findings.lines() == []
    assert len(read_celebdf(root, dataset=V2).findings.by_kind["numbers other than published"]) == 4


def test_a_fake_is_of_the_first_person_with_the_face_of_the_second(small):
    fake = by_name(read_celebdf(small, dataset=V2))["id0_id3_0000.mp4"]
    assert (fake.label, fake.identity, fake.source_identity) == (1, "celeb-df-v2/id0", "celeb-df-v2/id3")
    assert fake.original == str(small / "Celeb-real/id0_0000.mp4")


def test_youtube_videos_show_nobody_known(small):
    video = by_name(read_celebdf(small, dataset=V2))["00000.mp4"]
    assert (video.label, video.method, video.identity) == (0, "YouTube-real", "")


def test_all_lines_of_the_list_count_the_first_too(small):
    listed = (small / "List_of_testing_videos.txt").read_text().splitlines()
    found = read_celebdf(small, dataset=V2).videos
    assert {f"{video.method}/{Path(video.path).name}" for video in found if video.split == "test"} == {
        line.split(" ")[1] for line in listed
    }


def test_folders_may_be_spelt_otherwise_and_hold_videos_below(tmp_path):
    root = trees.celebdf(tmp_path, num_real=5, num_youtube=5, num_fake=5, num_test=(1, 1, 1), videos="videos")
    (root / "YouTube-real").rename(root / "Youtube-real")
    found = read_celebdf(root, dataset=V2)
    assert Counter(video.label for video in found.videos) == {0: 10, 1: 5}
    assert sum(video.split == "test" for video in found.videos) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 Celeb-real/id0_0000.mp4", r"line 10 .* calls 'Celeb-real/id0_0000.mp4' fake; expected: .* 1 is real"),
        ("1 Celeb-synthesis/id0_id3_0000.mp4", "line 10 .* calls 'Celeb-synthesis/id0_id3_0000.mp4' real"),
        ("2 Celeb-real/id0_0000.mp4", "line 10 .* is '2 Celeb-real/id0_0000.mp4'"),
        ("Celeb-real/id0_0000.mp4 1", "line 10"),
        ("1 Elsewhere/id0_0000.mp4", "line 10"),
        ("1 id0_0000.mp4", "line 10"),
    ],
)
def test_a_list_that_is_mixed_up_is_refused_with_its_line(small, line, message):
    with (small / "List_of_testing_videos.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ConfigError, match=f"celeb-df-v2: {message}"):
        read_celebdf(small, dataset=V2)


def test_what_is_missing_or_odd_is_named_and_counted(small):
    (small / "Celeb-real/id0_0000.mp4").unlink()
    (small / "Celeb-synthesis/strange.mp4").touch()
    (small / "YouTube-real/list.csv").touch()
    listed = (small / "List_of_testing_videos.txt").read_text().splitlines()[0].split("/")[1]
    (small / "Celeb-real" / listed).unlink()
    kinds = read_celebdf(small, dataset=V2).findings.by_kind
    assert "Celeb-synthesis/id0_id3_0000.mp4" in kinds["fakes without their original"]
    assert kinds["names that are not understood"] == ["Celeb-synthesis/strange.mp4"]
    assert kinds["files that are no videos"] == ["list.csv"]
    assert kinds["videos of the test list that are missing"] == [f"Celeb-real/{listed}"]


def test_the_video_of_one_frame_is_named(small):
    (small / "Celeb-real" / ONE_FRAME).touch()
    kinds = read_celebdf(small, dataset=V2).findings.by_kind
    assert kinds["videos of a single frame, which cannot be scored"] == [f"Celeb-real/{ONE_FRAME}"]


@pytest.mark.parametrize("missing", ["Celeb-real", "YouTube-real", "Celeb-synthesis", "List_of_testing_videos.txt"])
def test_another_layout_is_said_with_what_was_expected(small, missing):
    (small / missing).rename(small / "elsewhere")
    with pytest.raises(LayoutError, match=r"celeb-df-v2: '.*' has another layout; expected: .*List_of_testing_videos"):
        read_celebdf(small, dataset=V2)


def test_an_empty_folder_and_no_folder_are_said(small, tmp_path):
    for path in (small / "YouTube-real").iterdir():
        path.unlink()
    with pytest.raises(LayoutError, match="expected: videos in YouTube-real/"):
        read_celebdf(small, dataset=V2)
    with pytest.raises(LayoutError, match="is no folder"):
        read_celebdf(tmp_path / "nowhere", dataset=V2)
