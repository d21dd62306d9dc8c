"""What a table holds of labelled videos."""

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.scored import read_rows, scored_videos
from gsgmodel.results.table import VideoTable
from tests.evaluation.labelled_videos import labelled
from tests.results.conftest import FACES, make_rows


def row(uri, score, faces=None):
    return {"uri": uri, "score": score, "faces": faces}


def test_a_video_has_its_score_and_the_frames_of_the_face_that_decides():
    (found,) = scored_videos([row("a", 0.75, FACES[::-1])], {"a": labelled("a", 1)})
    assert (found.score, found.frame_scores) == (0.75, (0.25, 0.75))


def test_labelled_videos_without_a_row_or_a_score_have_none_and_strangers_are_nothing():
    labels = {uri: labelled(uri, 1) for uri in "abc"}
    found = scored_videos([row("a", None), row("b", 0.5, []), row("z", 0.5)], labels)
    assert [(each.video.uri, each.score, each.frame_scores) for each in found] == [
        ("a", None, ()),
        ("b", 0.5, ()),
        ("c", None, ()),
    ]


def test_of_two_rows_for_a_video_the_later_counts():
    (found,) = scored_videos([row("a", 0.25), row("a", 0.75)], {"a": labelled("a", 1)})
    assert found.score == 0.75


@pytest.fixture
def output(tmp_path):
    table = VideoTable.open_or_create(str(tmp_path))
    table.append(make_rows([1, 2], model_digest="one", model_uri="models:/gsg/1"), key="s")
    return table, str(tmp_path)


def test_rows_of_one_model_are_read_without_naming_it(output):
    rows = read_rows(output[1], model_digest=None)
    assert {each["uri"] for each in rows} == {"file:///archive/1.mp4", "file:///archive/2.mp4"}
    assert rows[0].keys() == {"uri", "score", "faces"}


def test_of_several_models_one_must_be_named(output):
    table, uri = output
    table.append(make_rows([3], model_digest="two", model_uri="models:/gsg/2", scoring_id="t"), key="t")
    with pytest.raises(ConfigError, match=r"holds scores of 2 models; accepted for --model: one of models:/gsg/1, "):
        read_rows(uri, model_digest=None)
    assert [each["uri"] for each in read_rows(uri, model_digest="two")] == ["file:///archive/3.mp4"]


def test_no_table_is_said(tmp_path):
    with pytest.raises(ConfigError):
        read_rows(str(tmp_path), model_digest=None)
