"""A node that is lost in the middle of a training: its workers go on elsewhere."""

import json
import os
import shutil
import uuid
from pathlib import Path

import psutil
import pytest

from gsgmodel.scan.stop import StopRequest
from gsgmodel.training.crew import Crew
from gsgmodel.training.loop import Trainer
from tests.ray_cluster import have_token
from tests.small_training import LoneWorker, MemoryClips, make_clips, make_job, make_settings

ROOT = Path(__file__).parents[2]
TWO = Crew(least=2, most=2, cpus=1.0, on_gpu=False)


class SlowClips(MemoryClips):
    """Read slowly enough for something to happen meanwhile."""

    def read_crops(self, index):
        import time

        time.sleep(0.05)
        return super().read_crops(index)


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(600)
def test_a_node_killed_in_the_second_epoch_costs_no_more_than_what_came_after_its_checkpoint(tmp_path, monkeypatch):
    mark = uuid.uuid4().hex
    monkeypatch.setenv("GSG_TEST_CLUSTER", mark)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    import ray
    from ray.cluster_utils import Cluster

    from gsgmodel.scan.session import running_ray
    from gsgmodel.training.distributed import RunStore, train_together

    settings = make_settings(epochs=6, batch_norm="frozen")
    (tmp_path / "alone").mkdir()
    undisturbed = Trainer(make_job(settings, make_clips()), LoneWorker(tmp_path / "alone"))
    undisturbed.run()
    have_token()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 100 << 20})
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=100 << 20) for _ in range(3)]
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    killed = []

    def busy_node():
        """The raylet of a node that runs a worker."""
        raylets = {node.all_processes["raylet"][0].process.pid: node for node in nodes}
        for process in psutil.process_iter(["cmdline"]):
            if "RayTrainWorker" in " ".join(process.info["cmdline"] or []) and process.ppid() in raylets:
                return raylets[process.ppid()]
        raise AssertionError("no worker runs on any node")

    def kill_node(point):
        has_checkpoint = list((tmp_path / "run").rglob("checkpoint_manager_snapshot.json"))
        if "val/loss" in point.metrics and point.step >= 2 and has_checkpoint and not killed:
            killed.append(busy_node())
            cluster.remove_node(killed[0], allow_graceful=False)

    try:
        with running_ray(object_store_bytes=0):
            folder = train_together(
                make_job(settings, SlowClips(clips=make_clips().clips)),
                TWO,
                RunStore(path=str(tmp_path / "run"), files=None),
                max_failures=2,
                stop=StopRequest(drain_s=30),
                show=kill_node,
            )
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert len(killed) == 1
    assert folder is not None
    state = json.loads((folder / "state.json").read_text())
    shutil.rmtree(folder)
    assert [resume["workers"] for resume in state["resumes"]] == [2]
    assert [row["epoch"] for row in state["history"]] == [1, 2, 3, 4, 5, 6]
    for row, expected in zip(state["history"], undisturbed.state.history, strict=True):
        assert row["train/loss"] == pytest.approx(expected["train/loss"], rel=1e-3)
