"""What a submitted job may not do is found before work begins, and a stop is finished before Ray kills the job."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError
from gsgmodel.scan.submitted import (
    CLOSING_S,
    DEFAULT_STOP_WAIT_S,
    check_local_inputs,
    check_local_output,
    check_submitted,
    drain_within,
    is_joining,
    submission_id,
)


def submitted(env_vars=None, **environment):
    config = {"metadata": {"job_submission_id": "nightly-1"}, "runtime_env": {"env_vars": env_vars or {}}}
    return {"RAY_JOB_CONFIG_JSON_ENV_VAR": json.dumps(config), "MLFLOW_TRACKING_URI": "http://mlflow"} | environment


def check(inputs=("s3://archive",), *, output="s3://results", tracking_uri=None, environment=None):
    check_submitted(inputs, output=output, tracking_uri=tracking_uri, environment=environment or submitted())


def test_a_submitted_job_knows_its_id():
    assert submission_id(submitted()) == "nightly-1"


@pytest.mark.parametrize("config", ["", "{}", "[]", '{"runtime_env": {}}', '{"metadata": {}}'])
def test_what_ray_started_otherwise_is_not_a_submitted_job(config):
    assert submission_id({"RAY_JOB_CONFIG_JSON_ENV_VAR": config}) is None


@pytest.mark.parametrize(
    ("address", "expected"), [(None, False), ("", False), ("local", False), ("auto", True), ("10.0.0.1:6379", True)]
)
def test_a_cluster_is_joined_where_an_address_names_one(address, expected):
    assert is_joining({} if address is None else {"RAY_ADDRESS": address}) is expected


def test_what_lies_on_a_store_may_be_scored_anywhere():
    check(["s3://archive/2026/", "file:///data/a.mp4", "/data"], output="/results")


def test_a_relative_output_would_be_deleted_with_the_working_folder():
    with pytest.raises(ConfigError, match=r"--output is 'results', which .* accepted: s3://BUCKET/PREFIX, or an abs"):
        check(output="results")


def test_a_relative_input_is_refused():
    with pytest.raises(ConfigError, match="input 'videos' is relative"):
        check(["s3://archive", "videos"])


@pytest.mark.parametrize("given", [None, ""])
def test_a_missing_address_of_mlflow_is_refused_and_its_alternatives_named(given):
    environment = submitted() | {"MLFLOW_TRACKING_URI": given or ""}
    with pytest.raises(ConfigError, match=r"MLFLOW_TRACKING_URI .* --tracking-uri none"):
        check(environment=environment)
    check(tracking_uri="none", environment=environment)


@pytest.mark.parametrize(
    "name",
    ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "aws_access_key_id", "MLFLOW_PASSWORD", "DB_API_KEY"],
)
def test_a_credential_in_the_runtime_environment_is_refused_by_name_only(name):
    with pytest.raises(ConfigError, match=f"runtime_env carries {name}") as raised:
        check(environment=submitted({name: "hush-hush"}))
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("name", ["AWS_WEB_IDENTITY_TOKEN_FILE", "RAY_AUTH_TOKEN_PATH", "OMP_NUM_THREADS"])
def test_what_only_says_where_a_credential_is_may_travel(name):
    check(environment=submitted({name: "value"}))


def test_outside_of_a_submitted_job_anything_goes():
    check_submitted(["videos"], output="results", tracking_uri=None, environment={})


def test_local_files_are_refused_where_several_nodes_would_look_for_them():
    check_local_inputs(["/data/a.mp4"], num_nodes=1)
    check_local_inputs(["s3://archive"], num_nodes=3)
    with pytest.raises(ConfigError, match=r"input '/data/a.mp4' is local, and the cluster has 2 nodes"):
        check_local_inputs(["s3://archive", "/data/a.mp4"], num_nodes=2)


@given(
    drain_s=st.floats(0, 1e6), wait=st.none() | st.integers(0, 10_000).map(str) | st.sampled_from(["", "soon", "-4"])
)
def test_a_submitted_job_never_drains_longer_than_ray_waits(drain_s, wait):
    environment = submitted(**({} if wait is None else {"RAY_JOB_STOP_WAIT_TIME_S": wait}))
    wait_s = int(wait) if wait and wait.isdigit() else DEFAULT_STOP_WAIT_S
    found = drain_within(drain_s, environment)
    assert 0 <= found <= drain_s
    assert found == 0 or found + CLOSING_S <= wait_s


def test_elsewhere_draining_takes_as_long_as_set():
    assert drain_within(60.0, {"RAY_JOB_STOP_WAIT_TIME_S": "5"}) == 60.0
    assert drain_within(60.0, submitted(RAY_JOB_STOP_WAIT_TIME_S="120")) == 60.0
    assert drain_within(60.0, submitted(RAY_JOB_STOP_WAIT_TIME_S="30")) == 30 - CLOSING_S


def test_a_local_output_that_several_nodes_write_to_is_refused():
    check_local_output("/data/clips", num_nodes=1)
    check_local_output("s3://bucket/clips", num_nodes=3)
    with pytest.raises(ConfigError, match="--output '/data/clips' is local, and the cluster has 3 nodes"):
        check_local_output("/data/clips", num_nodes=3)
