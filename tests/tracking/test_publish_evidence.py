"""What a training adds to a registered model, and where it lies afterwards."""

import shutil
import uuid

import numpy as np
import pytest
import safetensors.numpy

from gsgmodel.errors import ConfigError
from gsgmodel.model.weights import read_model
from gsgmodel.scoring.canary import CANARY_NAME, MAX_BYTES, check_canary, make_canary, parse_canary
from gsgmodel.tracking.publish import DESCRIPTION_LENGTH, Evidence, register_model
from gsgmodel.tracking.registry import canary_of, check_registered, fetch_canary, resolve_model
from gsgmodel.tracking.store import connect, experiment_id

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


def judged_otherwise(model, canary):
    files = read_model(model)
    held = parse_canary(files, canary)
    tensors = {"crops": held.crops, "said": held.said + 0.02}
    return safetensors.numpy.save(tensors, metadata={"model_digest": files.digest})


@pytest.mark.parametrize("kind", ["server", "database"])
def test_what_is_known_of_a_model_lies_beside_it(kind, request, model, name, evidence, canary):
    address = request.getfixturevalue(kind)
    number = register_model(model, name=name, alias="challenger", tracking_uri=address, evidence=evidence)
    client = connect(address)
    version = client.get_model_version(name, number)
    assert version.tags["gsg.test_auc"] == "0.9"
    assert version.description == "# GSG model\n\nKnows nothing."
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
    wrong = judged_otherwise(model, canary)
    register_model(model, name=name, tracking_uri=database, evidence=Evidence(canary=wrong))
    with pytest.raises(ConfigError, match=rf"model models:/{name}/1 judges otherwise .* differs by 0\.02"):
        check_registered(f"models:/{name}@champion", tracking_uri=database)


def test_a_canary_that_is_broken_is_not_registered(database, model, name, canary, tmp_path):
    for broken in (b"broken", canary[:-1]):
        with pytest.raises(ConfigError, match=f"the canary of model {model.as_uri()} cannot be read"):
            register_model(model, name=name, tracking_uri=database, evidence=Evidence(canary=broken))
    assert list(tmp_path.iterdir()) == []


def test_a_folders_canary_goes_along_and_comes_back_with_the_digest_unmoved(database, model, name, canary, tmp_path):
    folder = tmp_path / "with canary"
    shutil.copytree(model, folder)
    (folder / CANARY_NAME).write_bytes(canary)
    register_model(folder, name=name, tracking_uri=database)
    assert fetch_canary(f"models:/{name}/1", tracking_uri=database) == canary
    assert resolve_model(f"models:/{name}/1", tracking_uri=database).digest == read_model(model).digest


def test_a_canary_that_is_too_large_is_not_fetched(database, model, name, canary, tmp_path):
    register_model(model, name=name, tracking_uri=database, evidence=Evidence(canary=canary))
    (path,) = tmp_path.rglob(CANARY_NAME)
    with path.open("ab") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ConfigError, match=rf"model models:/{name}/1: {CANARY_NAME} is larger than {MAX_BYTES} bytes"):
        fetch_canary(f"models:/{name}/1", tracking_uri=database)


def test_a_reference_that_is_none_has_no_canary_to_check(database):
    for ask in (fetch_canary, check_registered):
        with pytest.raises(ConfigError, match="is no reference to MLflow"):
            ask("untrained", tracking_uri=database)


@pytest.mark.parametrize("kind", ["server", "database"])
def test_a_training_keeps_its_model_in_its_own_run(request, kind, model, name, evidence):
    address = request.getfixturevalue(kind)
    client = connect(address)
    training = client.create_run(experiment_id(client, "gsg-training", address=address), run_name="night").info
    number = register_model(model, name=name, tracking_uri=address, evidence=evidence, run_id=training.run_id)
    assert client.get_model_version(name, number).run_id == training.run_id
    run = client.get_run(training.run_id)
    assert (run.info.status, run.info.run_name) == ("RUNNING", "night")
    assert run.data.metrics == {"test/auc": 0.9}
    assert run.data.tags.items() >= {"gsg.test_auc": "0.9", "gsg.digest": read_model(model).digest}.items()
    assert resolve_model(f"models:/{name}/{number}", tracking_uri=address).digest == read_model(model).digest
    with pytest.raises(ConfigError, match=f"model {name} cannot be registered: MLflow at"):
        register_model(model, name=name, tracking_uri=address, run_id="0" * 32)


def test_the_tags_have_no_credentials_and_the_description_ends_with_a_line(database, model, name):
    card = "".join(f"line {number}\n" for number in range(1000)).encode()
    evidence = Evidence(files={"card.md": card, "more/p.csv": b"1"}, tags={"gsg.store": "s3://me:hunter22@bucket"})
    register_model(model, name=name, tracking_uri=database, evidence=evidence)
    client = connect(database)
    version = client.get_model_version(name, "1")
    assert version.tags["gsg.store"] == "s3://[hidden]@bucket"
    lines = version.description.splitlines()
    assert card.decode().splitlines()[: len(lines)] == lines
    assert DESCRIPTION_LENGTH - 20 < len(version.description) <= DESCRIPTION_LENGTH
    assert [item.path for item in client.list_artifacts(version.run_id, "more")] == ["more/p.csv"]


@pytest.mark.parametrize("kind", ["server", "database"])
def test_a_canary_is_found_wherever_its_model_came_from(kind, request, model, name, evidence, canary, tmp_path):
    address = request.getfixturevalue(kind)
    register_model(model, name=name, tracking_uri=address, evidence=evidence)
    files = resolve_model(f"models:/{name}/1", tracking_uri=address)
    assert canary_of(files, tracking_uri=address) == canary
    folder = tmp_path / "a model #1"
    shutil.copytree(model, folder)
    assert canary_of(read_model(folder), tracking_uri="none") is None
    (folder / CANARY_NAME).write_bytes(canary)
    assert canary_of(read_model(folder), tracking_uri="none") == canary
    (folder / CANARY_NAME).write_bytes(canary[:100])
    with pytest.raises(ConfigError, match="cannot be read"):
        canary_of(read_model(folder), tracking_uri="none")
    assert canary_of(resolve_model("untrained", tracking_uri="none"), tracking_uri="none") is None
