"""The way to MLflow: silent, and with sentences in place of errors."""

import subprocess
import sys

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from gsgmodel.errors import ConfigError
from gsgmodel.tracking.store import FAILURES, artifacts_at, connect, experiment_id, failures_named

SAYS_NOTHING = """
import logging, sys, warnings
from gsgmodel.tracking.store import connect, experiment_id
client = connect(sys.argv[1])
run = client.create_run(experiment_id(client, "quiet", address=sys.argv[1]))
client.log_metric(run.info.run_id, "a", 1.0)
client.log_text(run.info.run_id, "text", "a.txt")
client.set_terminated(run.info.run_id)
logging.getLogger("urllib3.connectionpool").warning("Retrying (Retry(total=0)) after connection broken")
logging.getLogger("alembic.runtime.migration").info("Running upgrade")
"""


@pytest.mark.parametrize("kind", ["server", "database"])
def test_nothing_of_mlflow_reaches_the_terminal(request, kind):
    address = request.getfixturevalue(kind)
    done = subprocess.run([sys.executable, "-c", SAYS_NOTHING, address], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("kind", ["server", "database"])
def test_an_experiment_is_made_once(request, kind):
    address = request.getfixturevalue(kind)
    first = experiment_id(connect(address), "once only", address=address)
    assert experiment_id(connect(address), "once only", address=address) == first


def test_an_experiment_that_somebody_made_meanwhile_is_taken(database, monkeypatch):
    client = connect(database)
    made = experiment_id(client, "raced", address=database)
    looked_up = client.get_experiment_by_name
    answers = iter([None])
    monkeypatch.setattr(client, "get_experiment_by_name", lambda name: next(answers, looked_up(name)))
    assert experiment_id(client, "raced", address=database) == made


def test_an_experiment_that_cannot_be_made_fails(database):
    with pytest.raises(MlflowException):
        experiment_id(connect(database), "", address=database)


def test_artifacts_of_a_database_lie_beside_it(database, tmp_path):
    client = connect(database)
    experiment = client.get_experiment(experiment_id(client, "a name", address=database))
    assert experiment.artifact_location == (tmp_path / "mlruns").as_uri() + "/a%20name"
    run = client.create_run(experiment.experiment_id)
    client.log_text(run.info.run_id, "text", "a.txt")
    (found,) = artifacts_at(run.info.artifact_uri, address=database).list_artifacts()
    assert found.path == "a.txt"
    assert (tmp_path / "mlruns").is_dir()


@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_becomes_a_sentence(failure):
    made = failure.__new__(failure)
    with (
        pytest.raises(ConfigError, match=r"^wanted: MLflow at sqlite:///x says: "),
        failures_named("wanted", address="sqlite:///x"),
    ):
        raise made


def test_what_does_not_exist_may_have_a_sentence_of_its_own():
    gone = MlflowException("no", error_code=RESOURCE_DOES_NOT_EXIST)
    with pytest.raises(ConfigError, match=r"^there is none$"), failures_named("a", address="b", absent="there is none"):
        raise gone
    with pytest.raises(ConfigError, match=r"^a: MLflow at b says"), failures_named("a", address="b"):
        raise gone


def test_our_own_errors_and_bugs_pass():
    with pytest.raises(ConfigError, match=r"^mine$"), failures_named("a", address="b"):
        raise ConfigError("mine")
    with pytest.raises(ZeroDivisionError), failures_named("a", address="b"):
        raise ZeroDivisionError
