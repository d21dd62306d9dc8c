"""Fakes cropped where their originals are, masks cropped as their fakes are; what goes wrong with either is named."""

import re
from functools import partial

import numpy as np
import pytest

from gsgmodel.archive.listing import list_archive
from gsgmodel.archive.reading import open_object
from gsgmodel.datasets.made import make_frames
from gsgmodel.datasets.portraits import load_portrait
from gsgmodel.errors import Status
from gsgmodel.faces.crops import crop_face
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.records import Preparation
from gsgmodel.scoring.prepare import BOXES_FROM_ORIGINAL, Companion, VideoPreparer
from gsgmodel.video.reader import open_video
from gsgmodel.video.write import Encoding, write_video

QUICK = Preparation(frames_per_clip=4, detect_long_side_px=160, crop_size_px=64)
SIZE_PX, FPS = 160, 10


@pytest.fixture(scope="module")
def preparer():
    detector = FaceDetector(
        long_side_px=QUICK.detect_long_side_px, min_face_px=QUICK.min_face_px, thresholds=QUICK.detect_thresholds
    )
    return VideoPreparer(detector=detector, preparation=QUICK, faces="largest", window_s=1.0, max_clips=8)


@pytest.fixture(scope="module")
def frames():
    """Two seconds of one face."""
    portrait = load_portrait("astronaut")
    return list(make_frames(portrait, None, rng=np.random.default_rng(0), num_frames=2 * FPS, size_px=SIZE_PX))


@pytest.fixture
def write(tmp_path):
    def write_frames(frames, name):
        path = tmp_path / name
        write_video(path, frames, fps=FPS, encoding=Encoding(crf=1, options={"preset": "ultrafast"}))
        return path

    return write_frames


def opener(path):
    return partial(open_object, next(list_archive([str(path)])))


def companion(path, name="original"):
    return Companion(name=f"{name} {path.as_uri()}", open_source=opener(path))


def pictures(path):
    """The frames that are sampled, by time."""
    with path.open("rb") as file, open_video(file, frames_per_clip=4, window_s=1.0) as reader:
        return {
            time_s: frame
            for window in reader.read()
            for time_s, frame in zip(window.time_s.tolist(), window.frames, strict=True)
        }


def grey(frames, *, every=1):
    """Pictures of the same size without any face."""
    return [np.full_like(frame, 60 + n) for n, frame in enumerate(frames[::every])]


def test_a_fake_without_any_face_is_cropped_where_its_original_shows_one(preparer, write, frames):
    original, fake = write(frames, "original.mp4"), write(grey(frames), "fake.mp4")
    assert preparer.prepare(opener(fake)).status == Status.NO_FACE
    expected = preparer.prepare(opener(original))
    video = preparer.prepare(opener(fake), original=companion(original))
    assert (video.status, video.notes) == (None, [BOXES_FROM_ORIGINAL])
    assert BOXES_FROM_ORIGINAL not in expected.notes
    assert len(video.clips) == len(expected.clips) == 2
    shown = pictures(fake)
    for mine, theirs in zip(video.clips, expected.clips, strict=True):
        np.testing.assert_array_equal(mine.boxes_px, theirs.boxes_px)
        np.testing.assert_array_equal(mine.time_s, theirs.time_s)
        for crop, time_s, box in zip(mine.crops, mine.time_s.tolist(), mine.boxes_px, strict=True):
            cut, _ = crop_face(shown[time_s], box, scale=QUICK.crop_scale, size_px=QUICK.crop_size_px)
            np.testing.assert_array_equal(crop, cut)
    assert video.bytes_read > expected.bytes_read


def test_a_fake_of_half_the_size_is_cropped_at_the_same_places(preparer, write, frames):
    original = write(frames, "original.mp4")
    halves = [frame[::2, ::2] for frame in grey(frames)]
    expected = preparer.prepare(opener(original))
    video = preparer.prepare(opener(write(halves, "fake.mp4")), original=companion(original))
    for mine, theirs in zip(video.clips, expected.clips, strict=True):
        np.testing.assert_allclose(mine.boxes_px * 2, theirs.boxes_px, atol=1e-3)


def test_where_the_original_shows_nobody_its_fake_has_no_face(preparer, write, frames):
    original, fake = write(grey(frames), "original.mp4"), write(frames, "fake.mp4")
    assert preparer.prepare(opener(fake)).clips
    video = preparer.prepare(opener(fake), original=companion(original))
    assert (video.status, video.notes) == (Status.NO_FACE, [BOXES_FROM_ORIGINAL])


@pytest.mark.parametrize("name", ["original", "mask"])
def test_a_companion_that_cannot_be_read_is_named_and_its_video_has_no_crops(preparer, write, frames, tmp_path, name):
    fake, other = write(frames, "fake.mp4"), write(frames, "other.mp4")
    gone = companion(other, name)
    other.unlink()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0" * 5000)
    short = companion(write(frames[:5], "short.mp4"), name)
    for given, status, text in (
        (gone, Status.MISSING, r"No such file or directory$"),
        (companion(broken, name), Status.UNREADABLE, ""),
        (short, Status.UNREADABLE, r"lasts 0\.5 s, and what is made from it 2\.0 s$"),
    ):
        video = preparer.prepare(opener(fake), **{name: given})
        assert (video.status, video.clips, video.masks) == (status, [], [])
        assert video.error_text.startswith(f"{given.name}: ")
        assert re.search(text, video.error_text)


def test_masks_are_cropped_as_their_video_is(preparer, write, frames):
    fake = write(frames, "fake.mp4")
    bright = [np.zeros_like(frame) for frame in frames]
    for n, picture in enumerate(bright):
        picture[40:120, 40:120] = 12 * n
    path = write([picture[::2, ::2] for picture in bright], "mask.mp4")
    video = preparer.prepare(opener(fake), mask=companion(path, "mask"))
    assert len(video.masks) == len(video.clips) == 2
    shown = pictures(path)
    for clip, mask in zip(video.clips, video.masks, strict=True):
        assert mask.shape == (4, 64, 64)
        for picture, time_s, box in zip(mask, clip.time_s.tolist(), clip.boxes_px, strict=True):
            cut, _ = crop_face(shown[time_s], box / 2, scale=QUICK.crop_scale, size_px=QUICK.crop_size_px)
            np.testing.assert_array_equal(picture, cut.max(axis=2))
            assert picture.max() == pytest.approx(12 * round(time_s * FPS), abs=8)


def test_a_video_without_clips_needs_no_mask(preparer, write, frames):
    gone = Companion(name="mask", open_source=partial(open_object, None))
    video = preparer.prepare(opener(write(grey(frames), "fake.mp4")), mask=gone)
    assert (video.status, video.masks) == (Status.NO_FACE, [])
    assert preparer.prepare(opener(write(frames, "real.mp4"))).masks == []
