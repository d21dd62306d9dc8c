"""Figures by data set, compression and method."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from gsgmodel.evaluation.groups import ALL, measure_groups
from tests.evaluation.labelled_videos import scored


def draw(num, *, label, method="m", seed=0, **more):
    rng = np.random.default_rng(seed)
    scores = (rng.normal(0.55 if label else 0.45, 0.1, num)).clip(0, 1)
    return [
        scored(f"{more.get('dataset')}/{method}/{label}/{number}", label, float(score), method=method, **more)
        for number, score in enumerate(scores)
    ]


def by_method(groups):
    return {group.method: group for group in groups}


def test_a_method_is_judged_by_its_fakes_and_all_real_videos():
    real = draw(20, label=0)
    one, other = draw(15, label=1, method="one", seed=1), draw(5, label=1, method="other", seed=2)
    groups = by_method(measure_groups([*real, *one, *other], threshold=0.5, seed=0))
    assert {name: (group.num_real, group.num_fake) for name, group in groups.items()} == {
        ALL: (20, 20),
        "one": (20, 15),
        "other": (20, 5),
    }
    for name, fakes in (("one", one), ("other", other), (ALL, [*one, *other])):
        videos = [*real, *fakes]
        expected = roc_auc_score([each.video.label for each in videos], [each.score for each in videos])
        assert groups[name].metrics["auc"] == pytest.approx(expected, abs=1e-9)
        interval = groups[name].intervals["auc"]
        assert interval.low <= expected <= interval.high


def test_four_methods_with_the_same_names_are_four_times_as_many_videos():
    real = draw(10, label=0)
    fakes = [scored(f"{method}/000_001", 1, 0.9, method=method) for method in "abcd"]
    (every, *each) = measure_groups([*real, *fakes], threshold=0.5, seed=0)
    assert every.num_fake == 4
    assert [group.num_fake for group in each] == [1] * 4


def test_data_sets_and_compressions_are_measured_apart():
    videos = [
        video
        for dataset, compression in (("a", "c23"), ("a", "c40"), ("b", ""))
        for label in (0, 1)
        for video in draw(4, label=label, dataset=dataset, compression=compression)
    ]
    groups = measure_groups(videos, threshold=0.5, seed=0)
    assert [(group.dataset, group.compression, group.method) for group in groups] == [
        ("a", "c23", ALL),
        ("a", "c40", ALL),
        ("b", "", ALL),
    ]


def test_accuracy_is_at_the_papers_threshold_and_at_the_fitted_one():
    videos = [scored("a", 0, 0.6), scored("b", 0, 0.2), scored("c", 1, 0.9), scored("d", 1, 0.55)]
    (group,) = measure_groups(videos, threshold=0.7, seed=0)
    assert group.metrics["accuracy_at_half"] == 0.75
    assert group.metrics["accuracy"] == 0.75
    assert group.metrics["balanced_accuracy_at_half"] == 0.75
    assert group.metrics["recall"] == 0.5
    assert group.metrics["majority_rate"] == 0.5


def test_what_has_no_score_is_left_out_counted_and_beside_that_counted_as_half():
    videos = [scored("a", 0, 0.1), scored("b", 1, 0.9), scored("c", 1, None), scored("d", 0, None)]
    (group,) = measure_groups(videos, threshold=0.5, seed=0)
    assert (group.coverage, group.num_real, group.num_fake) == (0.5, 2, 2)
    assert group.metrics["accuracy"] == 1.0
    # 0.5 is flagged at 0.5: the fake is right, the real one is not.
    assert group.imputed["accuracy"] == 0.75
    assert group.imputed["auc"] == pytest.approx(roc_auc_score([0, 1, 1, 0], [0.1, 0.9, 0.5, 0.5]))


def test_one_class_has_no_area_and_a_group_without_scores_is_no_group():
    (group,) = measure_groups([scored("a", 1, 0.9), scored("b", 1, 0.8)], threshold=0.5, seed=0)
    assert (group.metrics["auc"], group.metrics["accuracy"]) == (None, 1.0)
    assert "auc" not in group.intervals
    assert measure_groups([scored("a", 1, None)], threshold=0.5, seed=0) == []


def test_frames_have_their_videos_label():
    videos = [scored("a", 0, 0.2, frames=[0.1, 0.7]), scored("b", 1, 0.9, frames=[0.9, 0.6]), scored("c", 1, 0.9)]
    (group,) = measure_groups(videos, threshold=0.5, seed=0)
    assert group.frames["auc"] == pytest.approx(roc_auc_score([0, 0, 1, 1], [0.1, 0.7, 0.9, 0.6]))
    assert group.frames["accuracy_at_half"] == 0.75
    (without,) = measure_groups([scored("a", 0, 0.2), scored("b", 1, 0.9)], threshold=0.5, seed=0)
    assert without.frames == {"auc": None, "accuracy_at_half": None}


def test_videos_of_one_person_widen_the_interval():
    def width(people):
        rng = np.random.default_rng(3)
        videos = [
            scored(f"{number}", number % 2, float(rng.uniform(0, 1)), identity=f"p{number % people}")
            for number in range(60)
        ]
        interval = measure_groups(videos, threshold=0.5, seed=0)[0].intervals["auc"]
        return interval.high - interval.low

    assert width(4) != width(60)
