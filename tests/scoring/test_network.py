"""Clips of several videos share batches, and each video gets its own back."""

import shutil
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gsgmodel.model.output import ClipOutput
from gsgmodel.model.scoring import ClipScores, score_clips
from gsgmodel.model.settings import Calibration
from gsgmodel.scoring import network as module
from gsgmodel.scoring.network import ClipScorer, combine_with
from tests.small_model import FRAMES, SIZE_PX, draw_crops, make_network, write_files


@pytest.fixture(scope="module")
def network():
    return make_network()


@pytest.fixture
def files(tmp_path, network):
    return partial(write_files, tmp_path / "model", network)


class Pretended:
    """Stands for the network: a clip's margins are the first pixel of it; more clips at once than fit are too many."""

    def __init__(self, patch, *, fits=1000):
        self.did = []
        self.fits = fits
        self.running = 0
        patch.setattr(module, "launch", self.launch)
        patch.setattr(module, "on_host", self.on_host)

    @property
    def batches(self):
        return [size for what, size in self.did if what == "launch"]

    def launch(self, _network, pixels):
        if len(pixels) + self.running > self.fits:
            self.did.append(("too many", len(pixels)))
            raise torch.OutOfMemoryError
        self.did.append(("launch", len(pixels)))
        self.running += len(pixels)
        first = pixels[:, 0, 0, 0, 0].double()
        return ClipOutput(*[first] * len(ClipOutput._fields))

    def on_host(self, output, *, score_fusion):
        assert score_fusion
        first = output.global_logits.numpy()
        self.did.append(("on host", len(first)))
        self.running -= len(first)
        return ClipScores(
            global_frame_logits=np.zeros((len(first), FRAMES, 2), np.float32),
            fusion_frame_logits=np.zeros((len(first), FRAMES, 2), np.float32),
            frame_scores=np.zeros((len(first), FRAMES)),
            global_margins=first,
            fusion_margins=-first,
            patches=np.zeros((len(first), FRAMES, 2), np.int64),
        )


@pytest.fixture
def pretended(monkeypatch):
    return Pretended(monkeypatch)


def ahead(scorer, num_ahead):
    """The scorer, as it is on a device that may get batches ahead."""
    scorer._feed.num_ahead = num_ahead
    return scorer


def small(firsts):
    """Clips of one pixel that say which they are."""
    return np.array(firsts, np.uint8).reshape(-1, 1, 1, 1, 1).repeat(3, axis=-1)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(0, 5), max_size=6),
    batch_clips=st.integers(1, 7),
    fits=st.integers(1, 7),
    num_ahead=st.integers(0, 1),
)
def test_every_video_gets_its_own_clips_back_in_order_whatever_fits(network, sizes, batch_clips, fits, num_ahead):
    numbers = iter(range(100))
    videos = [[next(numbers) for _ in range(size)] for size in sizes]
    with pytest.MonkeyPatch.context() as patch:
        played = Pretended(patch, fits=fits)
        scorer = ahead(ClipScorer(network, batch_clips=batch_clips, device="cpu"), num_ahead)
        scored = scorer.score([small(video) for video in videos])
    assert [[clip.margin_global for clip in video] for video in scored] == videos
    assert [[-clip.margin_fusion for clip in video] for video in scored] == videos
    assert sum(played.batches) == sum(sizes)
    assert played.running == 0


def test_batches_are_filled_across_videos(network, pretended):
    ClipScorer(network, batch_clips=4, device="cpu").score([small([1, 2, 3]), small([]), small([4, 5, 6])])
    assert pretended.batches == [4, 2]


def test_a_device_that_computes_gets_the_next_batch_before_its_scores_are_waited_for(network, pretended):
    ahead(ClipScorer(network, batch_clips=2, device="cpu"), 1).score([small(range(6))])
    assert [what for what, _ in pretended.did] == ["launch", "launch", "on host", "launch", "on host", "on host"]


def test_a_batch_that_does_not_fit_is_halved_and_stays_so(network, pretended):
    pretended.fits = 2
    scorer = ClipScorer(network, batch_clips=8, device="cpu")
    scorer.score([small(range(5))])
    assert [size for what, size in pretended.did if what != "on host"] == [5, 4, 2, 2, 1]
    scorer.score([small(range(3))])
    assert pretended.batches == [2, 2, 1, 2, 1]
    assert scorer.batch_clips == 2


