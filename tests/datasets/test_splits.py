"""Splits: nobody stands on both sides, given ones are kept, shares hold roughly, and what is added moves nothing."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.datasets.labelled import LabelledVideo
from gsgmodel.datasets.splits import draw_splits, people_in_several

SHARES = {"val_share": 0.15, "test_share": 0.15}


def video(number, **facts):
    blank = dict.fromkeys(("identity", "source_identity", "split", "original_uri", "mask_uri"))
    return LabelledVideo(**({"uri": f"file:///{number}.mp4", "label": 0, "method": "real"} | blank | facts))


people = st.none() | st.sampled_from("abcdefgh")
archives = st.lists(
    st.tuples(people, people, st.none() | st.integers(0, 19), st.sampled_from([None, None, "train", "val", "test"])),
    max_size=20,
).map(
    lambda rows: [
        video(
            number,
            identity=shown,
            source_identity=source,
            original_uri=None if original is None else f"file:///{original}.mp4",
            split=split,
        )
        for number, (shown, source, original, split) in enumerate(rows)
    ]
)


def without_splits(videos):
    return [video(v.uri[8:-4], identity=v.identity, source_identity=v.source_identity, original_uri=v.original_uri)
            for v in videos]  # fmt: skip


def neighbours(first, second):
    shared = {first.identity, first.source_identity} & {second.identity, second.source_identity} - {None}
    return bool(shared) or bool({first.uri, first.original_uri} & {second.uri, second.original_uri} - {None})


@given(videos=archives.map(without_splits), seed=st.integers(0, 99))
def test_those_who_share_a_person_or_an_original_are_on_one_side(videos, seed):
    splits = draw_splits(videos, val_share=0.3, test_share=0.3, seed=seed)
    assert set(splits) == {each.uri for each in videos}
    for first in videos:
        for second in videos:
            if neighbours(first, second):
                assert splits[first.uri] == splits[second.uri]
    assert people_in_several(videos, splits) == []


@given(videos=archives)
def test_given_splits_are_kept_and_drawn_ones_join_them(videos):
    splits = draw_splits(videos, **SHARES, seed=0)
    for each in videos:
        assert splits[each.uri] == (each.split or splits[each.uri])
    for first in videos:
        given_ones = {each.split for each in videos if neighbours(first, each) and each.split}
        if not first.split and len({each.split for each in videos if each.split}) == 1 and given_ones:
            assert splits[first.uri] in given_ones


@given(videos=archives.map(without_splits), order=st.randoms())
def test_the_order_of_videos_changes_nothing(videos, order):
    before = draw_splits(videos, **SHARES, seed=3)
    order.shuffle(videos)
    assert draw_splits(videos, **SHARES, seed=3) == before


def test_videos_of_nobody_new_move_nothing():
    known = [video(n, identity=f"person {n % 40}") for n in range(200)]
    known += [video(200 + n, original_uri=f"file:///r{n}.mp4") for n in range(40)]
    before = draw_splits(known, **SHARES, seed=0)
    added = [video(f"new {n}", identity=f"person {n}") for n in range(90)]
    added += [video(f"another fake {n}", original_uri=f"file:///r{n}.mp4") for n in range(40)]
    added += [video(f"r{n}") for n in range(40)]
    after = draw_splits(known + added, **SHARES, seed=0)
    assert {uri: after[uri] for uri in before} == before


def test_shares_hold_roughly_and_seeds_differ():
    videos = [video(n, identity=f"person {n}") for n in range(4000)]
    first, second = (draw_splits(videos, val_share=0.1, test_share=0.2, seed=seed) for seed in (0, 1))
    counts = Counter(first.values())
    assert counts["val"] == pytest.approx(400, abs=60)
    assert counts["test"] == pytest.approx(800, abs=80)
    assert sum(first[uri] != second[uri] for uri in first) > 1000


@pytest.mark.parametrize(("shares", "split"), [((0, 0), "train"), ((1, 0), "val"), ((0, 1), "test")])
def test_a_share_of_nothing_or_all_is_just_that(shares, split):
    videos = [video(n) for n in range(50)]
    splits = draw_splits(videos, val_share=shares[0], test_share=shares[1], seed=0)
    assert set(splits.values()) == {split}


def test_people_whom_a_manifest_puts_into_several_splits_are_named():
    videos = [video(1, identity="a", split="train"), video(2, identity="b", source_identity="a", split="val")]
    videos += [video(3, identity="c", split="test")]
    assert people_in_several(videos, draw_splits(videos, **SHARES, seed=0)) == ["a"]


def test_an_original_that_is_not_a_video_of_its_own_still_holds_its_fakes_together():
    videos = [video(n, original_uri="file:///gone.mp4") for n in range(30)]
    assert len(set(draw_splits(videos, val_share=0.4, test_share=0.3, seed=0).values())) == 1
