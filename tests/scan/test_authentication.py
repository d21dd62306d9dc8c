"""A cluster is asked as a stranger and with the token: a real one."""

import re
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from gsgmodel.scan.authentication import Answer, ask_cluster, is_open_while_scanning
from tests.ray_cluster import serving_ray
from tests.servers import free_port

pytestmark = pytest.mark.ray


def address_of(cluster):
    """Where the head's control store listens."""
    family = psutil.Process(cluster.nodes[0].pid).children(recursive=True)
    text = " ".join(" ".join(process.cmdline()) for process in family)
    found = re.search(r"--gcs-address=([\d.:]+)", text)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def cluster():
    with (
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder,
        serving_ray(Path(folder), cores=(1,), env={}) as cluster,
    ):
        yield cluster


def test_a_cluster_with_tokens_refuses_strangers_and_takes_its_own(cluster):
    address = address_of(cluster)
    assert ask_cluster(address, as_stranger=True, environment=cluster.environment) is Answer.REFUSES
    assert ask_cluster(address, as_stranger=False, environment=cluster.environment) is Answer.ANSWERS
    wrong = cluster.environment | {"RAY_AUTH_TOKEN": "f" * 64}
    assert ask_cluster(address, as_stranger=False, environment=wrong) is Answer.REFUSES


@pytest.mark.slow
def test_a_cluster_without_tokens_answers_anybody(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with (
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder,
        serving_ray(Path(folder), cores=(1,), env={"RAY_AUTH_MODE": "disabled"}) as open_,
    ):
        assert ask_cluster(address_of(open_), as_stranger=True, environment=open_.environment) is Answer.ANSWERS


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "nonsense", "no-such-host.invalid:6379"])
def test_what_does_not_answer_is_silent(address):
    assert ask_cluster(address.format(port=free_port()), as_stranger=True) is Answer.SILENT


def test_what_takes_too_long_is_silent():
    assert ask_cluster("127.0.0.1:1", as_stranger=True, patience_s=0.01) is Answer.SILENT


@pytest.mark.parametrize(
    ("environment", "is_open"),
    [
        ({}, False),
        ({"RAY_AUTH_MODE": "token"}, False),
        ({"RAY_AUTH_MODE": "disabled"}, True),
        ({"RAY_AUTH_MODE": ""}, True),
    ],
)
def test_a_ray_for_a_scan_has_a_token_unless_it_is_switched_off(environment, is_open):
    assert is_open_while_scanning(environment) is is_open


LISTENING = """
import time
from ipaddress import ip_address
import psutil
from gsgmodel.training.distributed import train_together
from gsgmodel.scan.session import running_ray
import ray

def listening():
    found = {}
    for each in psutil.Process().children(recursive=True):
        try:
            name = " ".join(each.cmdline())
            found[name] = {at.laddr.ip for at in each.net_connections() if at.status == "LISTEN"}
        except psutil.Error:
            continue
    return found

with running_ray(object_store_bytes=300 << 20):
    from ray._private.authentication.authentication_utils import is_token_auth_enabled
    deadline = time.monotonic() + 60
    # Two of them have ports of their own, which another Ray on this machine may have taken: they are waited for less.
    metrics, patient_s = ["DashboardAgent", "dashboard/dashboard.py", "monitor.py"], 10
    while metrics and time.monotonic() < deadline:
        found = listening()
        there = {part for part in metrics for name in found if part in name and found[name]}
        if "DashboardAgent" in there:
            deadline = min(deadline, time.monotonic() + patient_s)
        metrics = [part for part in metrics if part not in there]
        time.sleep(0.5)
    assert "DashboardAgent" not in metrics, "Ray's servers of metrics did not start"
    found = listening()
    addresses = {ip_address(each) for each in set().union(*found.values())}
    on_loopback = [(getattr(each, "ipv4_mapped", None) or each).is_loopback for each in addresses]
    print(is_token_auth_enabled(), all(on_loopback), repr(ray._private.worker._global_node.webui_url))
"""


def test_the_ray_of_a_scan_has_a_token_listens_on_loopback_only_and_serves_no_dashboard(run_python):
    assert run_python(LISTENING).split() == ["True", "True", "''"]


@pytest.fixture
def run_python(monkeypatch):
    import subprocess

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    return lambda code: subprocess.check_output([sys.executable, "-c", code], text=True, timeout=120)
