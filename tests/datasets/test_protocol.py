"""Splits of published sets, and what they share."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from gsgmodel.datasets.celebdf import V2, read_celebdf
from gsgmodel.datasets.dfdc import read_dfdc_train
from gsgmodel.datasets.faceforensics import read_faceforensics
from gsgmodel.datasets.protocol import draw_subset, leaks, split_videos
from gsgmodel.errors import ConfigError
from tests.datasets import published_trees as trees


@pytest.fixture(scope="module")
def ffpp(tmp_path_factory):
    return read_faceforensics(trees.faceforensics(tmp_path_factory.mktemp("ffpp")), compression="c23").videos


@pytest.fixture(scope="module")
def celeb(tmp_path_factory):
    return read_celebdf(trees.celebdf(tmp_path_factory.mktemp("celeb")), dataset=V2).videos


@pytest.fixture(scope="module")
def dfdc(tmp_path_factory):
    root = trees.dfdc_train(tmp_path_factory.mktemp("dfdc"), num_parts=4, num_real=100, num_fake=500)
    return read_dfdc_train(root).videos


def shared(videos, splits):
    return {leak.pair: leak for leak in leaks(videos, splits)}


def test_official_splits_of_faceforensics_are_the_authors_and_share_nobody(ffpp):
    splits = split_videos(ffpp, "official", seed=0)
    assert splits == {video.path: video.split for video in ffpp}
    assert all((leak.num_people, leak.num_clips, leak.num_touched) == (0, 0, 0) for leak in leaks(ffpp, splits))


def test_official_splits_of_celebdf_keep_the_test_list_and_share_people_which_is_counted(celeb):
    splits = split_videos(celeb, "official", seed=0)
    assert {path for path, split in splits.items() if split == "test"} == {
        video.path for video in celeb if video.split == "test"
    }
    assert 0.05 < Counter(splits.values())["val"] / 6011 < 0.15
    leak = shared(celeb, splits)["train", "test"]
    assert leak.num_people > 0
    assert leak.num_touched > 0
    assert leak.num_videos == 518


def test_a_set_without_official_splits_is_refused_with_what_can_be_had(ffpp, tmp_path):
    root = trees.faceforensics(tmp_path, num_pairs=5)
    for split in ("train", "val", "test"):
        (root / f"{split}.json").unlink()
    videos = read_faceforensics(root, compression="c23").videos
    with pytest.raises(ConfigError, match=r"50 of 50 videos of ff\+\+ have none; accepted: paper-7-3 or id-disjoint"):
        split_videos([*ffpp[:0], *videos], "official", seed=0)


def test_seven_to_three_is_exact_for_each_method_and_leaks_which_is_counted(ffpp):
    splits = split_videos(ffpp, "paper-7-3", seed=0)
    counts = Counter((video.method, splits[video.path] == "test") for video in ffpp)
    assert all(counts[method, True] == 300 for method in ("youtube", *trees.PAPER_METHODS))
    leak = shared(ffpp, splits)["train", "test"]
    assert leak.num_videos == 1500
    assert leak.num_touched > 1000
    assert leak.num_people > 800


def test_what_was_made_from_a_clip_is_for_validation_with_it(ffpp):
    splits = split_videos(ffpp, "paper-7-3", seed=0)
    leak = shared(ffpp, splits)["train", "val"]
    assert leak.num_clips == 0


@pytest.mark.parametrize("name", ["ffpp", "celeb", "dfdc"])
def test_disjoint_splits_share_nobody_and_no_clip(name, request):
    videos = request.getfixturevalue(name)
    splits = split_videos(videos, "id-disjoint", seed=0)
    assert all((leak.num_people, leak.num_clips, leak.num_touched) == (0, 0, 0) for leak in leaks(videos, splits))
    shares = Counter(splits.values())
    assert 0.15 < shares["test"] / len(splits) < 0.45
    for split in ("train", "val", "test"):
        assert {video.label for video in videos if splits.get(video.path) == split} == {0, 1}


def test_where_everybody_is_on_everybody_fakes_across_splits_are_left_out_and_nothing_else_is(celeb, ffpp):
    splits = split_videos(celeb, "id-disjoint", seed=0)
    left = [video for video in celeb if video.path not in splits]
    assert left
    assert all(video.label for video in left)
    of_person = {video.identity: splits[video.path] for video in celeb if not video.label}
    assert all(of_person[video.identity] != of_person[video.source_identity] for video in left)
    assert len(split_videos(ffpp, "id-disjoint", seed=0)) == len(ffpp)


@pytest.mark.parametrize("scheme", ["official", "paper-7-3", "id-disjoint"])
def test_splits_are_the_same_wherever_the_copy_lies_and_others_for_another_seed(tmp_path, scheme):
    here = trees.celebdf(tmp_path / "a", num_real=120, num_youtube=30, num_fake=200, num_test=(10, 5, 20))
    shutil.copytree(here, tmp_path / "elsewhere/b")
    found = []
    for root, seed in ((here, 0), (tmp_path / "elsewhere/b", 0), (here, 1)):
        videos = read_celebdf(root, dataset=V2).videos
        splits = split_videos(videos, scheme, seed=seed)
        found.append({str(Path(path).relative_to(root)): split for path, split in splits.items()})
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_several_sets_are_split_each_on_its_own(ffpp, celeb):
    together = split_videos([*ffpp, *celeb], "paper-7-3", seed=3)
    assert together == split_videos(ffpp, "paper-7-3", seed=3) | split_videos(celeb, "paper-7-3", seed=3)


def test_a_subset_has_as_many_of_each_class_the_same_for_a_seed(dfdc):
    chosen = draw_subset(dfdc, num_per_class=50, seed=0)
    assert Counter(video.label for video in chosen) == {0: 50, 1: 50}
    assert chosen == draw_subset(dfdc[::-1], num_per_class=50, seed=0)
    assert set(chosen) != set(draw_subset(dfdc, num_per_class=50, seed=1))
    with pytest.raises(ConfigError, match="--subset is 101, but there are 100 real videos"):
        draw_subset(dfdc, num_per_class=101, seed=0)
