"""Where MLflow is."""

import subprocess
import sys

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.tracking import address as module
from gsgmodel.tracking.address import NO_TRACKING, artifact_root, database_of, tracking_address


def test_without_any_address_it_is_a_database_in_the_folder_and_artifacts_beside_it(tmp_path):
    address = tracking_address(None, folder=tmp_path)
    assert address == f"sqlite:///{tmp_path}/mlflow.db"
    assert database_of(address) == tmp_path / "mlflow.db"
    assert artifact_root(address) == (tmp_path / "mlruns").as_uri()
    assert list(tmp_path.iterdir()) == []


def test_the_environment_comes_before_the_database_and_what_is_given_before_both(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert tracking_address(None, folder=tmp_path) == "http://mlflow:5000"
    assert tracking_address("https://other/mlflow", folder=tmp_path) == "https://other/mlflow"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert database_of(tracking_address(None, folder=tmp_path)) is not None


def test_none_means_that_mlflow_is_not_used(tmp_path, monkeypatch):
    assert tracking_address("none", folder=tmp_path) == NO_TRACKING
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    assert tracking_address(None, folder=tmp_path) == NO_TRACKING


def test_a_database_by_a_relative_path_lies_in_the_folder(tmp_path):
    assert database_of(tracking_address("sqlite:///a/b.db", folder=tmp_path)) == tmp_path / "a" / "b.db"
    assert database_of(tracking_address("sqlite:////a/b.db", folder=tmp_path)) == module.Path("/a/b.db")


def test_a_server_knows_itself_where_artifacts_go(tmp_path):
    assert artifact_root(tracking_address("http://mlflow:5000", folder=tmp_path)) is None


@pytest.mark.parametrize(
    "address",
    [
        "http://me:hunter22@mlflow:5000",
        "https://hunter22@mlflow",
        "http://me:hunt/er22@mlflow",
        "postgresql://me:hunter22@db/mlflow",
        "postgresql://db/mlflow?user=me&password=hunter22",
    ],
)
@pytest.mark.parametrize("is_given", [True, False])
def test_credentials_in_an_address_are_refused_without_showing_them(tmp_path, monkeypatch, address, is_given):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(ConfigError, match="credentials") as caught:
        tracking_address(address if is_given else None, folder=tmp_path)
    text = str(caught.value)
    assert "er22" not in text
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"):
        assert name in text


@pytest.mark.parametrize("address", ["mlflow:5000", "results", "http:///", "None"])
def test_what_is_no_address_is_refused_with_what_is(tmp_path, address):
    with pytest.raises(ConfigError, match="accepted: http"):
        tracking_address(address, folder=tmp_path)


def test_an_at_sign_in_a_path_is_no_credential(tmp_path):
    folder = tmp_path / "me@home"
    assert database_of(tracking_address(None, folder=folder)) == folder / "mlflow.db"


def test_finding_the_address_does_not_import_mlflow():
    code = (
        "import sys, gsgmodel.tracking.address, gsgmodel.tracking.registry, gsgmodel.tracking.runs; "
        "sys.exit('mlflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_the_user_has_set_for_mlflow_stays():
    code = "import os, gsgmodel.tracking; print(os.environ['MLFLOW_HTTP_REQUEST_TIMEOUT'], os.environ['DO_NOT_TRACK'])"
    env = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "77"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["77", "true"]
