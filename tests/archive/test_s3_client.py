"""The client of a store: one for a process, and when it asks again."""

import pytest

from gsgmodel.archive import s3_client as module
from gsgmodel.archive.s3_client import ATTEMPTS, call, connect, wait_s
from gsgmodel.errors import DeniedError
from tests import faults


def test_a_process_has_one_client_of_a_store(s3_environment):
    assert connect(s3_environment) is connect(s3_environment)
    assert connect(s3_environment) is not connect(None)


def test_a_region_of_the_environment_is_the_clients(s3_environment, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    connect.cache_clear()
    assert connect(s3_environment).client_kwargs["region_name"] == "eu-west-3"
    connect.cache_clear()


def test_waits_grow_and_differ(monkeypatch):
    monkeypatch.setattr(module, "FIRST_WAIT_S", 1.0)
    waits_s = [[wait_s(attempt) for _ in range(50)] for attempt in (1, 2, 3)]
    for attempt, some in enumerate(waits_s):
        assert all(0.5 * 2**attempt <= each <= 2**attempt for each in some)
        assert len(set(some)) > 10


def test_expired_credentials_are_waited_for_a_bounded_time(bucket, proxy, monkeypatch):
    slept = []
    monkeypatch.setattr(module.time, "sleep", slept.append)
    proxy.add(faults.EXPIRED_TOKEN)
    with pytest.raises(DeniedError, match="ExpiredToken"):
        call(proxy.url, "list_objects_v2", Bucket=bucket)
    assert len(slept) >= ATTEMPTS - 1
    assert proxy.count() == ATTEMPTS
