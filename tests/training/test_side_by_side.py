"""Several trainings at once as Ray tasks."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from gsgmodel.errors import ConfigError, TrainingError
from gsgmodel.scan.preflight import Machine
from gsgmodel.scan.stop import StopRequest
from gsgmodel.training.distributed import CHECKPOINTS
from gsgmodel.training.side_by_side import Share, share_of, train_side_by_side
from tests.small_store import make_store
from tests.small_training import make_settings

TWO = Share(at_once=2, threads=1, on_gpu=False)
GIB = 1 << 30


def machine(cores, gpus=0):
    return Machine(cores=cores, memory_bytes=8 * GIB, num_gpus=gpus)


@pytest.mark.parametrize(
    ("cores", "gpus", "at_once", "device", "expected"),
    [
        (2, 0, None, "auto", Share(at_once=2, threads=1, on_gpu=False)),
        (8, 0, 3, "auto", Share(at_once=3, threads=2, on_gpu=False)),
        (0.5, 0, None, "auto", Share(at_once=1, threads=1, on_gpu=False)),
        (16, 4, None, "auto", Share(at_once=4, threads=4, on_gpu=True)),
        (16, 4, 2, "gpu", Share(at_once=2, threads=8, on_gpu=True)),
        (16, 4, None, "cpu", Share(at_once=16, threads=1, on_gpu=False)),
    ],
)
def test_as_many_train_at_once_as_there_are_gpus_or_else_cores(cores, gpus, at_once, device, expected):
    assert share_of(machine(cores, gpus), at_once=at_once, device=device) == expected


@pytest.mark.parametrize(
    ("cores", "gpus", "at_once", "device", "message"),
    [
        (2, 0, 3, "auto", "--at-once is 3, and this machine has 2 cores; accepted: up to that"),
        (16, 1, 2, "auto", "--at-once is 2, and this machine has 1 GPUs"),
        (2, 0, None, "gpu", "--device is gpu, but no GPU is free"),
    ],
)
def test_more_than_there_is_room_for_is_refused(cores, gpus, at_once, device, message):
    with pytest.raises(ConfigError, match=message):
        share_of(machine(cores, gpus), at_once=at_once, device=device)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store") / "clips").uri


@pytest.fixture(scope="module")
def _ray():
    from gsgmodel.scan.session import running_ray

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        with running_ray(object_store_bytes=100 << 20):
            yield


def run(store, begin, *, stop=None, share=TWO):
    found = {}
    is_done = train_side_by_side(
        store, begin, share, stop=stop or StopRequest(drain_s=60), ended=lambda place, said: found.update({place: said})
    )
    return is_done, found


@pytest.mark.ray
@pytest.mark.usefixtures("_ray")
def test_every_training_ends_and_is_told_by_its_place(store, tmp_path):
    settings = [make_settings(output=str(tmp_path / str(n)), tracking_uri="none", seed=n, epochs=1) for n in range(3)]
    is_done, found = run(store, [lambda each=each: each for each in settings])
    assert is_done
    assert sorted(found) == [0, 1, 2]
    for place, summary in found.items():
        assert summary["exit_code"] == 0
        assert Path(summary["model"].removeprefix("file://")).is_relative_to(tmp_path / str(place))


@pytest.mark.ray
@pytest.mark.usefixtures("_ray")
def test_settings_that_a_training_refuses_end_all_with_its_sentence(store, tmp_path):
    bad = make_settings(output=str(tmp_path), tracking_uri="none", backbone_weights=str(tmp_path / "none.safetensors"))
    with pytest.raises(ConfigError, match=r"--backbone-weights .* cannot be read"):
        run(store, [lambda: bad])


@pytest.mark.ray
@pytest.mark.usefixtures("_ray")
def test_a_request_to_stop_ends_them_with_checkpoints_and_starts_no_other(store, tmp_path):
    long = [make_settings(output=str(tmp_path / str(n)), tracking_uri="none", epochs=500) for n in range(3)]
    stop = StopRequest(drain_s=60)

    def ask():
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s and not list(tmp_path.glob(f"[01]/runs/*/{CHECKPOINTS}/*")):
            time.sleep(0.1)
        stop.signum = int(signal.SIGTERM)

    thread = threading.Thread(target=ask)
    thread.start()
    is_done, found = run(store, [lambda each=each: each for each in long], stop=stop)
    thread.join()
    assert not is_done
    assert {summary["exit_code"] for summary in found.values()} == {143}
    assert not (tmp_path / "2").exists()
    assert list(tmp_path.glob(f"*/runs/*/{CHECKPOINTS}/*"))


@pytest.mark.ray
@pytest.mark.usefixtures("_ray")
def test_a_training_whose_process_dies_is_begun_again_and_not_for_ever(store, tmp_path, monkeypatch):
    settings = make_settings(output=str(tmp_path), tracking_uri="none", max_failures=1)
    begun = []

    def begin():
        begun.append(1)
        return settings

    import gsgmodel.training.side_by_side as module

    monkeypatch.setattr(module, "train_one", lambda *_: os._exit(1))
    with pytest.raises(TrainingError, match="the process of a training died 2 times; see --max-failures"):
        run(store, [begin])
    assert len(begun) >= 2
