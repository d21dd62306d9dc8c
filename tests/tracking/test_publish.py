"""Models into MLflow: what lies there afterwards, and what is never there."""

import io
import os
import pickletools
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import yaml

import gsgmodel
from gsgmodel.errors import ConfigError
from gsgmodel.model.weights import read_model
from gsgmodel.records import Preparation
from gsgmodel.tracking.publish import REQUIRED, register_model, requirements, write_model
from gsgmodel.tracking.store import connect
from gsgmodel.tracking.versions import list_models
from tests.mlflow_server import error_body

pytestmark = pytest.mark.filterwarnings("ignore:.*An input example was not provided")
ROOT = Path(gsgmodel.__file__).parents[1]


@pytest.fixture
def name():
    return f"model-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def logged(model, tmp_path_factory):
    """What is logged, as a folder."""
    return write_model(read_model(model), tmp_path_factory.mktemp("logged"), run_id="0" * 32)


def is_pickle(path):
    """Whether a file is a pickle from its first to its last byte, of whatever protocol."""
    try:
        pickletools.dis(path.read_bytes(), out=io.StringIO())
    except ValueError:
        return False
    return True


def test_what_is_logged_is_text_and_safetensors_and_no_pickle(logged):
    files = sorted(str(path.relative_to(logged)) for path in logged.rglob("*") if path.is_file())
    assert [name for name in files if not name.startswith("code/")] == [
        "MLmodel",
        "artifacts/model.json",
        "artifacts/weights.safetensors",
        "conda.yaml",
        "python_env.yaml",
        "requirements.txt",
        "served.py",
    ]
    for name in files:
        assert "pkl" not in name
        assert not is_pickle(logged / name), name
        if not name.endswith(".safetensors"):
            (logged / name).read_text()


def test_the_package_travels_as_its_sources_and_nothing_else(logged):
    code = logged / "code"
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "gsgmodel").rglob("*.py")}
    assert {str(path.relative_to(code)) for path in code.rglob("*") if path.is_file()} == sources


def test_nothing_that_is_logged_names_this_machines_folders(logged):
    written = [logged / name for name in ("MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt")]
    assert not [path for path in written if str(ROOT) in path.read_text()]


def test_mlflow_is_told_how_to_call_it(logged):
    told = yaml.safe_load((logged / "MLmodel").read_text())
    flavor = told["flavors"]["python_function"]
    assert flavor["loader_module"] == "mlflow.pyfunc.loaders.code_model"
    assert "python_model" not in flavor
    assert "uri" in told["signature"]["inputs"]
    assert re.findall(r'"name": "(\w+)"', told["signature"]["params"]) == ["faces", "window_s", "max_clips"]


def test_requirements_are_pinned_to_releases_and_neither_ray_nor_a_build_is_among_them():
    pinned = requirements()
    assert [each.partition("==")[0] for each in pinned] == list(REQUIRED)
    assert all(re.fullmatch(r"[a-z0-9\-]+==[\w.]+", each) for each in pinned)
    assert not {"ray", "deltalake", "duckdb", "gsgmodel"} & set(REQUIRED)


@pytest.mark.parametrize("kind", ["server", "database"])
def test_a_version_is_logged_in_a_run_and_tagged_with_what_it_is(request, kind, model, name, capfd):
    address = request.getfixturevalue(kind)
    files = read_model(model)
    assert register_model(files, name=name, tracking_uri=address) == "1"
    assert register_model(model, name=name, alias="candidate", tracking_uri=address) == "2"
    assert capfd.readouterr() == ("", "")
    client = connect(address)
    version = client.get_model_version(name, "1")
    assert version.tags["gsg.digest"] == files.digest
    assert version.tags["gsg.preparation_digest"] == Preparation().digest
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["gsg.digest"] == files.digest
    assert client.get_experiment(run.info.experiment_id).name == "gsg-models"
    assert [(each.uri, each.aliases) for each in list_models(tracking_uri=address, name=name)] == [
        (f"models:/{name}/2", ("candidate",)),
        (f"models:/{name}/1", ("champion",)),
    ]


def test_of_the_default_everything_lies_in_the_folder(model, database, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    register_model(model, tracking_uri=database)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "mlflow.db", "mlruns"]
    assert list((tmp_path / "elsewhere").iterdir()) == []
    (weights,) = tmp_path.rglob("weights.safetensors")
    assert weights.is_relative_to(tmp_path / "mlruns" / "gsg-models")


def test_a_broken_model_is_not_registered(database, tmp_path):
    with pytest.raises(ConfigError, match="there is nothing"):
        register_model(tmp_path / "nowhere", tracking_uri=database)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_fails_on_the_way_is_one_sentence_and_the_run_has_failed(server, proxy, model, name):
    url, how = proxy
    how.only, how.status, how.body = "PUT /api/2.0/mlflow-artifacts", 507, error_body("INTERNAL_ERROR")
    with pytest.raises(ConfigError, match=rf"model {name} cannot be registered: MLflow at {url} fails \(HTTP 507\)"):
        register_model(model, name=name, tracking_uri=url)
    client = connect(server)
    experiment = client.get_experiment_by_name("gsg-models")
    (run,) = client.search_runs([experiment.experiment_id], f"attributes.run_name = 'register {name}'")
    assert run.info.status == "FAILED"
    with pytest.raises(ConfigError, match="not found"):
        list_models(tracking_uri=server, name=name)


def test_without_mlflow_nothing_is_registered(model):
    with pytest.raises(ConfigError, match="tracking URI is 'none'"):
        register_model(model, tracking_uri="none")


@pytest.mark.slow
def test_an_upload_has_more_time_than_a_question_unless_the_user_has_set_one():
    code = """
import os
from gsgmodel.tracking import publish
with publish._time_to_upload():
    print(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"])
print(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"])
"""
    for given, seen in ({}, ["300", "8"]), ({"MLFLOW_HTTP_REQUEST_TIMEOUT": "77"}, ["77", "77"]):
        plain = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
        done = subprocess.run(
            [sys.executable, "-c", code], env=plain | given, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == seen
