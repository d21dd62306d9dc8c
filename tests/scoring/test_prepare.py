"""From a planned video to its crops, or to the status that says why there are none."""

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gsgmodel.archive.listing import list_archive
from gsgmodel.archive.reading import open_object
from gsgmodel.datasets.made import make_frames
from gsgmodel.datasets.portraits import load_portrait
from gsgmodel.errors import Status
from gsgmodel.faces.clips import ClipMaker
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.records import Preparation
from gsgmodel.scoring.prepare import (
    CLIPS_DROPPED,
    CROP_REDUCED,
    FACES_DROPPED,
    WINDOWS_WIDENED,
    VideoPreparer,
)
from gsgmodel.video.container import DECODER_VERSION
from gsgmodel.video.reader import open_video
from gsgmodel.video.write import Encoding, write_video

QUICK = Preparation(frames_per_clip=4, detect_long_side_px=160, crop_size_px=64)
SIZE_PX, FPS = 160, 10


@pytest.fixture(scope="module")
def detector():
    return FaceDetector(
        long_side_px=QUICK.detect_long_side_px, min_face_px=QUICK.min_face_px, thresholds=QUICK.detect_thresholds
    )


@pytest.fixture(scope="module")
def frames():
    """Two seconds of one face."""
    portrait = load_portrait("astronaut")
    return list(make_frames(portrait, None, rng=np.random.default_rng(0), num_frames=2 * FPS, size_px=SIZE_PX))


@pytest.fixture
def write(tmp_path):
    def write_frames(frames, name="a video #1.mp4"):
        path = tmp_path / name
        write_video(path, frames, fps=FPS, encoding=Encoding(options={"preset": "ultrafast"}))
        return path

    return write_frames


@pytest.fixture
def prepare(detector):
    def prepare_path(path, *, preparation=QUICK, faces="all", window_s=60.0, max_clips=32, opener=open_video):
        listed = path if not isinstance(path, Path) else next(list_archive([str(path)]))
        return VideoPreparer(
            detector=detector,
            preparation=preparation,
            faces=faces,
            window_s=window_s,
            max_clips=max_clips,
            opener=opener,
        ).prepare(partial(open_object, listed))

    return prepare_path


def listed(path):
    return next(list_archive([str(path)]))


def test_a_video_with_a_face_becomes_one_clip_of_it(prepare, write, frames):
    path = write(frames)
    video = prepare(path)
    assert (video.status, video.error_class, video.error_text, video.notes) == (None, None, None, [])
    (clip,) = video.clips
    assert clip.crops.shape == (4, 64, 64, 3)
    assert clip.detected.all()
    assert (clip.start_s, clip.end_s) == (0.0, pytest.approx(2.0))
    assert (video.frames_decoded, video.frames_missing) == (4, 0)
    assert video.bytes_read > 0
    assert (video.info.width_px, video.info.codec, video.decoder) == (SIZE_PX, "h264", DECODER_VERSION)


def test_a_longer_video_gets_a_clip_for_each_window(prepare, write, frames):
    video = prepare(write(frames), window_s=1.0)
    assert [(clip.track_id, clip.start_s) for clip in video.clips] == [(0, 0.0), (0, pytest.approx(1.0))]
    assert video.notes == []


def test_a_cap_on_clips_widens_the_windows_and_the_row_says_so(prepare, write, frames):
    video = prepare(write(frames), window_s=0.5, max_clips=2)
    assert len(video.clips) == 2
    assert WINDOWS_WIDENED in video.notes


def two_faces(frames):
    return [np.hstack([frame, frame[:, ::-1]]) for frame in frames]


def test_a_cap_on_clips_drops_faces_and_the_row_says_so(prepare, write, frames):
    preparation = Preparation(frames_per_clip=4, detect_long_side_px=320, crop_size_px=64)
    path = write(two_faces(frames))
    assert {clip.track_id for clip in prepare(path).clips} == {0, 1}
    video = prepare(path, preparation=preparation, max_clips=1)
    assert len(video.clips) == 1
    assert FACES_DROPPED in video.notes
    assert CLIPS_DROPPED in video.notes


