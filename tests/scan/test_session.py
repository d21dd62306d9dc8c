"""Ray as the scan uses it: one video a block and a call, largest first, and not a word on the terminal."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import ray

from gsgmodel.errors import ConfigError
from gsgmodel.records import VideoRef
from gsgmodel.scan import session as module
from gsgmodel.scan.planner import make_plan
from gsgmodel.scan.preflight import GIB, Machine
from gsgmodel.scan.session import Session, start_ray
from gsgmodel.scan.settings import ScanSettings
from gsgmodel.scan.stop import Patience

PATIENCE = Patience(timeout_s=1.0, note=print, is_stopped=lambda: False)
ROOT = Path(__file__).resolve().parents[2]
NUM_VIDEOS = 12
# A process of its own: what Ray writes at its start and its end is part of the test.
STORY = """
import json, subprocess, sys, time
from pathlib import Path
import ray
from ray.data import ActorPoolStrategy, DataContext
from gsgmodel.scan.session import start_ray
from gsgmodel.scan.settings import ScanSettings
from gsgmodel.scan.stop import Patience
from gsgmodel.scan.source import read_plan

class Prepare:
    def __init__(self, gate):
        self.gate = gate
    def __call__(self, batch):
        is_let_in = [ray.get(self.gate.enter.remote(value)) for value in batch["video_id"].to_pylist()]
        return batch.append_column("calls_of", [[batch.num_rows] * batch.num_rows]).append_column(
            "is_let_in", [is_let_in]).append_column("prepared_s", [[time.time()] * batch.num_rows])

class Score:
    def __call__(self, batch):
        return batch.append_column("score_call_of", [[batch.num_rows] * batch.num_rows])

# Not Ray's.
other = subprocess.Popen(["sleep", "120"])
wishes = ScanSettings(device="cpu", prepare_actors=1, score_actors=1).wishes
patience = Patience(timeout_s=1.0, note=print, is_stopped=lambda: False)
with start_ray(wishes, num_videos=12, patience=patience) as session:
    rows = read_plan(Path(sys.argv[1]))
    rows = rows.map_batches(
        Prepare, fn_constructor_kwargs={"gate": session.gate}, batch_size=1, batch_format="pyarrow",
        num_cpus=session.pools.cpus_per_actor, compute=ActorPoolStrategy(size=1, max_tasks_in_flight_per_actor=1))
    rows = rows.map_batches(
        Score, batch_size=session.pools.rows_per_score_call, batch_format="pyarrow",
        num_cpus=session.pools.cpus_per_actor, compute=ActorPoolStrategy(size=1, max_tasks_in_flight_per_actor=2))
    arrived, blocks = [], []
    for block in rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        blocks.append(block.num_rows)
        arrived += block.drop_columns(["video_id"]).to_pylist()
        session.leave(block["video_id"].to_pylist())
    until = time.monotonic() + 10
    while (in_work := session.close()) and time.monotonic() < until:
        time.sleep(0.05)
    told = {
        "arrived": arrived,
        "blocks": blocks,
        "in_work": in_work,
        "is_let_in_after_closing": ray.get(session.gate.enter.remote(b"late")),
        "reserved": session.pools.cpus_per_actor * 2,
        "cpus": ray.cluster_resources()["CPU"],
        "num_processes": len(session.processes),
        "no_progress_s": DataContext.get_current().execution_no_progress_timeout_s,
    }
