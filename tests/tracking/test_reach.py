"""Whether MLflow answers, soon."""

import os
import time

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.tracking.reach import check_reachable
from gsgmodel.tracking.store import connect
from tests.servers import free_port


def test_a_server_that_answers_is_reachable(server):
    before = check_reachable(server)
    connect(server).create_registered_model(f"reached-{time.time_ns()}")
    assert check_reachable(server) == before + 1


def test_one_that_does_not_answer_is_one_sentence_soon(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    started_s = time.monotonic()
    with pytest.raises(ConfigError, match="no models are listed: MLflow at http"):
        check_reachable(f"http://127.0.0.1:{free_port()}")
    assert time.monotonic() - started_s < 20
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "120"
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ
