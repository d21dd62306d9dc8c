"""The versions of models that MLflow has registered, and the aliases that point to them."""

import uuid

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.tracking import versions
from gsgmodel.tracking.promotion import TEST_AUC, TEST_AUC_LOW
from gsgmodel.tracking.publish import register_model
from gsgmodel.tracking.store import connect
from gsgmodel.tracking.versions import check_address, list_models, promote


@pytest.fixture(params=["server", "database"])
def address(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def names(address):
    """Of two models with three versions each, of which we know nothing but that they are there."""
    client = connect(address)
    made = sorted(f"model-{uuid.uuid4().hex[:8]}" for _ in range(2))
    for name in made:
        client.create_registered_model(name)
        for _ in range(3):
            client.create_model_version(name, "s3://bucket/model")
    return made


def test_versions_are_listed_newest_first_with_their_aliases(address, names, monkeypatch):
    monkeypatch.setattr(versions, "PAGE", 2)
    promote(f"{names[0]}/2", tracking_uri=address)
    promote(f"{names[0]}/2", alias="other", tracking_uri=address)
    found = list_models(name=names[0], tracking_uri=address)
    assert [(each.uri.rpartition("/")[2], each.aliases, each.digest) for each in found] == [
        ("3", (), None),
        ("2", ("champion", "other"), None),
        ("1", (), None),
    ]
    assert found[0].created_at.endswith("+00:00")
    every = {each.uri for each in list_models(tracking_uri=address)}
    assert {f"models:/{name}/{number}" for name in names for number in (1, 2, 3)} <= every


def test_an_alias_moves(address, names):
    assert promote(f"{names[0]}/1", tracking_uri=address) == f"models:/{names[0]}@champion"
    assert promote(f"models:/{names[0]}/3", tracking_uri=address) == f"models:/{names[0]}@champion"
    assert [each.aliases for each in list_models(name=names[0], tracking_uri=address)] == [("champion",), (), ()]


def test_a_registered_model_is_listed_with_its_digest(database, model):
    register_model(model, tracking_uri=database)
    (found,) = list_models(tracking_uri=database)
    assert (found.uri, found.aliases, len(found.digest)) == ("models:/gsg/1", ("champion",), 64)


def test_what_a_test_found_is_listed_where_somebody_said(address):
    name = f"model-{uuid.uuid4().hex[:8]}"
    client = connect(address)
    client.create_registered_model(name)
    client.create_model_version(name, "s3://bucket/model", tags={TEST_AUC: "0.9", TEST_AUC_LOW: "0.8"})
    client.create_model_version(name, "s3://bucket/model", tags={TEST_AUC: "good"})
    found = list_models(name=name, tracking_uri=address)
    assert [(each.test_auc, each.test_auc_low, each.test_auc_high) for each in found] == [
        (None, None, None),
        (0.9, 0.8, None),
    ]


@pytest.mark.parametrize("reference", ["gsg", "gsg/", "gsg/champion", "/3", "gsg@champion", "", "gsg/3/4"])
def test_what_names_no_version_is_refused(database, reference):
    with pytest.raises(ConfigError, match="accepted: NAME/VERSION"):
        promote(reference, tracking_uri=database)


def test_what_does_not_exist_is_one_sentence(address, names):
    with pytest.raises(ConfigError, match=rf"models:/{names[0]}/9 does not get the alias champion: .*not found"):
        promote(f"{names[0]}/9", tracking_uri=address)
    with pytest.raises(ConfigError, match=r"models cannot be listed: .*not found"):
        list_models(name="nowhere", tracking_uri=address)


def test_a_database_is_not_made_just_to_look_into_it(database, tmp_path):
    for ask in (lambda: list_models(tracking_uri=database), lambda: promote("gsg/1", tracking_uri=database)):
        with pytest.raises(ConfigError, match="there is no MLflow at sqlite:"):
            ask()
    assert list(tmp_path.iterdir()) == []
    check_address(database)


def test_without_mlflow_there_is_nothing_to_list():
    with pytest.raises(ConfigError, match="tracking URI is 'none'"):
        list_models(tracking_uri="none")
