"""A scan's run in MLflow: whatever MLflow does, the scan is not kept waiting, and its process ends."""

import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from gsgmodel.tracking.runs import QUEUE_LENGTH, TrackedRun
from gsgmodel.tracking.store import connect
from tests.mlflow_server import taking_less_than
from tests.servers import free_port

AT_ONCE_S = 0.5
"""More than any call that does not wait takes, on a busy machine."""


@pytest.fixture
def experiment():
    return f"scans-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def start(experiment):
    """Starts a run, and sees that this takes no time."""

    def start_run(address):
        settings = {"input": ["a.mp4"], "output": "results", "identity": {"run_id": "R1", "scoring_id": "S"}}
        with taking_less_than(AT_ONCE_S):
            return TrackedRun.start(settings, tracking_uri=address, experiment=experiment)

    return start_run


@pytest.fixture
def quick(monkeypatch):
    """An impatient client, so that tests of slow servers are quick."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")


def recorded(address, experiment):
    client = connect(address)
    (run,) = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return run


@pytest.mark.parametrize("kind", ["server", "database"])
def test_a_run_arrives_whole(request, kind, start, experiment, capfd):
    address = request.getfixturevalue(kind)
    run = start(address)
    with taking_less_than(AT_ONCE_S):
        for step in range(10):
            run.log({"videos": step}, step)
    assert (
        run.finish({"exit_code": 0, "by_status": {"scored": 9}, "reason": "done"}, {"settings.toml": b"a = 1"}) is None
    )
    found = recorded(address, experiment)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "R1")
    assert found.data.metrics == {"exit_code": 0.0, "by_status/scored": 9.0, "videos": 9.0}
    assert connect(address).list_artifacts(found.info.run_id, "")[1].path == "settings.toml"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("code", "failed", "status"), [(1, True, "FAILED"), (130, False, "KILLED")])
def test_a_scan_that_does_not_finish_is_said_to(server, start, experiment, code, failed, status):
    assert start(server).finish({"exit_code": code}, failed=failed) is None
    assert recorded(server, experiment).info.status == status


def test_a_server_that_hangs_costs_no_more_than_the_wait(proxy, start):
    url, how = proxy
    how.wait_s = 60.0
    run = start(url)
    with taking_less_than(AT_ONCE_S):
        for step in range(3 * QUEUE_LENGTH):
            run.log({"videos": step}, step)
    with taking_less_than(1.0 + AT_ONCE_S):
        missing = run.finish({"exit_code": 0}, wait_s=1.0)
    assert missing == f"MLflow at {url} did not take the end of this run within 1 s"


@pytest.mark.usefixtures("quick")
def test_a_server_that_hung_says_why_the_end_is_missing(proxy, start):
    url, how = proxy
    how.wait_s = 60.0
    run = start(url)
    missing = run.finish({"exit_code": 0}, wait_s=20.0)
    assert missing == f"MLflow at {url} does not have all of this run: it does not answer in time"


def test_a_server_that_is_down_is_one_sentence(start):
    url = f"http://127.0.0.1:{free_port()}"
    run = start(url)
    run.log({"videos": 1}, 1)
    with taking_less_than(10):
        missing = run.finish({"exit_code": 0})
    assert missing == f"MLflow at {url} does not have all of this run: it cannot be reached"


def test_a_server_that_fails_is_one_sentence(proxy, start):
    url, how = proxy
    how.status = 500
    missing = start(url).finish({"exit_code": 0})
    assert missing == f"MLflow at {url} does not have all of this run: it fails (HTTP 500)"


@pytest.mark.parametrize("how_it_dies", [{"is_cut": True}, {"status": 500}])
def test_a_server_that_dies_on_the_way_is_one_sentence(proxy, start, experiment, server, how_it_dies):
    url, how = proxy
    run = start(url)
    run.log({"videos": 1}, 1)
    until(lambda: "POST /api/2.0/mlflow/runs/log-batch" in how.seen)
    for name, value in how_it_dies.items():
        setattr(how, name, value)
    with taking_less_than(25):
        missing = run.finish({"exit_code": 0})
    assert missing.startswith(f"MLflow at {url} does not have all of this run: it ")
    assert recorded(server, experiment).info.status == "RUNNING"


def test_a_server_that_comes_back_gets_the_run_and_lacks_points(proxy, start, experiment):
    url, how = proxy
    how.status, how.body = 501, "<html>not now</html>"
    run = start(url)
    run.log({"videos": 1}, 1)
    until(lambda: len(how.seen) > 1)
    until(lambda: run._num_lost == 1)
    how.status = 0
    assert run.finish({"exit_code": 0, "videos": 2}) == (
        f"MLflow at {url} lacks some of this run's progress (1 points): it fails (HTTP 501)"
    )
    assert recorded(url, experiment).data.metrics == {"exit_code": 0.0, "videos": 2.0}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_nobody_expected_ends_the_thread_and_nobody_waits_for_it(monkeypatch, database, start):
    def fail(_recorder, _message):
        raise ZeroDivisionError

    monkeypatch.setattr("gsgmodel.tracking.recorder.Recorder.take", fail)
    with taking_less_than(10):
        missing = start(database).finish({"exit_code": 0})
    assert missing == f"MLflow at {database} does not have all of this run: it failed"


def test_what_a_store_raises_is_said_without_its_credentials(monkeypatch, database, start, capfd):
    def fail(_recorder, _message):
        raise OSError("by http://me:hunter22@host")

    monkeypatch.setattr("gsgmodel.tracking.recorder.Recorder.take", fail)
    missing = start(database).finish({"exit_code": 0})
    assert missing == f"MLflow at {database} does not have all of this run: it says: by http://[hidden]@host"
    assert capfd.readouterr() == ("", "")


def test_an_address_that_mlflow_does_not_know_is_one_sentence(start):
    assert "does not have all of this run" in start("ftp://host/x").finish({"exit_code": 0})


def test_a_database_that_cannot_be_made_is_one_sentence(tmp_path, start, capfd):
    (tmp_path / "file").write_text("")
    address = f"sqlite:///{tmp_path}/file/mlflow.db"
    assert "does not have all of this run" in start(address).finish({"exit_code": 0})
    assert capfd.readouterr() == ("", "")


EXITS = """
import sys, time
from gsgmodel.tracking.runs import TrackedRun
begun_s = time.monotonic()
run = TrackedRun.start({"identity": {"run_id": "R"}}, tracking_uri=sys.argv[1])
started_s = time.monotonic() - begun_s
time.sleep(float(sys.argv[2]))
print(run.finish({"exit_code": 0}, wait_s=1.0))
print(started_s)
"""


@pytest.mark.parametrize("busy_s", [0.0, pytest.param(6.0, marks=pytest.mark.slow)])
def test_the_process_ends_while_mlflow_hangs_or_is_still_imported(proxy, busy_s):
    url, how = proxy
    how.wait_s = 60.0
    with taking_less_than(busy_s + 12):
        done = subprocess.run(
            [sys.executable, "-c", EXITS, url, str(busy_s)], capture_output=True, text=True, check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (0, "")
    missing, started_s = done.stdout.splitlines()
    assert missing == f"MLflow at {url} did not take the end of this run within 1 s"
    assert float(started_s) < AT_ONCE_S


def test_the_process_ends_at_once_after_a_whole_run_and_has_printed_nothing(server):
    code = EXITS.replace("wait_s=1.0", "wait_s=60.0")
    env = {**os.environ, "MLFLOW_TRACKING_URI": "http://nowhere.invalid"}
    done = subprocess.run(
        [sys.executable, "-c", code, server, "0"], capture_output=True, text=True, check=False, timeout=60, env=env
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "None"
    assert len(done.stdout.splitlines()) == 2


def test_the_thread_is_a_daemon_and_the_only_one(database, start):
    before = set(threading.enumerate())
    run = start(database)
    ours = set(threading.enumerate()) - before
    assert [thread.daemon for thread in ours] == [True]
    run.finish({"exit_code": 0})
    until(lambda: set(threading.enumerate()) <= before)
    assert Path(database.removeprefix("sqlite:///")).is_file()


def until(happens, *, timeout_s=30.0):
    ends_s = time.monotonic() + timeout_s
    while not happens():
        assert time.monotonic() < ends_s
        time.sleep(0.02)
