"""What pools can be expected to do."""

from dataclasses import replace

import pytest

from gsgmodel.scan.expected import PREPARE_S, VIDEO_S, pools_text, videos_per_s
from gsgmodel.scan.preflight import GIB, Machine, Wishes, fit_machine

WISHES = Wishes(device="auto", prepare_actors=None, score_actors=None, batch_clips=4)


def fit(wishes, *, cores, num_gpus=0):
    return fit_machine(Machine(cores=cores, memory_bytes=256 * GIB, num_gpus=num_gpus), wishes)


@pytest.mark.parametrize("cores", [1, 2, 16])
def test_without_gpus_every_core_does_whole_videos_however_the_actors_are_cut(cores):
    joint, apart = fit(WISHES, cores=cores), fit(replace(WISHES, score_actors=cores), cores=cores)
    assert videos_per_s(joint) == pytest.approx(cores / VIDEO_S)
    assert videos_per_s(apart) == pytest.approx(cores / VIDEO_S, rel=0.01)
    assert pools_text(joint).startswith(f"{cores} actors that prepare and score: about ")


def test_beside_gpus_and_without_a_network_cores_only_prepare():
    on_gpu = fit(WISHES, cores=16, num_gpus=2)
    assert videos_per_s(on_gpu) == pytest.approx(16 / PREPARE_S, rel=0.01)
    assert (
        pools_text(on_gpu)
        == "16 prepare and 2 score actors on GPUs: about 13 videos/s expected, of 1.2 s of a core each"
    )
    kept = fit(replace(WISHES, device="none"), cores=16)
    assert videos_per_s(kept) == pytest.approx(16 / PREPARE_S, rel=0.01)
    assert pools_text(kept).startswith("16 prepare and 1 keep actors: about 13 videos/s")
