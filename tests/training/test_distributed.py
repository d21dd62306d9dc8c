"""Workers of Ray Train on a cluster of two nodes, one of them killed."""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

from gsgmodel.errors import TrainingError
from gsgmodel.scan.stop import StopRequest
from gsgmodel.training.crew import Crew
from gsgmodel.training.loop import Trainer
from tests.ray_cluster import have_token
from tests.small_training import LoneWorker, MemoryClips, make_clips, make_job, make_settings

pytestmark = [pytest.mark.usefixtures("_cluster"), pytest.mark.ray, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
MARK = uuid.uuid4().hex
TWO = Crew(least=2, most=2, cpus=1.0, on_gpu=False)


@pytest.fixture(scope="module")
def _cluster() -> Iterator[None]:
    """Two nodes of one core, which this process has joined."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GSG_TEST_CLUSTER", MARK)
        # The clips of these tests are unpickled in the workers.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        import ray
        from ray.cluster_utils import Cluster

        from gsgmodel.scan.session import running_ray

        have_token()
        started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 100 << 20})
        started.add_node(num_cpus=1, object_store_memory=100 << 20)
        patch.setenv("RAY_ADDRESS", started.address)
        try:
            with running_ray(object_store_bytes=0):
                yield
        finally:
            ray.shutdown()
            started.shutdown()


@dataclass(frozen=True)
class SlowClips(MemoryClips):
    """Read slowly enough for something to happen meanwhile."""

    wait_s: float = 0.05

    def read_crops(self, index: int) -> np.ndarray:
        import time

        time.sleep(self.wait_s)
        return super().read_crops(index)


def workers() -> list[psutil.Process]:
    """Those of this test's cluster: other tests may train at the same time."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            is_worker = "RayTrainWorker" in " ".join(process.cmdline()[:1])
            if is_worker and process.environ().get("GSG_TEST_CLUSTER") == MARK:
                found.append(process)
    return found


def test_a_worker_killed_in_the_second_epoch_costs_no_more_than_what_came_after_its_checkpoint(tmp_path):
    from gsgmodel.training.distributed import RunStore, train_together

    settings = make_settings(epochs=6, batch_norm="frozen", augment=True)
    slow = SlowClips(clips=make_clips().clips)
    (tmp_path / "alone").mkdir()
    undisturbed = Trainer(make_job(settings, make_clips()), LoneWorker(tmp_path / "alone"))
    undisturbed.run()
    killed = []

    def kill_one(point):
        # Checkpoints reach their store while training goes on: the first one must have.
        has_checkpoint = list((tmp_path / "run").rglob("checkpoint_manager_snapshot.json"))
        if "val/loss" in point.metrics and point.step >= 2 and has_checkpoint and not killed:
            killed.extend(workers()[:1])
            killed[0].kill()

    folder = train_together(
        make_job(settings, slow),
        TWO,
        RunStore(path=str(tmp_path / "run"), files=None),
        max_failures=2,
        stop=StopRequest(drain_s=30),
        show=kill_one,
    )
    assert folder is not None
    assert len(killed) == 1
    state = json.loads((folder / "state.json").read_text())
    shutil.rmtree(folder)
    (resume,) = state["resumes"]
    assert 1 <= resume["epoch"] < 6
    assert (resume["step"], resume["workers"]) == (0, 2)
    assert [row["epoch"] for row in state["history"]] == [1, 2, 3, 4, 5, 6]
    for row, expected in zip(state["history"], undisturbed.state.history, strict=True):
        assert row["train/loss"] == pytest.approx(expected["train/loss"], rel=1e-3)
        assert row["val/loss"] == pytest.approx(expected["val/loss"], rel=1e-3)


def test_a_loss_that_is_no_number_ends_the_run_in_one_sentence_and_is_not_tried_again(tmp_path):
    from gsgmodel.training.distributed import RunStore, train_together

    settings = make_settings(lr=1e18, backbone_lr=1e18, schedule="constant")
    with pytest.raises(TrainingError, match=r"the loss is no number in epoch 1, step 2"):
        train_together(
            make_job(settings),
            TWO,
            RunStore(path=str(Path(tmp_path) / "run"), files=None),
            max_failures=2,
            stop=StopRequest(drain_s=30),
            show=lambda _: None,
        )
    assert not list(tmp_path.rglob("state.json"))


def test_a_ray_that_a_signal_took_along_is_one_sentence_and_no_traceback(capfd):
    from gsgmodel.training.distributed import _Fitting

    class Gone:
        def fit(self):
            raise SystemExit(0)

    fitting = _Fitting(Gone())
    while fitting.is_running(wait_s=0.1):
        pass
    with pytest.raises(TrainingError, match=r"training failed: .*Ray's processes are gone"):
        fitting.result()
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(("crew", "within"), [((2, 2), "600"), ((1, 2), "30")])
def test_only_where_fewer_will_do_ray_soon_counts_again_what_there_is(tmp_path, monkeypatch, crew, within):
    """It may have counted a node that is lost and not yet known to be."""
    from gsgmodel.training import distributed

    monkeypatch.setattr(distributed, "TorchTrainer", lambda *_, **how: how)
    monkeypatch.setattr(distributed, "_TrainerHere", lambda *_, **how: how)
    monkeypatch.setenv(distributed.ROOM_WITHIN, "")
    store = distributed.RunStore(path=str(tmp_path), files=None)
    least, most = crew
    distributed._make_trainer({}, Crew(least=least, most=most, cpus=1.0, on_gpu=False), store, 0)
    assert os.environ[distributed.ROOM_WITHIN] == within
