"""Footage made of portraits."""

from itertools import pairwise

import numpy as np
import pytest

from gsgmodel.datasets.made_footage import FPS, make_footage
from gsgmodel.video.reader import open_video


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("footage")
    return folder, make_footage(folder, num_videos=4, seconds=1.0, size_px=128, seed=0)


def frames_of(path):
    with path.open("rb") as source, open_video(source, frames_per_clip=5, window_s=60.0, max_clips=1) as reader:
        assert reader.info.num_frames == FPS
        return np.stack(next(iter(reader.read())).frames).astype(float)


def test_each_portrait_comes_in_turn(made):
    _, paths = made
    assert [path.stem for path in paths] == ["000_hopper", "001_astronaut", "002_cameraman", "003_hopper"]
    assert all(path.exists() for path in paths)


def test_every_video_moves_and_has_a_light_of_its_own(made):
    lights = []
    for path in made[1]:
        frames = frames_of(path)
        assert np.abs(np.diff(frames, axis=0)).mean() > 0.3
        mean = frames.mean(axis=(0, 1, 2))
        lights.append(mean / mean[1])
    assert all(np.abs(one - other).max() > 0.01 for one, other in pairwise(lights))


def test_what_is_there_stays_and_the_same_seed_makes_the_same(made, tmp_path):
    folder, paths = made
    before = [path.stat().st_mtime_ns for path in paths]
    assert make_footage(folder, num_videos=4, seconds=1.0, size_px=128, seed=0) == paths
    assert [path.stat().st_mtime_ns for path in paths] == before
    again = make_footage(tmp_path, num_videos=1, seconds=1.0, size_px=128, seed=0)
    assert np.array_equal(frames_of(again[0]), frames_of(paths[0]))
    assert [path.name for path in tmp_path.iterdir()] == ["000_hopper.mp4"]