def test_only_the_largest_face_is_kept_where_asked_for(prepare, write, frames):
    video = prepare(write(two_faces(frames)), faces="largest")
    assert {clip.track_id for clip in video.clips} == {0}
    assert FACES_DROPPED not in video.notes


def test_a_face_cut_off_at_the_edge_is_noted(prepare, write, frames):
    video = prepare(write([frame[:, :104] for frame in frames[:4]]))
    assert len(video.clips) == 1
    assert CROP_REDUCED in video.notes


def test_a_video_without_a_face_is_no_failure(prepare, write):
    grey = [np.full((64, 64, 3), 90 + index, np.uint8) for index in range(8)]
    video = prepare(write(grey))
    assert (video.status, video.error_class, video.clips) == (Status.NO_FACE, None, [])
    assert video.info.duration_s == pytest.approx(0.8)
    assert video.frames_decoded == 4


def test_random_bytes_are_unreadable(prepare, tmp_path):
    path = tmp_path / "noise.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(10_000))
    video = prepare(path)
    assert video.status in {Status.UNREADABLE, Status.UNSUPPORTED}
    assert video.error_class in {"UnreadableError", "UnsupportedError"}
    assert video.error_text
    assert (video.info, video.clips, video.decoder) == (None, [], DECODER_VERSION)


def test_an_empty_file_is_unreadable(prepare, tmp_path):
    path = tmp_path / "empty.mp4"
    path.touch()
    assert prepare(path).status == Status.UNREADABLE


def test_a_text_playlist_is_not_followed(prepare, tmp_path, write, frames):
    path = tmp_path / "list.mp4"
    path.write_text(f"#EXTM3U\n#EXTINF:2,\n{write(frames)}\n")
    assert prepare(path).status in {Status.UNREADABLE, Status.UNSUPPORTED}


def test_a_file_that_is_gone_is_missing(prepare, write, frames):
    path = write(frames)
    reference = listed(path)
    path.unlink()
    video = prepare(reference)
    assert (video.status, video.error_class, video.bytes_read) == (Status.MISSING, "MissingError", 0)


def test_a_file_that_was_replaced_since_it_was_listed_is_changed(prepare, write, frames):
    path = write(frames)
    reference = listed(path)
    os.utime(path, ns=(0, 12345))
    assert prepare(reference).status == Status.CHANGED


def test_a_file_that_may_not_be_read_is_denied(prepare, write, frames, monkeypatch):
    reference = listed(write(frames))

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gsgmodel.archive.reading.os.open", refuse)
    video = prepare(reference)
    assert (video.status, video.error_text) == (Status.DENIED, "Permission denied")


def test_a_store_that_fails_while_a_video_is_read_is_unavailable(prepare, write, frames, monkeypatch):
    reference = listed(write(frames))

    def fail(*_args, **_kwargs):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("gsgmodel.archive.reading.os.preadv", fail)
    assert prepare(reference).status == Status.UNAVAILABLE


def test_a_file_that_is_replaced_while_it_is_read_is_changed(prepare, write, frames, monkeypatch):
    path = write(frames)
    add = ClipMaker.add

    def add_and_touch(self, *args):
        os.utime(path, ns=(0, 12345))
        add(self, *args)

    monkeypatch.setattr(ClipMaker, "add", add_and_touch)
    video = prepare(path)
    assert (video.status, video.clips) == (Status.CHANGED, [])
    assert video.bytes_read > 0


def test_what_stops_decoding_because_it_was_replaced_is_changed_and_not_unreadable(prepare, write, frames):
    path = write(frames)

    def overwrite_and_open(*args, **kwargs):
        path.write_bytes(b"x" * path.stat().st_size)
        os.utime(path, ns=(0, 12345))
        return open_video(*args, **kwargs)

    assert prepare(path, opener=overwrite_and_open).status == Status.CHANGED


def test_a_bug_is_not_blamed_on_the_video(prepare, write, frames, monkeypatch):
    def fail(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr(ClipMaker, "add", fail)
    path = write(frames)
    with pytest.raises(ZeroDivisionError):
        prepare(path)