def test_a_single_clip_that_does_not_fit_is_an_error(network, pretended):
    pretended.fits = 0
    with pytest.raises(torch.OutOfMemoryError):
        ClipScorer(network, batch_clips=4, device="cpu").score([small([1, 2, 3])])


def test_a_single_clip_that_does_not_fit_beside_another_waits_for_it(network, pretended):
    pretended.fits = 1
    (scored,) = ahead(ClipScorer(network, batch_clips=1, device="cpu"), 1).score([small([1, 2])])
    assert [clip.margin_global for clip in scored] == [1, 2]
    assert pretended.did == [("launch", 1), ("too many", 1), ("on host", 1), ("launch", 1), ("on host", 1)]


def test_nothing_to_score_asks_the_network_nothing(network, pretended):
    assert ClipScorer(network, batch_clips=4, device="cpu").score([small([]), small([])]) == [[], []]
    assert pretended.did == []


def test_clips_in_a_batch_score_as_they_do_alone(network):
    clips = draw_crops(3)
    together = ClipScorer(network, batch_clips=8, device="cpu").score([clips[:1], clips[1:]])
    for index, found in enumerate(clip for video in together for clip in video):
        alone = score_clips(network, clips[index : index + 1], device="cpu")
        assert found.margin_global == pytest.approx(float(alone.global_margins[0]), abs=1e-6)
        assert found.margin_fusion == pytest.approx(float(alone.fusion_margins[0]), abs=1e-6)
        assert np.allclose(found.frame_scores, alone.frame_scores[0], atol=1e-6)
        assert np.array_equal(found.patches, alone.patches[0])


class Failing(torch.nn.Module):
    """A compiled backbone that fails when it is first run."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def forward(self, _pictures):
        raise self.error


def test_a_backbone_that_cannot_be_compiled_runs_as_it_is_and_says_so(network, monkeypatch, caplog):
    monkeypatch.setattr(torch, "compile", lambda *_, **__: Failing(RuntimeError("no working C++ compiler found\nmore")))
    scorer = ClipScorer(network, batch_clips=4, device="cpu", compile_for=(FRAMES, SIZE_PX))
    assert scorer.numerics == "float32"
    assert "cannot be compiled and runs as it is: no working C++ compiler found" in caplog.text
    crops = [draw_crops(2)]
    plain = ClipScorer(network, batch_clips=4, device="cpu")
    assert scorer.score(crops)[0][0].margin_fusion == plain.score(crops)[0][0].margin_fusion


def test_a_clip_that_does_not_fit_is_not_taken_for_a_compiler_that_lacks(network, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda *_, **__: Failing(torch.OutOfMemoryError()))
    with pytest.raises(torch.OutOfMemoryError):
        ClipScorer(network, batch_clips=1, device="cpu", compile_for=(FRAMES, SIZE_PX))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling needs g++")
def test_a_compiled_backbone_scores_as_it_did(network):
    scorer = ClipScorer(network, batch_clips=4, device="cpu", compile_for=(FRAMES, SIZE_PX))
    assert scorer.numerics == "float32, compiled"
    crops = [draw_crops(1), draw_crops(6, seed=1)]
    plain = ClipScorer(network, batch_clips=4, device="cpu").score(crops)
    for video, expected in zip(scorer.score(crops), plain, strict=True):
        for clip, other in zip(video, expected, strict=True):
            assert clip.margin_fusion == pytest.approx(other.margin_fusion, abs=1e-4)
            assert clip.margin_global == pytest.approx(other.margin_global, abs=1e-4)


def test_streams_are_joined_as_the_architecture_says_and_then_calibrated(files):
    assert combine_with(files())(0.2, 0.6) == pytest.approx(0.4)
    calibrated = combine_with(files(calibration=Calibration(slope=1.0, intercept=1.0)))(0.5, 0.5)
    assert calibrated == pytest.approx(1 / (1 + np.exp(-1)))


@pytest.mark.gpu
def test_a_gpu_scores_as_the_cpu_does(network):
    clips = draw_crops(5)
    (expected,) = ClipScorer(network, batch_clips=2, device="cpu").score([clips])
    (found,) = ClipScorer(network, batch_clips=2, device="cuda").score([clips])
    network.to("cpu")
    for on_cpu, on_gpu in zip(expected, found, strict=True):
        assert on_gpu.margin_global == pytest.approx(on_cpu.margin_global, abs=1e-3)
        assert on_gpu.margin_fusion == pytest.approx(on_cpu.margin_fusion, abs=1e-3)
