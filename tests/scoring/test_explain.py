"""Explained videos: the most telling clips, as every model sees them."""

import numpy as np
import pytest
import torch

from gsgmodel.datasets.made import make_videos
from gsgmodel.model.baselines.mesonet import MesoNet, MesoNetConfig
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.settings import ModelSettings
from gsgmodel.model.weights import read_model, save_model
from gsgmodel.records import FaceClip, Preparation
from gsgmodel.scoring.explain import VideoExplainer, same_face
from gsgmodel.scoring.video import VideoScorer, find_video


def make_files(folder, *, frames_per_clip=12, **changes):
    torch.manual_seed(0)
    config = GSGConfig(backbone="tiny", hidden=16, layers=2, attention_hidden=8, **changes)
    preparation = Preparation(frames_per_clip=frames_per_clip)
    save_model(folder, GSGModel(config), ModelSettings(architecture=config, preparation=preparation))
    return read_model(folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    full = make_files(tmp_path_factory.mktemp("full"))
    return {"full": full, "local": make_files(tmp_path_factory.mktemp("local"), streams="local")}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    make_videos(folder, num_videos=1, seconds=1.0, size_px=192, seed=3)
    return find_video(str(next(folder.glob("*.mp4"))))


def test_rows_are_those_of_a_scan_and_all_models_explain_the_same_clips(models, video):
    full, local = VideoExplainer(models, most_clips=2, window_s=0.3).explain(video)
    assert (full.model, local.model) == ("full", "local")
    assert full.row == VideoScorer(models["full"], window_s=0.3).score(video)
    assert local.row == VideoScorer(models["local"], window_s=0.3).score(video)
    assert len(full.clips) == len(local.clips) == 2
    assert [clip.start_s for clip in full.clips] == [clip.start_s for clip in local.clips]


def test_the_most_telling_clips_come_first_with_their_scores_patches_and_heat(models, video):
    (explained,) = VideoExplainer({"full": models["full"]}, most_clips=2, window_s=0.3).explain(video)
    found = {clip["start_s"]: clip for face in explained.row["faces"] for clip in face["clips"]}
    best = sorted((clip["score"] for clip in found.values()), reverse=True)[:2]
    assert [clip.scores.score for clip in explained.clips] == pytest.approx(best, abs=1e-6)
    clip = explained.clips[0]
    frames = [frame["score"] for frame in found[clip.start_s]["frames"]]
    np.testing.assert_allclose(clip.frame_scores, frames, atol=1e-6)
    assert clip.patches.shape == (12, 5, 4)
    assert clip.crops.shape == (12, 224, 224, 3)
    assert clip.global_maps.shape == clip.local_maps.shape == (12, 224, 224)
    assert clip.local_maps.max() == pytest.approx(1.0)


def test_a_model_without_a_global_stream_has_no_heat_there(models, video):
    (explained,) = VideoExplainer({"local": models["local"]}).explain(video)
    assert not explained.clips[0].global_maps.any()


def test_a_video_without_a_face_is_not_explained(models, tmp_path):
    path = tmp_path / "no.mp4"
    path.write_bytes(b"no video")
    (explained,) = VideoExplainer({"full": models["full"]}).explain(find_video(str(path)))
    assert (explained.row["status"], explained.clips) == ("unreadable", [])


def test_a_system_that_takes_other_crops_explains_the_same_faces_at_the_same_times(models, video, tmp_path):
    config = MesoNetConfig(frames_per_clip=4, crop_size_px=128)
    preparation = Preparation(frames_per_clip=4, crop_size_px=128)
    torch.manual_seed(0)
    save_model(tmp_path, MesoNet(config), ModelSettings(architecture=config, preparation=preparation))
    compared = {"full": models["full"], "mesonet": read_model(tmp_path)}
    full, meso = VideoExplainer(compared, most_clips=2, window_s=0.3).explain(video)
    assert [clip.start_s for clip in meso.clips] == [clip.start_s for clip in full.clips]
    assert meso.row == VideoScorer(compared["mesonet"], window_s=0.3).score(video)
    clip = meso.clips[0]
    assert clip.crops.shape == (4, 128, 128, 3)
    assert clip.global_maps.shape == (4, 128, 128)
    assert clip.patches.shape == (4, 0, 4)
    assert meso.row["score_global"] == meso.row["score_fusion"]


def face_clip(start_s, left):
    boxes = np.tile(np.array([left, 0, left + 10, 10], np.float32), (2, 1))
    crops = np.zeros((2, 8, 8, 3), np.uint8)
    times = {"start_s": start_s, "end_s": start_s + 1, "time_s": np.zeros(2)}
    found = {"detected": np.ones(2, bool), "is_reduced": False}
    return FaceClip(track_id=0, boxes_px=boxes, crops=crops, **times, **found)


def test_the_same_face_is_that_of_the_time_and_the_place():
    clips = [face_clip(start_s, left) for start_s in (0.0, 1.0) for left in (0, 50)]
    assert same_face(clips, face_clip(1.0, 46)) is clips[3]
    assert same_face(clips, face_clip(0.2, 2)) is clips[0]
    assert all(same_face(clips, clip) is clip for clip in clips)
