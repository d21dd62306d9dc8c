"""What a training adds to a registered model, and a registration that breaks off."""

import uuid

import numpy as np
import pytest
import safetensors.numpy

from gsgmodel.errors import ConfigError
from gsgmodel.model.weights import read_model
from gsgmodel.scoring.canary import check_canary, make_canary
from gsgmodel.tracking.publish import Evidence, register_model
from gsgmodel.tracking.registry import check_registered, fetch_canary, resolve_model
from gsgmodel.tracking.store import connect
from gsgmodel.tracking.versions import list_models
from tests.mlflow_server import error_body

pytestmark = pytest.mark.filterwarnings("ignore:.*An input example was not provided")


@pytest.fixture
def name():
    return f"model-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def canary(model):
    crops = np.random.default_rng(0).integers(0, 255, (1, 12, 224, 224, 3), dtype=np.uint8)
    return make_canary(read_model(model), crops)


@pytest.fixture(scope="module")
def evidence(canary):
    return Evidence(
        metrics={"test/auc": 0.9, "test/eer": float("nan")},
        tags={"gsg.test_auc": "0.9", "gsg.data_digest": "d" * 64},
        files={"card.md": b"# GSG model\n\nKnows nothing.\n", "history.json": b"[]"},
        canary=canary,
    )


@pytest.mark.parametrize("kind", ["server", "database"])
def test_what_is_known_of_a_model_lies_beside_it(kind, request, model, name, evidence, canary):
    address = request.getfixturevalue(kind)
    number = register_model(model, name=name, alias="challenger", tracking_uri=address, evidence=evidence)
    client = connect(address)
    version = client.get_model_version(name, number)
    assert version.tags["gsg.test_auc"] == "0.9"
    assert version.description == "# GSG model\n\nKnows nothing.\n"
    run = client.get_run(version.run_id)
    assert run.data.metrics == {"test/auc": 0.9}
    assert {"card.md", "history.json", "model"} <= {item.path for item in client.list_artifacts(version.run_id)}
    ref = f"models:/{name}@challenger"
    assert fetch_canary(ref, tracking_uri=address) == canary
    assert check_canary(resolve_model(ref, tracking_uri=address), canary) < 1e-4
    assert check_registered(ref, tracking_uri=address) < 1e-4


def test_a_model_without_a_canary_has_none(database, model, name):
    register_model(model, name=name, tracking_uri=database)
    assert fetch_canary(f"models:/{name}/1", tracking_uri=database) is None
    assert check_registered(f"models:/{name}/1", tracking_uri=database) is None


def test_a_machine_that_judges_otherwise_is_found_out(database, model, name, canary):
    held = safetensors.numpy.load(canary)
    wrong = safetensors.numpy.save({**held, "margins": held["margins"] + 0.02})
    register_model(model, name=name, tracking_uri=database, evidence=Evidence(canary=wrong))
    with pytest.raises(ConfigError, match=r"judges otherwise on this machine .* differ by 0\.02"):
        check_registered(f"models:/{name}/1", tracking_uri=database)


@pytest.mark.parametrize(
    "step",
    [
        "POST /api/2.0/mlflow/runs/log-batch",
        "PUT /api/2.0/mlflow-artifacts",
        "POST /api/2.0/mlflow/registered-models/create",
        "POST /api/2.0/mlflow/model-versions/create",
    ],
)
def test_wherever_it_breaks_off_no_version_is_left_and_no_alias_moves(server, proxy, model, name, evidence, step):
    url, how = proxy
    how.only, how.status, how.body = step, 507, error_body("INTERNAL_ERROR")
    with pytest.raises(ConfigError, match=f"model {name} cannot be registered: MLflow at {url}"):
        register_model(model, name=name, alias="challenger", tracking_uri=url, evidence=evidence)
    client = connect(server)
    names = [each.name for each in client.search_registered_models(f"name = '{name}'")]
    assert all(not list_models(tracking_uri=server, name=each) for each in names)
    assert all(not client.get_registered_model(each).aliases for each in names)
