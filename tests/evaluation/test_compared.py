"""Systems as rows."""

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.evaluation import compared
from gsgmodel.evaluation.compared import chosen_models, rows_of
from gsgmodel.evaluation.sets import parse_sets
from gsgmodel.model.systems import NAMES, find_system


def test_the_papers_figures_are_those_of_its_tables():
    assert compared.INTRA["mesonet"] == {"ff++-lq": 68.13, "ff++-hq": 81.80, "dfdc": 89.33, "celeb-df": 86.93}
    assert compared.INTRA["twobranch"]["celeb-df"] == 98.20
    assert compared.CROSS["ftcn"] == {"celeb-df": 83.58, "dfdc": 68.80}
    assert set(NAMES) <= set(compared.CROSS)
    assert set(compared.CROSS) - set(compared.INTRA) == {"ftcn"}


def test_models_are_named_with_commas_or_all():
    assert chosen_models("all") == NAMES
    assert chosen_models("xception,gsg") == ("xception", "gsg")


@pytest.mark.parametrize("text", ["", "gsg,", "gsg,gsg", "everything"])
def test_models_that_are_not_there_are_refused(text):
    with pytest.raises(ConfigError, match="accepted: all, or with commas, each once: gsg, mesonet"):
        chosen_models(text)


def test_every_system_has_a_row_of_each_data_set_and_a_store_of_its_own_if_wished():
    pairs = parse_sets(["dfdc=clips/{model}", "mine=clips"], known=compared.INTRA["gsg"])
    rows = rows_of(pairs, ["gsg", "mesonet"], paper=compared.INTRA)
    assert [(row.name, row.model, row.paper, store) for row, store in rows] == [
        ("GSG, dfdc", "gsg", 97.67, "clips/gsg"),
        ("GSG, mine", "gsg", None, "clips"),
        ("MesoNet, dfdc", "mesonet", 89.33, "clips/mesonet"),
        ("MesoNet, mine", "mesonet", None, "clips"),
    ]


def test_systems_are_small_where_that_is_wished():
    pairs = parse_sets(["mine=clips"], known={})
    for is_small in (True, False):
        rows = rows_of(pairs, NAMES, paper={}, is_small=is_small)
        assert [row.options for row, _ in rows] == [find_system(name).small if is_small else {} for name in NAMES]
