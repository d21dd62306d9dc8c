"""Rows that are data sets or lengths of clips."""

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.sets import CROSS, INTRA, LENGTHS, crossed, length_rows, parse_sets
from gsgmodel.evaluation.trainings import RowTraining
from gsgmodel.training.settings import TrainSettings
from tests.evaluation.test_kept import begin
from tests.small_model import make_network, write_files
from tests.small_store import make_store


def test_the_papers_figures_are_those_of_its_tables():
    assert dict(INTRA) == {"ff++-lq": 83.53, "ff++-hq": 95.33, "dfdc": 97.67, "celeb-df": 99.18}
    assert dict(CROSS) == {"celeb-df": 88.83, "dfdc": 69.25}
    assert list(LENGTHS) == list(range(8, 17))
    assert (LENGTHS[8], LENGTHS[12], LENGTHS[16]) == (98.91, 99.18, 99.20)


def test_a_data_set_is_a_name_and_a_store_and_may_be_one_that_the_paper_has_not():
    pairs = parse_sets(["dfdc=clips/a=b", "mine=s3://b/c"], known=INTRA)
    assert [(row.name, row.paper, store) for row, store in pairs] == [
        ("dfdc", 97.67, "clips/a=b"),
        ("mine", None, "s3://b/c"),
    ]


@pytest.mark.parametrize("texts", [["clips/"], ["=clips"], ["dfdc="], ["a/b=c"], ["dfdc=a", "dfdc=b"]])
def test_what_names_no_data_set_is_refused_with_what_is_accepted(texts):
    with pytest.raises(ConfigError, match="accepted: NAME=STORE; the paper has ff"):
        parse_sets(texts, known=INTRA)


def test_rows_of_other_lengths_have_the_papers_figure_where_there_is_one():
    assert [(row.name, row.paper) for row in length_rows([8, 20])] == [("8 frames", 98.91), ("20 frames", None)]


def test_models_are_tested_on_what_they_were_not_trained_on(tmp_path):
    trainings = []
    for seed in (0, 1):
        settings = TrainSettings(output=str(tmp_path / str(seed)), tracking_uri="none", seed=seed)
        begin(settings, "run", exit_code=0)
        files = write_files(tmp_path / str(seed) / "runs" / "run" / "model", make_network())
        trainings.append(RowTraining(name="x", store_uri="/clips", digest="d", settings=settings))
    unfinished = TrainSettings(output=str(tmp_path / "2"), tracking_uri="none", seed=2)
    trainings.append(RowTraining(name="x", store_uri="/clips", digest="d", settings=unfinished))
    splits = {"train": 2, "val": 2, "test": 8}
    store = make_store(tmp_path / "other", splits=splits, preparation=files.settings.preparation)
    (result,) = crossed(trainings, parse_sets([f"dfdc={store.uri}"], known=CROSS), seed=0)
    assert (result.row.paper, result.num_seeds) == (69.25, 2)
    assert result.figures[0].auc_by_seed[0] == result.figures[0].auc_by_seed[1]
    assert result.majority_rate == 0.5
