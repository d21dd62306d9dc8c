"""Who becomes the champion, decided by hand and at a real server."""

import uuid

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.tracking.promotion import (
    DATA_DIGEST,
    TEST_AUC,
    TEST_AUC_HIGH,
    TEST_AUC_LOW,
    Tested,
    judge_challenger,
    promote_challenger,
)
from gsgmodel.tracking.publish import Evidence, register_model
from gsgmodel.tracking.store import connect

pytestmark = pytest.mark.filterwarnings("ignore:.*An input example was not provided")


def version(number, auc, *, low=None, digest="a" * 64):
    return Tested(
        reference=f"gsg/{number}", data_digest=digest, auc=auc, auc_low=auc and (low or auc - 0.05), auc_high=auc
    )


@pytest.mark.parametrize(
    ("challenger", "champion", "is_promoted", "reason"),
    [
        (version(2, 0.9), None, True, "there was no champion; test AUC 0.900"),
        (version(2, 0.9), version(1, 0.8), True, "test AUC 0.900, the champion's 0.800 (from 0.750)"),
        (version(2, 0.88), version(1, 0.9), True, "test AUC 0.880, the champion's 0.900 (from 0.850)"),
        (version(2, 0.84), version(1, 0.9), False, "it is worse than the champion beyond the interval"),
        (version(2, None), None, False, "models:/gsg/2 has no test result; --force promotes it all the same"),
        (version(2, 0.9), version(1, None), False, "the champion models:/gsg/1 has no test result"),
        (version(2, 0.9), version(1, 0.5, digest="b" * 64), False, "different clips, aaaaaaaaaaaa and bbbbbbbbbbbb"),
    ],
)
def test_a_challenger_is_promoted_unless_it_is_worse_beyond_the_interval(challenger, champion, is_promoted, reason):
    found = judge_challenger(challenger, champion)
    assert found[0] is is_promoted
    assert reason in found[1]


@pytest.fixture
def name():
    return f"model-{uuid.uuid4().hex[:8]}"


def register(model, name, server, auc, *, alias="challenger", low=None):
    tags = {DATA_DIGEST: "d" * 64, TEST_AUC: str(auc), TEST_AUC_LOW: str(low or auc - 0.05), TEST_AUC_HIGH: "1.0"}
    return register_model(model, name=name, alias=alias, tracking_uri=server, evidence=Evidence(tags=tags))


def aliases_of(server, name):
    return {alias: str(number) for alias, number in connect(server).get_registered_model(name).aliases.items()}


def promote(name, server, **changes):
    return promote_challenger(name, challenger="challenger", champion="champion", tracking_uri=server, **changes)


def test_aliases_move_as_the_tests_say(server, model, name):
    register(model, name, server, 0.90)
    first = promote(name, server)
    assert (first.is_promoted, first.champion) == (True, None)
    register(model, name, server, 0.70)
    refused = promote(name, server)
    assert (refused.is_promoted, refused.challenger, refused.champion) == (False, f"{name}/2", f"{name}/1")
    assert aliases_of(server, name) == {"challenger": "2", "champion": "1"}
    forced = promote(name, server, is_forced=True)
    assert forced.is_promoted
    assert forced.reason.startswith("forced, although it is worse")
    assert aliases_of(server, name) == {"challenger": "2", "champion": "2", "previous": "1"}
    assert promote(name, server).reason == "it is already"


def test_without_a_challenger_there_is_nothing_to_promote(server, model, name):
    register_model(model, name=name, alias=None, tracking_uri=server)
    with pytest.raises(ConfigError, match=f"there is no models:/{name}@challenger in MLflow; ./gsg train registers"):
        promote(name, server)
    with pytest.raises(ConfigError, match="the tracking URI is 'none'"):
        promote(name, "none")


def test_an_mlflow_that_fails_moves_nothing(proxy, server, model, name):
    url, misbehaviour = proxy
    register(model, name, server, 0.9)
    misbehaviour.status = 500
    with pytest.raises(ConfigError, match=r"cannot be promoted: MLflow at .* fails \(HTTP 500\)"):
        promote(name, url)
    assert aliases_of(server, name) == {"challenger": "1"}
