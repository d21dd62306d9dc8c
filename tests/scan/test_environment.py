"""What Ray reads while it is imported."""

import subprocess
import sys

import pytest

from gsgmodel.scan.environment import set_defaults

OWN = ("RAY_task_events_report_interval_ms", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER")


@pytest.fixture
def environment(monkeypatch):
    fresh = {}
    monkeypatch.setattr("os.environ", fresh)
    return fresh


def test_what_somebody_set_stays(environment):
    environment["RAY_BACKEND_LOG_LEVEL"] = "debug"
    set_defaults()
    assert environment["RAY_BACKEND_LOG_LEVEL"] == "debug"
    assert environment["RAY_ENABLE_AUTO_CONNECT"] == "0"


def test_only_a_ray_of_our_own_listens_on_loopback_and_keeps_no_events(environment, monkeypatch):
    monkeypatch.setattr("gsgmodel.scan.environment.is_joining", lambda: True)
    set_defaults()
    assert not set(OWN) & set(environment)
    monkeypatch.setattr("gsgmodel.scan.environment.is_joining", lambda: False)
    set_defaults()
    assert {name: environment[name] for name in OWN} == dict.fromkeys(OWN, "0")


@pytest.mark.parametrize("module", ["gsgmodel.scan.session", "gsgmodel.training.desk", "gsgmodel.evaluation.trainings"])
def test_it_is_set_before_ray_is_imported_whatever_is_imported_first(module):
    code = f"""
import sys
import gsgmodel.scan.environment as environment
assert "ray" not in sys.modules
import {module}
from ray._private import ray_constants
print(ray_constants.ENABLE_RAY_CLUSTER)
"""
    without = {"PATH": "/usr/bin:/bin"}
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=without).strip() == "False"
