import pytest

from gsgmodel.evaluation.held_out import judge_held_out
from tests.evaluation.labelled_videos import labelled

LABELS = {uri: labelled(uri, label) for uri, label in {"a": 0, "b": 1, "c": 0, "d": 1, "e": 1}.items()}
ROWS = [
    {"uri": "a", "score": 0.1},
    {"uri": "b", "score": 0.9},
    {"uri": "c", "score": 0.6},
    {"uri": "d", "score": 0.5},
    {"uri": "e", "score": None},
    {"uri": "stranger", "score": 0.3},
]


def test_scores_are_held_against_labels():
    found = judge_held_out(ROWS, LABELS, threshold=0.5)
    assert found.metrics["auc"] == 0.75
    assert found.metrics["accuracy"] == 0.75
    assert 0 <= found.auc_low <= 0.75 <= found.auc_high <= 1
    assert found.coverage == 0.8
    assert [(each.uri, each.label, each.score) for each in found.videos] == [
        ("b", 1, 0.9),
        ("d", 1, 0.5),
        ("c", 0, 0.6),
        ("a", 0, 0.1),
    ]


def test_with_one_class_alone_there_is_no_area():
    found = judge_held_out(ROWS, {"a": LABELS["a"]}, threshold=0.5)
    assert (found.metrics["auc"], found.auc_low, found.auc_high) == (None, None, None)


def test_without_any_score_there_is_nothing_to_judge():
    with pytest.raises(ValueError, match="none of the labelled videos has a score"):
        judge_held_out(ROWS, {"e": LABELS["e"]}, threshold=0.5)
