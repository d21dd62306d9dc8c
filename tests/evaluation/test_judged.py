"""A trained model on the test clips of a store."""

from dataclasses import replace

import numpy as np
import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.judged import Judge
from tests.small_model import make_network, write_files
from tests.small_store import make_store


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("model") / "m", make_network())


@pytest.fixture(scope="module")
def store(files, tmp_path_factory):
    splits = {"train": 2, "val": 2, "test": 10}
    return make_store(tmp_path_factory.mktemp("store") / "c", splits=splits, preparation=files.settings.preparation)


def test_every_test_video_has_a_score_and_what_is_known_of_it(files, store):
    found = Judge(store, files).predictions()
    assert found.column_names == ["split", "uri", "label", "method", "identity", "score"]
    assert set(found["split"].to_pylist()) == {"test"}
    assert found.num_rows == 10
    scores = found["score"].to_numpy()
    assert np.all((scores > 0) & (scores < 1))


def test_clips_are_changed_by_their_row_before_they_are_judged(files, store):
    judge, seen = Judge(store, files), []
    videos, plain = judge.scores()

    def darken(row, crops):
        seen.append(row)
        return crops // 4

    same, dark = judge.scores(darken)
    assert videos.tolist() == same.tolist()
    assert not np.allclose(plain, dark)
    assert [store.clips["split"][row].as_py() for row in seen] == ["test"] * 10
    assert np.array_equal(judge.scores(lambda _, crops: crops)[1], plain)


def test_a_store_that_the_model_cannot_judge_is_one_sentence(files, tmp_path):
    preparation = files.settings.preparation
    other = make_store(tmp_path / "other", preparation=replace(preparation, frames_per_clip=4))
    with pytest.raises(ConfigError, match="were not prepared as the model's were"):
        Judge(other, files)
    empty = make_store(tmp_path / "empty", splits={"train": 2}, preparation=preparation)
    with pytest.raises(ConfigError, match="has no clip of the split 'test'"):
        Judge(empty, files)
