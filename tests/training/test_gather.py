import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.scan.stop import StopRequest
from gsgmodel.training.gather import gathered
from tests.small_training import make_settings


def gather(settings, *, num_clips=16):
    stop = StopRequest(drain_s=0.0)
    return gathered(settings, ("/clips", "/out"), num_clips=num_clips, stop=stop, note=print).__enter__()


@pytest.mark.parametrize(
    ("changes", "num_clips", "message"),
    [
        ({"batch_norm": "sync"}, 16, "--batch-norm is sync, which torch has for GPUs alone"),
        ({"device": "gpu"}, 16, "--device is gpu, but no GPU is free"),
        ({"workers": "4"}, 3, "there are 4 workers for 3 training clips in batches of 4"),
        ({"workers": "900", "batch_clips": 1000}, 2000, "--workers asks for 900, and"),
    ],
)
def test_what_these_workers_cannot_do_is_refused_before_ray_starts(monkeypatch, changes, num_clips, message):
    import ray

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(ConfigError, match=message):
        gather(make_settings(**changes), num_clips=num_clips)
    assert not ray.is_initialized()
