"""The models that pictures are made with."""

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.report.models import find_models, find_scorer
from tests.scoring.test_explain import make_files


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {name: tmp_path_factory.mktemp(name) for name in ("full", "local", "other")}
    make_files(made["full"])
    make_files(made["local"], streams="local")
    make_files(made["other"], frames_per_clip=8)
    return {name: str(folder) for name, folder in made.items()}


def test_models_are_found_in_order_whatever_crops_they_take(folders):
    names = [folders["full"], folders["other"], folders["local"]]
    assert list(find_models(names, "none")) == names


def test_a_model_that_is_not_there_is_named(folders):
    with pytest.raises(ConfigError, match="nowhere"):
        find_models([folders["full"], "nowhere"], "none")


def test_the_model_that_scored_is_found_by_what_rows_call_it(folders):
    (digest,) = (files.digest for files in find_models([folders["full"]], "none").values())
    files, missing = find_scorer([folders["full"]], {digest}, model=None, tracking_uri="none")
    assert (files.digest, missing) == (digest, "")
    files, missing = find_scorer(["gone"], {digest}, model=folders["full"], tracking_uri="none")
    assert (files.digest, missing) == (digest, "")


@pytest.mark.parametrize(
    ("names", "reason"),
    [([], "no row names a model"), (["a", "b"], "2 models scored"), (["nowhere"], "nowhere")],
)
def test_one_that_is_not_within_reach_is_said(names, reason):
    files, missing = find_scorer(names, {"d"}, model=None, tracking_uri="none")
    assert files is None
    assert reason in missing


def test_another_model_of_the_same_name_is_not_taken(folders):
    files, missing = find_scorer([folders["full"]], {"d"}, model=None, tracking_uri="none")
    assert files is None
    assert "is another model by now" in missing


def test_a_model_that_a_user_names_has_to_be_there():
    with pytest.raises(ConfigError, match="nowhere"):
        find_scorer(["a"], {"d"}, model="nowhere", tracking_uri="none")
