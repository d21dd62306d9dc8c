"""Models by reference: what is found, what is fetched, and what a user is told when it is not."""

import json
import shutil
import uuid
from pathlib import Path

import pytest
from mlflow import MlflowClient

from gsgmodel.errors import ConfigError
from gsgmodel.model.settings import SETTINGS_NAME
from gsgmodel.model.weights import WEIGHTS_NAME, read_model
from gsgmodel.records import Preparation
from gsgmodel.tracking import REQUEST_S, registry
from gsgmodel.tracking.address import DEFAULT_MODEL
from gsgmodel.tracking.publish import register_model
from gsgmodel.tracking.registry import DIGEST_TAG, resolve_model
from gsgmodel.tracking.store import connect, experiment_id
from tests.mlflow_server import error_body, taking_less_than
from tests.servers import free_port


@pytest.fixture(params=["server", "database"])
def address(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def name():
    """Of a model that no other test knows."""
    return f"model-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def registered(server, model):
    """The name of a model on the server, registered once."""
    register_model(model, name="registered", tracking_uri=server)
    return "registered"


@pytest.fixture
def quick(monkeypatch):
    """An impatient client, so that tests of slow servers are quick."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")


def refused(ref, address):
    """The sentence that resolving ends with."""
    with pytest.raises(ConfigError) as caught:
        resolve_model(ref, tracking_uri=address)
    text = str(caught.value)
    assert text.startswith(f"model {ref.partition('@')[0]}")
    assert "\n" not in text
    assert "Traceback" not in text
    return text


def logged(client: MlflowClient, folder: Path, *, path: str | None = None):
    """A run that holds a folder's files as they are."""
    run = client.create_run(experiment_id(client, "tests", address=client.tracking_uri))
    for file in folder.iterdir():
        client.log_artifact(run.info.run_id, str(file), path)
    return run


def version_of(client: MlflowClient, run, name, **kwargs):
    client.create_registered_model(name)
    return client.create_model_version(name, run.info.artifact_uri, run.info.run_id, **kwargs)


def test_an_alias_is_resolved_to_the_version_that_it_points_to(address, model, name):
    register_model(model, name=name, tracking_uri=address)
    register_model(model, name=name, alias=None, tracking_uri=address)
    files = resolve_model(f"models:/{name}@champion", tracking_uri=address)
    on_disk = read_model(model)
    assert (files.uri, files.version) == (f"models:/{name}/1", "1")
    assert (files.digest, files.settings, files.weights) == (on_disk.digest, on_disk.settings, on_disk.weights)
    assert resolve_model(f"models:/{name}/1", tracking_uri=address) == files
    assert resolve_model(f"models:/{name}/2", tracking_uri=address).uri == f"models:/{name}/2"


def test_a_run_may_be_named_with_the_path_in_it(address, model, name):
    register_model(model, name=name, tracking_uri=address)
    run_id = connect(address).get_model_version(name, "1").run_id
    files = resolve_model(f"runs:/{run_id}/model", tracking_uri=address)
    assert files.uri == f"runs:/{run_id}/model"
    assert files.version == files.digest[:12] == read_model(model).version


def test_a_model_that_lies_bare_in_a_run_is_found(address, model, name):
    client = connect(address)
    run = logged(client, model)
    version_of(client, run, name)
    assert resolve_model(f"models:/{name}/1", tracking_uri=address).digest == read_model(model).digest
    assert resolve_model(f"runs:/{run.info.run_id}", tracking_uri=address).digest == read_model(model).digest


def test_a_model_that_mlflow_keeps_outside_of_its_run_is_found(address, model, name, monkeypatch):
    # Registering such a model, MLflow looks for it at the address of the environment, whatever the client's is.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    client = connect(address)
    run = logged(client, model, path="elsewhere")
    found = client.create_logged_model(run.info.experiment_id, name="mine", source_run_id=run.info.run_id)
    client.log_model_artifacts(found.model_id, str(model))
    client.create_registered_model(name)
    client.create_model_version(name, f"models:/{found.model_id}", model_id=found.model_id)
    digest = read_model(model).digest
    assert resolve_model(f"models:/{name}/1", tracking_uri=address).digest == digest
    assert resolve_model(f"runs:/{run.info.run_id}/mine", tracking_uri=address).digest == digest


def test_folders_and_untrained_need_no_mlflow(model, database, tmp_path):
    assert resolve_model(str(model), tracking_uri="none") == read_model(model)
    assert resolve_model("untrained", tracking_uri=database).uri == "untrained"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match="there is nothing"):
        resolve_model("/nowhere", tracking_uri=database)


def test_only_the_two_files_are_fetched_and_nothing_is_said(registered, proxy, capfd):
    url, how = proxy
    resolve_model(f"models:/{registered}@champion", tracking_uri=url)
    fetched = [asked.rpartition("/")[2] for asked in how.seen if "/mlflow-artifacts/artifacts/" in asked]
    assert sorted(fetched) == [SETTINGS_NAME, WEIGHTS_NAME]
    assert capfd.readouterr() == ("", "")


def test_a_content_other_than_what_was_registered_is_refused(server, model, name):
    client = connect(server)
    version_of(client, logged(client, model), name, tags={DIGEST_TAG: "0" * 64})
    assert "has the digest" in refused(f"models:/{name}/1", server)


