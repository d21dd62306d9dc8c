"""A challenger and a champion at a real server, and where their aliases point afterwards."""

import uuid

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.tracking.contest import PREVIOUS, crown, find_contest
from gsgmodel.tracking.promotion import DATA_DIGEST, TEST_AUC, TEST_AUC_LOW, Contestant
from gsgmodel.tracking.store import connect
from tests.mlflow_server import error_body

TESTED = {DATA_DIGEST: "d" * 64, TEST_AUC: "0.9", TEST_AUC_LOW: "0.85"}
ALIASES = "POST /api/2.0/mlflow/registered-models/alias"


@pytest.fixture(params=["server", "database"])
def address(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def name():
    return f"model-{uuid.uuid4().hex[:8]}"


def make(address, name, *, aliases, tags=TESTED):
    """Versions 1, 2 and so on, one an alias, of which only tags are known; the last alias of a number wins."""
    client = connect(address)
    client.create_registered_model(name)
    for alias in aliases:
        number = client.create_model_version(name, "s3://bucket/model", tags=tags).version
        if alias:
            client.set_registered_model_alias(name, alias, number)


def aliases_of(address, name):
    return {alias: str(number) for alias, number in connect(address).get_registered_model(name).aliases.items()}


def find(name, address, **changes):
    return find_contest(
        name, **{"challenger": "challenger", "champion": "champion", "tracking_uri": address, **changes}
    )


def test_both_are_found_with_what_their_tests_said(address, name):
    make(address, name, aliases=["champion", None, "challenger"])
    contest = find(name, address)
    wanted = Contestant(reference=f"{name}/3", data_digest="d" * 64, auc=0.9, auc_low=0.85, auc_high=None)
    assert contest.challenger == wanted
    assert contest.champion.reference == f"{name}/1"
    assert not contest.is_settled


def test_the_first_champion_has_none_before_it(address, name):
    make(address, name, aliases=["challenger"], tags={})
    contest = find(name, address)
    assert (contest.champion, contest.challenger.auc, contest.challenger.data_digest) == (None, None, None)
    crown(contest, tracking_uri=address)
    assert aliases_of(address, name) == {"challenger": "1", "champion": "1"}


def test_the_champion_before_is_the_previous_one_and_can_come_back(address, name):
    make(address, name, aliases=["champion", "challenger"])
    crown(find(name, address), tracking_uri=address)
    assert aliases_of(address, name) == {"challenger": "2", "champion": "2", PREVIOUS: "1"}
    crown(find(name, address), tracking_uri=address)
    assert aliases_of(address, name)[PREVIOUS] == "1"
    crown(find(name, address, challenger=PREVIOUS), tracking_uri=address)
    assert aliases_of(address, name) == {"challenger": "2", "champion": "1", PREVIOUS: "2"}


def test_other_aliases_may_be_meant(database, name):
    make(database, name, aliases=["staging", "candidate"])
    crown(find(name, database, challenger="candidate", champion="staging"), tracking_uri=database)
    assert aliases_of(database, name) == {"candidate": "2", "staging": "2", PREVIOUS: "1"}


def test_what_was_found_is_promoted_even_if_another_challenger_came_meanwhile(database, name):
    make(database, name, aliases=["champion", "challenger"])
    contest = find(name, database)
    client = connect(database)
    number = client.create_model_version(name, "s3://bucket/model").version
    client.set_registered_model_alias(name, "challenger", number)
    crown(contest, tracking_uri=database)
    assert aliases_of(database, name) == {"challenger": "3", "champion": "2", PREVIOUS: "1"}


def test_without_a_challenger_there_is_nothing_to_promote(address, name):
    connect(address).create_registered_model(name)
    for missing in (name, "nowhere"):
        with pytest.raises(ConfigError, match=f"there is no models:/{missing}@challenger in MLflow; ./gsg train"):
            find(missing, address)


def test_without_mlflow_there_is_nothing_to_promote(database, tmp_path):
    with pytest.raises(ConfigError, match="the tracking URI is 'none'"):
        find("gsg", "none")
    with pytest.raises(ConfigError, match="there is no MLflow at sqlite:"):
        find("gsg", database)
    assert list(tmp_path.iterdir()) == []


def test_an_mlflow_that_fails_is_no_missing_champion(proxy, server, name):
    url, how = proxy
    make(server, name, aliases=["champion", "challenger"])
    how.only, how.status = "GET", 500
    with pytest.raises(ConfigError, match=r"cannot be promoted: MLflow at .* fails \(HTTP 500\)"):
        find(name, url)


def test_an_mlflow_that_moves_no_alias_keeps_the_champion(proxy, server, name):
    url, how = proxy
    make(server, name, aliases=["champion", "challenger"])
    how.only, how.status, how.body = ALIASES, 507, error_body("INTERNAL_ERROR")
    with pytest.raises(ConfigError, match=f"models:/{name}/1 does not get the alias {PREVIOUS}: MLflow at"):
        crown(find(name, url), tracking_uri=url)
    assert aliases_of(server, name) == {"challenger": "2", "champion": "1"}
