"""MLflow, as a finding."""

import tempfile
from pathlib import Path

import pytest

from gsgmodel.doctor.registry import check_registry, is_loopback
from gsgmodel.errors import ConfigError
from gsgmodel.tracking.reach import check_reachable
from tests.mlflow_server import serving_mlflow
from tests.servers import free_port


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory() as folder, serving_mlflow(Path(folder)) as url:
        yield url


@pytest.fixture(autouse=True)
def _no_address(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_a_server_answers_and_its_clock_is_compared(server, tmp_path):
    mlflow, clock = check_registry(server, folder=tmp_path)
    assert (mlflow.verdict, mlflow.text) == ("ok", f"{server} answers, 0 registered models")
    assert (clock.name, clock.verdict) == ("clock", "ok")


def test_one_that_does_not_answer_is_a_failure_with_the_way_out(tmp_path):
    (finding,) = check_registry(f"http://127.0.0.1:{free_port()}", folder=tmp_path)
    assert finding.verdict == "failed"
    assert "--tracking-uri" in finding.fix


def test_no_database_is_made(tmp_path):
    (finding,) = check_registry(None, folder=tmp_path)
    assert (finding.verdict, "would be made" in finding.text) == ("ok", True)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_there_is_asked(tmp_path):
    check_reachable(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (finding,) = check_registry(None, folder=tmp_path)
    assert (finding.verdict, "answers" in finding.text) == ("ok", True)


def test_mlflow_may_be_left_out(tmp_path):
    (finding,) = check_registry("none", folder=tmp_path)
    assert (finding.verdict, finding.text) == ("ok", "not used")


def test_what_is_not_encrypted_on_its_way_is_a_warning(tmp_path):
    # An address of documentation, which nobody answers at.
    _, way = check_registry("http://192.0.2.1:9", folder=tmp_path)
    assert (way.verdict, "not encrypted" in way.text) == ("warning", True)


@pytest.mark.parametrize("address", ["http://user:hunter2@mlflow:5000", "nonsense"])
def test_what_is_no_address_is_refused_without_showing_a_password(tmp_path, address):
    with pytest.raises(ConfigError) as caught:
        list(check_registry(address, folder=tmp_path))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("host", "is_it"), [("127.1.2.3", True), ("0.0.0.0", False), ("", False)])
def test_this_machine_is_known(host, is_it):
    assert is_loopback(host) is is_it
