import math

import numpy as np
import pyarrow as pa
import pytest
import torch

from gsgmodel.errors import TrainingError
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.objective import Objective
from gsgmodel.model.scoring import score_clips
from gsgmodel.training.judge import clip_margins, judgement, losses_of, scores_of_videos
from tests.small_training import ARCHITECTURE, LoneWorker, make_clips


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def clips_table(videos, labels, *, tracks=None, seen=3):
    return pa.table(
        {
            "video": pa.array(videos, pa.int32()),
            "label": pa.array(labels, pa.int8()),
            "track_id": pa.array(tracks or [0] * len(videos), pa.int32()),
            "detected": [[True] * seen + [False] * (3 - seen)] * len(videos),
        }
    )


@pytest.fixture
def network():
    torch.manual_seed(0)
    return GSGModel(ARCHITECTURE)


def test_margins_are_those_of_scoring(network, tmp_path):
    clips = make_clips()
    wanted = np.array([5, 1, 9, 0, 2, 3, 4, 6, 7, 8, 10], np.int64)
    margins = clip_margins(network, clips.read_crops, wanted, worker=LoneWorker(tmp_path), autocast=False)
    expected = score_clips(network, np.stack([clips.read_crops(index) for index in wanted]), device="cpu")
    assert margins[:, 0] == pytest.approx(expected.global_margins)
    assert margins[:, 1] == pytest.approx(expected.fusion_margins)
    assert not network.training


def test_each_worker_judges_its_share(network, tmp_path):
    clips, read = make_clips(), []

    def read_crops(index):
        read.append(index)
        return clips.read_crops(index)

    worker = LoneWorker(tmp_path, rank=1, world_size=2)
    with pytest.raises((RuntimeError, ValueError)):
        # Nobody is there to add up with.
        clip_margins(network, read_crops, np.arange(5), worker=worker, autocast=False)
    assert sorted(read) == [3, 4]


def test_a_network_that_gives_no_numbers_ends_the_training(network, tmp_path):
    with torch.no_grad():
        network.temporal["global_stream"].classify.bias.fill_(math.nan)
    with pytest.raises(TrainingError, match="the network gives no numbers any more"):
        clip_margins(network, make_clips().read_crops, np.arange(2), worker=LoneWorker(tmp_path), autocast=False)


def test_losses_are_those_of_the_objective():
    margins = np.array([[2.0, 1.0], [-1.0, 3.0]])
    found = losses_of(margins, np.array([1, 0]), objective=Objective(guide_weight=0.5))
    ce_global = -(math.log(sigmoid(2)) + math.log(sigmoid(1))) / 2
    ce_fusion = -(math.log(sigmoid(1)) + math.log(sigmoid(-3))) / 2
    guide = (max(0, sigmoid(2) - sigmoid(1) + 0.1) + max(0, sigmoid(1) - sigmoid(-3) + 0.1)) / 2
    assert found["ce_global"] == pytest.approx(ce_global)
    assert found["ce_fusion"] == pytest.approx(ce_fusion)
    assert found["guide"] == pytest.approx(guide, rel=1e-5)
    assert found["loss"] == pytest.approx(ce_global + ce_fusion + 0.5 * guide, rel=1e-5)


def test_a_video_has_the_mean_of_a_tracks_clips_and_the_highest_of_its_tracks():
    clips = clips_table([7, 7, 7, 2], [1, 1, 1, 0], tracks=[0, 0, 1, 0])
    margins = np.array([[1.0, 1.0], [3.0, 3.0], [-4.0, -4.0], [0.5, 0.5]])
    videos, scores = scores_of_videos(clips, margins, combine=lambda a, b: (a + b) / 2)
    assert videos.tolist() == [2, 7]
    assert scores.tolist() == pytest.approx([sigmoid(0.5), sigmoid(2)])


def test_an_epoch_is_judged_by_videos():
    clips = clips_table([0, 1, 1, 2], [0, 1, 1, 0])
    margins = np.array([[0.0, 0.0], [-2.0, -2.0], [5.0, 5.0], [1.0, 1.0]])
    found = judgement(clips, margins, objective=Objective(), score_fusion=True)
    assert found["auc"] == 1.0
    of_clips = losses_of(margins, np.array([0, 1, 1, 0]), objective=Objective())
    assert {name: found[name] for name in of_clips} == of_clips


def test_with_one_class_alone_there_is_no_area():
    found = judgement(clips_table([0], [1]), np.zeros((1, 2)), objective=Objective(), score_fusion=True)
    assert "auc" not in found
