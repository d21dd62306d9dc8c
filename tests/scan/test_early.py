"""Ray starts beside what a scan does first, and is gone after the block, whatever happens in it."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from gsgmodel.scan import session as session_module
from gsgmodel.scan.early import is_sure_to_need_ray, starting_ray
from gsgmodel.scan.settings import ScanSettings

WISHES = ScanSettings(device="cpu", prepare_actors=1).wishes
# A process of its own: what is written on standard error while Ray starts is part of the test.
STORY = """
import sys, time
import psutil
from gsgmodel.scan.early import starting_ray
from gsgmodel.scan.settings import ScanSettings
from gsgmodel.scan.stop import Patience

wishes = ScanSettings(device="cpu", prepare_actors=1).wishes
with starting_ray(wishes, is_wanted=True):
    from gsgmodel.scan.session import start_ray
    until = time.monotonic() + 60
    while not any("gcs_server" in each.name() for each in psutil.Process().children()) and time.monotonic() < until:
        time.sleep(0.01)
    out = sys.stderr
    print("said while Ray starts", file=sys.stderr)
    import ray
    print(f"within: {ray.is_initialized()}")
    with start_ray(wishes, num_videos=1, patience=Patience(timeout_s=1.0, note=print, is_stopped=lambda: False)):
        print(f"used: {ray.is_initialized()}")
        print("said later", file=out)
print(f"left: {ray.is_initialized()}, {len(psutil.Process().children(recursive=True))} processes")
"""


@pytest.fixture
def ray_of_the_test(monkeypatch):
    """Notes when Ray would start and end, in place of doing it."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    events, may_start = [], threading.Event()

    @contextmanager
    def running_ray(*, object_store_bytes):
        may_start.wait()
        events.append(("start", object_store_bytes > 0, threading.current_thread() is threading.main_thread()))
        try:
            yield
        finally:
            starters = [each for each in threading.enumerate() if each.name.startswith("ray-start")]
            events.append(("end", [each.is_alive() for each in starters]))

    monkeypatch.setattr(session_module, "running_ray", running_ray)
    return events, may_start


def test_the_block_goes_on_while_ray_starts_and_ray_ends_with_it(ray_of_the_test):
    events, may_start = ray_of_the_test
    with starting_ray(WISHES, is_wanted=True):
        assert events == []
        may_start.set()
    assert events == [("start", True, False), ("end", [True])]


def test_an_error_in_the_block_ends_ray_also_where_it_had_yet_to_start(ray_of_the_test):
    events, may_start = ray_of_the_test
    threading.Timer(0.2, may_start.set).start()
    with pytest.raises(ValueError, match="of the block"), starting_ray(WISHES, is_wanted=True):
        raise ValueError("of the block")
    assert events == [("start", True, False), ("end", [True])]


@pytest.mark.parametrize(("is_wanted", "address"), [(False, None), (True, "127.0.0.1:1")])
def test_nothing_is_started_unasked_or_for_a_cluster(ray_of_the_test, monkeypatch, is_wanted, address):
    if address:
        monkeypatch.setenv("RAY_ADDRESS", address)
    with starting_ray(WISHES, is_wanted=is_wanted):
        pass
    assert ray_of_the_test[0] == []


def test_ray_is_started_early_only_where_little_can_come_between(tmp_path):
    (tmp_path / "model.json").write_text("{}")
    for model, is_sure in (("untrained", True), (str(tmp_path), True), ("models:/gsg@champion", False), ("x", False)):
        settings = ScanSettings(model=model)
        assert is_sure_to_need_ray(settings) == is_sure
        assert not is_sure_to_need_ray(replace(settings, output="results"))
        assert not is_sure_to_need_ray(replace(settings, dry_run=True))


def test_a_scan_uses_the_ray_that_was_started_early_and_nothing_that_is_said_is_lost():
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    ran = subprocess.run(
        [sys.executable, "-c", STORY], check=False, capture_output=True, text=True, env=environment, timeout=240
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines() == ["said while Ray starts", "said later"]
    assert ran.stdout.splitlines()[1:] == ["used: True", "left: False, 0 processes"]
