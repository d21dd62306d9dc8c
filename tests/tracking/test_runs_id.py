"""What a run in MLflow is called, so that others may add to it."""

import time
import uuid

import pytest

from gsgmodel.tracking.runs import EXPERIMENT, TrackedRun
from gsgmodel.tracking.store import connect

PATIENCE_S = 30.0
SETTINGS = {"seed": 1, "identity": {"run_id": "R1"}}


@pytest.fixture
def experiment():
    return f"training-{uuid.uuid4().hex[:8]}"


def when_made(run):
    until_s = time.monotonic() + PATIENCE_S
    while run.run_id is None and time.monotonic() < until_s:
        time.sleep(0.01)
    return run.run_id


@pytest.mark.parametrize("kind", ["server", "database"])
def test_a_run_is_known_by_its_id_from_when_it_is_made_until_after_its_end(request, kind, experiment):
    address = request.getfixturevalue(kind)
    run = TrackedRun.start(SETTINGS, tracking_uri=address, experiment=experiment, run_name="night")
    run_id = when_made(run)
    found = connect(address).get_run(run_id)
    assert (found.info.status, found.info.run_name) == ("RUNNING", "night")
    run.log({"loss": 0.5}, step=3)
    assert run.finish({"exit_code": 0}) is None
    assert run.run_id == run_id
    client = connect(address)
    assert client.get_run(run_id).info.status == "FINISHED"
    assert [(point.step, point.value) for point in client.get_metric_history(run_id, "loss")] == [(3, 0.5)]


def test_a_run_that_mlflow_made_and_then_failed_on_keeps_its_id(server, proxy, experiment):
    url, how = proxy
    how.only, how.status = "POST /api/2.0/mlflow/runs/log-batch", 501
    run = TrackedRun.start(SETTINGS, tracking_uri=url, experiment=experiment)
    run_id = when_made(run)
    assert connect(server).get_run(run_id).info.run_name == "R1"
    run.finish({"exit_code": 0})
    assert run.run_id == run_id


def test_without_mlflow_there_is_no_id(proxy, experiment):
    url, how = proxy
    how.status = 501
    run = TrackedRun.start(SETTINGS, tracking_uri=url, experiment=experiment)
    assert f"MLflow at {url} does not have all of this run" in run.finish({"exit_code": 0})
    assert run.run_id is None


def test_scans_are_what_is_recorded_where_nothing_else_is_said(database):
    run = TrackedRun.start(SETTINGS, tracking_uri=database)
    assert run.finish({"exit_code": 0}) is None
    client = connect(database)
    assert EXPERIMENT == "gsg-scans"
    assert client.get_experiment(client.get_run(run.run_id).info.experiment_id).name == EXPERIMENT