print(json.dumps({**told, "is_running_afterwards": ray.is_initialized(), "is_other_alive": other.poll() is None}))
other.kill()
"""


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """What the driver was told, and what it wrote as errors."""
    refs = (
        VideoRef(
            uri=f"file:///{number}", etag="1", size_bytes=number + 1, last_modified_s=0.0, video_id=bytes([number] * 16)
        )
        for number in range(NUM_VIDEOS)
    )
    folder = tmp_path_factory.mktemp("plan")
    plan = make_plan(refs, is_done=lambda ids: np.zeros(len(ids), bool), limit=None, folder=folder)
    done = subprocess.run(
        [sys.executable, "-c", STORY, str(plan.path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {"PYTHONPATH": "."},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.mark.ray
def test_one_call_takes_one_video(story):
    assert [row["calls_of"] for row in story[0]["arrived"]] == [1] * NUM_VIDEOS


@pytest.mark.ray
def test_every_video_arrives_once(story):
    uris = [row["uri"] for row in story[0]["arrived"]]
    assert sorted(uris) == sorted(f"file:///{number}" for number in range(NUM_VIDEOS))


@pytest.mark.ray
def test_the_largest_video_is_prepared_first(story):
    rows = sorted(story[0]["arrived"], key=lambda row: row["prepared_s"])
    assert [row["size_bytes"] for row in rows] == list(range(NUM_VIDEOS, 0, -1))


@pytest.mark.ray
def test_on_a_cpu_a_row_arrives_as_soon_as_it_is_scored(story):
    assert story[0]["blocks"] == [1] * NUM_VIDEOS
    assert {row["score_call_of"] for row in story[0]["arrived"]} == {1}


@pytest.mark.ray
def test_every_video_passed_the_gate_and_none_does_after_it_closed(story):
    told, _ = story
    assert all(row["is_let_in"] for row in told["arrived"])
    assert told["in_work"] == 0
    assert told["is_let_in_after_closing"] is False


@pytest.mark.ray
def test_ray_is_started_for_this_machine_and_gone_afterwards(story):
    told, _ = story
    assert told["reserved"] <= told["cpus"]
    assert told["num_processes"] >= 2
    assert told["no_progress_s"] == module.NO_PROGRESS_S
    assert told["is_running_afterwards"] is False
    assert told["is_other_alive"] is True


@pytest.mark.ray
def test_ray_says_nothing(story):
    assert story[1] == ""


def test_pools_that_do_not_fit_are_refused_before_ray_starts(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(module, "this_machine", lambda: Machine(cores=2, memory_bytes=2 * GIB, num_gpus=0))
    with pytest.raises(ConfigError, match="set fewer --prepare-actors"):
        start_ray(ScanSettings().wishes, num_videos=9, patience=PATIENCE).__enter__()
    assert not ray.is_initialized()


def test_what_the_native_part_writes_at_its_start_is_held_back(capfd):
    with module._native_log_held():
        os.write(2, b"noise")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_what_the_native_part_writes_is_shown_if_it_does_not_start(capfd):
    def start():
        with module._native_log_held():
            os.write(2, b"the reason")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        start()
    assert "the reason" in capfd.readouterr().err


def test_ray_logs_only_what_ends_a_run():
    module._hush(logging.ERROR)
    assert not logging.getLogger("ray.data").isEnabledFor(logging.WARNING)


class Answers:
    """Stands for the gate's handle."""

    def __init__(self, answer):
        self.close = self.leave = self
        self.told = []
        self._answer = answer

    def remote(self, *args):
        self.told.append(args)
        return self._answer


def test_the_gate_is_told_what_arrived_and_asked_what_is_in_work(monkeypatch):
    monkeypatch.setattr(module.ray, "get", lambda answer, **_: answer)
    gate = Answers(3)
    session = Session(pools=SimpleNamespace(), gate=gate, processes=(psutil.Process(),))
    session.leave([b"a", b"b"])
    assert gate.told == [([b"a", b"b"],)]
    assert session.close() == 3


def test_nothing_more_arrives_once_one_of_rays_processes_is_gone(monkeypatch):
    monkeypatch.setattr(module.ray, "get", lambda answer, **_: answer)
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    session = Session(pools=SimpleNamespace(), gate=Answers(3), processes=(psutil.Process(child.pid),))
    assert session.close() == 3
    child.kill()
    # Dead but not waited for, as a process is that Ray started and this one does not look after.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert session.close() == 0
    child.communicate()
    assert session.close() == 0


@pytest.mark.parametrize(("address", "expected"), [(None, "0"), ("local", "0"), ("127.0.0.1:6379", None)])
def test_events_of_tasks_are_kept_by_a_cluster_alone_whose_dashboard_shows_them(address, expected):
    given = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    story = "import os, gsgmodel.scan.session; print(os.environ.get('RAY_task_events_report_interval_ms'))"
    done = subprocess.run(
        [sys.executable, "-c", story],
        env=given | ({"RAY_ADDRESS": address} if address else {}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.strip() == str(expected)


BUSY = """
import sys
import psutil, ray
from gsgmodel.errors import ConfigError
from gsgmodel.scan import session
from gsgmodel.scan.session import running_ray

from ray._private.node import Node

real, failures = Node.__init__, int(sys.argv[1])
started = []

def init(node, *args, **how):
    started.append(len(psutil.Process().children(recursive=True)))
    real(node, *args, **how)
    if len(started) <= failures:
        raise Exception("The current node timed out during startup. This could happen because ...")

Node.__init__ = init
try:
    with running_ray(object_store_bytes=100 << 20):
        print(ray.get(ray.remote(lambda: 6 * 7).remote()))
except ConfigError as error:
    print(error)
print(started)
"""


def test_where_ray_is_not_up_in_time_it_is_started_again_and_nothing_of_the_first_stays():
    done = subprocess.run(
        [sys.executable, "-c", BUSY, "1"], capture_output=True, text=True, check=False, timeout=240, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["42", "[0, 0]"], done.stderr


def test_a_machine_that_is_always_too_busy_is_one_sentence(monkeypatch):
    def init(**_):
        raise Exception("The current node timed out during startup. This could happen because ...")  # noqa: TRY002

    monkeypatch.setattr("ray.init", init)
    sentence = "Ray did not start within 30 s, 3 times in a row: this machine is too busy"
    with pytest.raises(ConfigError, match=sentence), module.running_ray(object_store_bytes=100 << 20):
        pass


def test_whatever_else_ray_raises_goes_through(monkeypatch):
    def init(**_):
        raise RuntimeError("no shared memory")

    monkeypatch.setattr("ray.init", init)
    with pytest.raises(RuntimeError, match="no shared memory"), module.running_ray(object_store_bytes=100 << 20):
        pass