def test_broken_weights_are_refused_under_the_models_own_name(server, model, name, tmp_path):
    shutil.copytree(model, tmp_path, dirs_exist_ok=True)
    (tmp_path / WEIGHTS_NAME).write_bytes((model / WEIGHTS_NAME).read_bytes()[:-4])
    client = connect(server)
    version_of(client, logged(client, tmp_path), name)
    text = refused(f"models:/{name}/1", server)
    assert "/tmp" not in text
    assert WEIGHTS_NAME in text


def test_a_model_without_our_files_is_refused_unopened(server, name, tmp_path):
    (tmp_path / "python_model.pkl").write_bytes(b"\x80\x05cos\nsystem\n")
    client = connect(server)
    version_of(client, logged(client, tmp_path), name)
    text = refused(f"models:/{name}/1", server)
    assert "lacks model.json and weights.safetensors (it holds python_model.pkl)" in text


def test_too_large_a_file_is_not_fetched(registered, proxy, monkeypatch):
    url, how = proxy
    monkeypatch.setattr(registry, "MAX_WEIGHTS_BYTES", 1000)
    assert "larger than 1000 bytes" in refused(f"models:/{registered}/1", url)
    assert not any(asked.endswith(WEIGHTS_NAME) for asked in how.seen)


def test_a_model_of_another_preparation_is_refused(registered, server):
    with pytest.raises(ConfigError, match="another preparation: crop_scale"):
        resolve_model(f"models:/{registered}/1", tracking_uri=server, preparation=Preparation(crop_scale=2.0))


def test_a_missing_default_model_says_what_to_do_and_makes_no_database(database, tmp_path):
    text = refused(DEFAULT_MODEL, database)
    for wanted in ("--model untrained", "./gsg demo", "./gsg models register", str(tmp_path)):
        assert wanted in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    "ref", ["models:/nowhere@champion", "models:/registered@nobody", "models:/registered/99", "runs:/" + "0" * 32]
)
def test_what_mlflow_does_not_know_is_said_to_be_absent(server, ref):
    assert refused(ref, server) == f"model {ref}: there is none in MLflow at {server}"


def test_a_run_without_the_path_lacks_the_files(registered, server):
    run_id = connect(server).get_model_version(registered, "1").run_id
    assert "lacks model.json and weights.safetensors (it holds nothing)" in refused(f"runs:/{run_id}/nix", server)


@pytest.mark.parametrize("ref", ["models:/gsg", "models:/gsg/Production", "models:/gsg/3/more", "models:/", "runs:/"])
def test_what_is_no_reference_is_refused_with_what_is(database, ref):
    assert "accepted are models:/NAME@ALIAS" in refused(ref, database)


def test_without_mlflow_its_models_are_refused():
    assert "tracking URI is 'none'" in refused("models:/gsg/1", "none")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, error_body("UNAUTHENTICATED"), "MLFLOW_TRACKING_USERNAME"),
        (401, "<html>who are you</html>", "MLFLOW_TRACKING_TOKEN"),
        (403, error_body("PERMISSION_DENIED"), "does not permit it"),
        (403, "<html>no</html>", "does not permit it"),
        (500, "<html>oh</html>", "fails (HTTP 500)"),
        (503, error_body("TEMPORARILY_UNAVAILABLE"), "fails (HTTP 503)"),
        (200, "<html>a login page</html>", "says: "),
        (200, json.dumps({"something": "else"}), "lacks model.json"),
        (404, "<html>nothing here</html>", "says: "),
    ],
)
@pytest.mark.parametrize("only", ["", "GET /api/2.0/mlflow-artifacts"])
def test_an_answer_that_is_none_is_one_sentence(registered, proxy, status, body, said, only):
    url, how = proxy
    how.only, how.status, how.body = only, status, body
    with taking_less_than(10):
        text = refused(f"models:/{registered}@champion", url)
    if not (only and status == 200):
        assert said in text, text


@pytest.mark.parametrize("only", ["", "GET /api/2.0/mlflow-artifacts"])
def test_a_connection_that_breaks_is_one_sentence(registered, proxy, only):
    url, how = proxy
    how.only, how.is_cut = only, True
    assert f"MLflow at {url} cannot be reached" in refused(f"models:/{registered}@champion", url)


def test_a_server_that_is_down_is_one_sentence():
    url = f"http://127.0.0.1:{free_port()}"
    with taking_less_than(10):
        assert refused(DEFAULT_MODEL, url).endswith(f"MLflow at {url} cannot be reached")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("only", ["", "GET /api/2.0/mlflow-artifacts"])
def test_a_server_that_hangs_is_given_up_on(registered, proxy, only):
    url, how = proxy
    how.only, how.wait_s = only, 60.0
    with taking_less_than(8):
        assert refused(f"models:/{registered}@champion", url).endswith("does not answer in time")
    # The same with the patience that holds unless a user sets another: two attempts.
    assert 2 * float(REQUEST_S) < 20


def test_a_server_that_asks_for_an_hour_of_patience_does_not_get_it(registered, proxy):
    url, how = proxy
    how.status = 429
    with taking_less_than(10):
        refused(f"models:/{registered}@champion", url)
