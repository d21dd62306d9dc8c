import csv
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from facenet_pytorch import MTCNN
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gsgmodel.datasets.made import fit_swap, make_frames, make_videos, smooth_paths
from gsgmodel.datasets.portraits import NAMES, load_portrait, resize_portrait
from gsgmodel.errors import ConfigError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A dozen small ones: every person and every pair."""
    folder = tmp_path_factory.mktemp("made")
    return folder, make_videos(folder, num_videos=12, seconds=0.24, size_px=128, seed=3)


def frames_of(target, source, *, seed=0, num_frames=8, size_px=160):
    rng = np.random.default_rng(seed)
    source = load_portrait(source) if source else None
    return np.array(list(make_frames(load_portrait(target), source, rng=rng, num_frames=num_frames, size_px=size_px)))


def test_half_are_fake_and_no_target_tells_which(made):
    _, videos = made
    assert Counter(video.label for video in videos) == {0: 6, 1: 6}
    real, fake = ([video.target for video in videos if video.label == label] for label in (0, 1))
    assert Counter(real) == Counter(fake)
    assert all((video.source == "") == (video.label == 0) == (video.method == "original") for video in videos)
    assert all(video.source != video.target for video in videos)


def test_the_manifest_says_what_was_returned(made):
    folder, videos = made
    with (folder / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(folder / row["path"], int(row["label"]), row["method"]) for row in rows] == [
        (video.path, video.label, video.method) for video in videos
    ]
    assert [(row["target"], row["source"], row["split"]) for row in rows] == [
        (video.target, video.source, video.split) for video in videos
    ]
    assert {path.name for path in folder.iterdir()} == {"manifest.csv", *(video.path.name for video in videos)}


def test_both_labels_are_in_every_split(tmp_path, monkeypatch):
    monkeypatch.setattr("gsgmodel.datasets.made.write_video", lambda path, *_, **__: path.touch())
    monkeypatch.setattr("gsgmodel.datasets.made.write_alike", lambda *_, **__: None)
    videos = make_videos(tmp_path, num_videos=30)
    assert {(video.split, video.label) for video in videos} == {
        (split, label) for split in ("train", "val", "test") for label in (0, 1)
    }


def test_a_fake_is_as_large_as_its_original(tmp_path):
    videos = make_videos(tmp_path, num_videos=6, seconds=1.0, size_px=320, seed=3)
    sizes_bytes = [video.path.stat().st_size for video in videos]
    assert sizes_bytes[1::2] == pytest.approx(sizes_bytes[::2], rel=0.02)
    assert max(sizes_bytes) > 1.05 * min(sizes_bytes)


def test_the_same_seed_writes_the_same_bytes_and_another_one_others(made, tmp_path):
    _, videos = made
    again = make_videos(tmp_path / "again", num_videos=2, seconds=0.24, size_px=128, seed=3)
    other = make_videos(tmp_path / "other", num_videos=2, seconds=0.24, size_px=128, seed=4)
    for first, same, different in zip(videos, again, other, strict=False):
        assert first.path.read_bytes() == same.path.read_bytes()
        assert first.path.read_bytes() != different.path.read_bytes()


def test_they_are_mp4_files_of_h264(made):
    _, videos = made
    for video in videos:
        start = video.path.read_bytes()
        assert start[4:8] == b"ftyp"
        assert b"avc1" in start


@pytest.mark.parametrize(
    "setting", [{"num_videos": 0}, {"seconds": 0.0}, {"seconds": -1.0}, {"size_px": 127}, {"size_px": 64}]
)
def test_settings_that_cannot_work_are_named(tmp_path, setting):
    with pytest.raises(ConfigError, match=f"{next(iter(setting))}={next(iter(setting.values()))}"):
        make_videos(tmp_path / "none", **{"num_videos": 1, "seconds": 0.04, "size_px": 96, **setting})
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("target", "source"),
    [(name, None) for name in NAMES]
    + [("hopper", "astronaut"), ("astronaut", "hopper"), ("cameraman", "hopper"), ("cameraman", "astronaut")],
)
def test_mtcnn_finds_the_face(target, source):
    frames = frames_of(target, source, num_frames=75, size_px=320)[::25]
    boxes, _ = MTCNN(keep_all=True).detect([Image.fromarray(frame) for frame in frames])
    # Half a profile under a strange face may be missed once; a track bridges that.
    heights_px = [found[0][3] - found[0][1] for found in boxes if found is not None]
    assert len(heights_px) >= 2
    assert min(heights_px) > 0.2 * 320


def test_frames_are_grey_and_differ_from_one_to_the_next():
    frames = frames_of("hopper", "astronaut")
    assert frames.shape == (8, 160, 160, 3)
    assert (frames == frames[..., :1]).all()
    assert all((a != b).mean() > 0.1 for a, b in pairwise(frames))


def test_a_forgery_differs_from_the_original_only_in_the_face():
    real, fake = frames_of("astronaut", None)[..., 0], frames_of("astronaut", "hopper")[..., 0]
    differs = (real != fake).any(axis=0)
    assert 0.03 < differs.mean() < 0.25
    rows, columns = np.nonzero(differs)
    assert np.ptp(rows) < 0.7 * 160
    assert np.ptp(columns) < 0.6 * 160


def test_the_forged_face_trembles_more_than_the_picture_around_it():
    """The difference between neighbouring frames, over that of the original, is larger inside the face."""
    real, fake = (frames_of("astronaut", source, num_frames=25)[..., 0].astype(float) for source in (None, "hopper"))
    face = (real != fake).all(axis=0)
    change = [np.abs(np.diff(frames, axis=0))[:, face].mean() for frames in (real, fake)]
    assert change[1] > 1.1 * change[0]


@pytest.mark.parametrize(("target", "source"), [("hopper", "astronaut"), ("cameraman", "hopper")])
def test_the_other_face_is_as_bright_and_rich_in_contrast_as_the_one_it_covers(target, source):
    portrait = resize_portrait(load_portrait(target), face_px=120.0, is_mirrored=False)
    swap = fit_swap(portrait, resize_portrait(load_portrait(source), face_px=120.0, is_mirrored=False))
    assert swap.mask.size == portrait.grey.shape[::-1]
    numbers = tuple(swap.to_picture[:2].ravel())
    laid = np.asarray(swap.picture.transform(swap.mask.size, Image.Transform.AFFINE, numbers))
    inside = np.asarray(swap.mask) > 255 * 0.05 / 0.3
    assert laid[inside].mean() == pytest.approx(portrait.grey[inside].mean(), abs=3)
    assert laid[inside].std() == pytest.approx(portrait.grey[inside].std(), rel=0.15)


def test_the_mask_covers_the_features_and_not_the_corners_of_the_face():
    portrait = resize_portrait(load_portrait("hopper"), face_px=120.0, is_mirrored=False)
    mask = np.asarray(
        fit_swap(portrait, resize_portrait(load_portrait("astronaut"), face_px=120.0, is_mirrored=False)).mask
    )
    x, y = portrait.landmarks_px.round().astype(int).T
    assert (mask[y, x] > 250).all()
    x0, y0, x1, y1 = portrait.box_px.round().astype(int)
    assert not mask[[y0, y0, y1, y1], [x0, x1, x0, x1]].any()


@given(seed=st.integers(0, 2**32), num_paths=st.integers(1, 8), num_frames=st.integers(1, 200))
def test_paths_stay_within_one_and_have_no_jumps(seed, num_paths, num_frames):
    paths = smooth_paths(np.random.default_rng(seed), num_paths=num_paths, num_frames=num_frames)
    assert paths.shape == (num_paths, num_frames)
    assert np.abs(paths).max() <= 1
    # The fastest sine has 0.8 Hz, read 25 times a second.
    assert np.abs(np.diff(paths)).max(initial=0) <= 2 * np.pi * 0.8 / 25
