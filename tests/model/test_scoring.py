"""From crops to scores."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.scoring import calibrate, fuse, score_clips, sigmoid, stream_score
from gsgmodel.model.settings import Calibration

scores = st.floats(0, 1)


@pytest.fixture(scope="module")
def network(small):
    torch.manual_seed(0)
    return GSGModel(small).eval()


def crops(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 128, 128, 3), dtype=np.uint8)


def test_clips_are_judged_as_the_network_judges_pixels_from_zero_to_one(network):
    pixels = crops(2)
    found = score_clips(network, pixels, device="cpu")
    with torch.no_grad():
        output = network(torch.from_numpy(pixels.transpose(0, 1, 4, 2, 3) / np.float32(255)))
    assert np.allclose(found.global_frame_logits, output.global_frame_logits.numpy(), atol=1e-6)
    assert np.allclose(
        found.fusion_margins, (output.fusion_logits[:, 1] - output.fusion_logits[:, 0]).numpy(), atol=1e-6
    )
    assert np.array_equal(found.patches, output.patches.numpy())
    both = [logits.softmax(-1)[..., 1] for logits in (output.global_frame_logits, output.fusion_frame_logits)]
    assert np.allclose(found.frame_scores, ((both[0] + both[1]) / 2).numpy(), atol=1e-6)


def test_a_clips_scores_do_not_depend_on_the_clips_beside_it(network):
    pixels = crops(3)
    passes = []
    handle = network.register_forward_pre_hook(lambda _module, inputs: passes.append(len(inputs[0])))
    together = score_clips(network, pixels, device="cpu")
    handle.remove()
    assert passes == [1, 1, 1]
    for index in range(3):
        alone = score_clips(network, pixels[index : index + 1], device="cpu")
        for name in ("global_frame_logits", "fusion_margins", "frame_scores", "patches"):
            assert np.array_equal(getattr(alone, name)[0], getattr(together, name)[index])


def test_crops_that_may_not_be_written_to_are_judged_without_a_warning(network, recwarn):
    pixels = crops(1)
    pixels.flags.writeable = False
    score_clips(network, pixels, device="cpu")
    assert not recwarn.list


def test_without_score_fusion_frames_have_the_fusion_streams_score(small):
    network = GSGModel(dataclasses.replace(small, score_fusion=False)).eval()
    found = score_clips(network, crops(1), device="cpu")
    margins = found.fusion_frame_logits[..., 1] - found.fusion_frame_logits[..., 0]
    assert np.allclose(found.frame_scores, sigmoid(margins.astype(np.float64)))


def test_bfloat16_moves_scores_a_little(network):
    exact, mixed = (score_clips(network, crops(1), device="cpu", autocast=flag) for flag in (False, True))
    assert 0 < np.abs(exact.frame_scores - mixed.frame_scores).max() < 0.02


def test_broken_weights_never_become_a_score(small):
    network = GSGModel(small).eval()
    with torch.no_grad():
        network.attention.output.weight.fill_(torch.inf)
    with pytest.raises(FloatingPointError, match="not finite"):
        score_clips(network, crops(1), device="cpu")


@pytest.mark.gpu
def test_a_gpu_gives_the_scores_of_a_cpu(network):
    exact = score_clips(network, crops(2), device="cpu")
    found = score_clips(network.to("cuda"), crops(2), device="cuda")
    network.to("cpu")
    assert np.abs(exact.frame_scores - found.frame_scores).max() < 5e-3


def test_margins_at_both_ends_keep_their_digits():
    assert sigmoid(np.array([0.0, 1000.0, -1000.0])).tolist() == [0.5, 1.0, 0.0]
    assert sigmoid(np.array([-40.0]))[0] == pytest.approx(math.exp(-40))


@given(margins=st.lists(st.floats(-50, 50), min_size=1, max_size=5))
def test_a_tracks_stream_score_is_the_sigmoid_of_its_mean_margin(margins):
    expected = 1 / (1 + math.exp(-sum(margins) / len(margins)))
    assert stream_score(np.array(margins)) == pytest.approx(expected, abs=1e-12)


def test_a_track_without_clips_has_no_score():
    with pytest.raises(ValueError, match="has no score"):
        stream_score(np.array([]))


@given(one=scores, other=scores)
def test_the_score_lies_midway_between_the_streams(one, other):
    assert fuse(one, other) == fuse(other, one) == pytest.approx((one + other) / 2)
    assert fuse(one, other, score_fusion=False) == other


@given(score=scores)
def test_a_score_without_calibration_stays_as_it_is(score):
    assert calibrate(score, None) == score
    assert calibrate(score, Calibration(slope=1.0)) == pytest.approx(score, abs=1e-9)


@given(one=scores, other=scores, slope=st.floats(0.1, 10), intercept=st.floats(-5, 5))
def test_calibration_keeps_the_order_of_scores_and_their_range(one, other, slope, intercept):
    calibration = Calibration(slope=slope, intercept=intercept)
    low, high = (calibrate(score, calibration) for score in sorted((one, other)))
    assert 0 <= low <= high + 1e-12 <= 1 + 1e-12


def test_a_temperature_pulls_scores_to_the_middle_and_an_intercept_moves_them():
    assert calibrate(0.9, Calibration(slope=0.5)) == pytest.approx(1 / (1 + 9**-0.5))
    assert calibrate(0.5, Calibration(slope=3.0, intercept=math.log(3))) == pytest.approx(0.75)
