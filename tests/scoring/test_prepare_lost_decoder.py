"""A decoder that dies, hangs or runs out of memory: another try, then a row that says how."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gsgmodel.archive.listing import list_archive
from gsgmodel.archive.reading import open_object
from gsgmodel.datasets.made import FPS, make_frames
from gsgmodel.datasets.portraits import load_portrait
from gsgmodel.errors import Status
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.records import Preparation
from gsgmodel.scoring.prepare import VideoPreparer
from gsgmodel.video.reader import open_video
from gsgmodel.video.sandbox import DecoderLostError, Sandbox
from gsgmodel.video.write import Encoding, write_video

SIZE_PX = 160
QUICK = Preparation(frames_per_clip=4, detect_long_side_px=160, crop_size_px=64)


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


@pytest.fixture(scope="module")
def detector():
    return FaceDetector.of(replace(QUICK, detect_every=1))


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


class Losing:
    """Opens videos, but loses the decoder the first times."""

    def __init__(self, num_lost, *, stage="decoding"):
        self.left, self.stage = num_lost, stage

    def __call__(self, source, /, **how):
        self.left -= 1
        if self.left >= 0 and self.stage == "opening":
            raise DecoderLostError("it died", status=Status.CRASHED, stage="opening", signal_name="SIGSEGV")
        video = open_video(source, **how)
        return Lossy(video) if self.left >= 0 else video


class Lossy:
    def __init__(self, video):
        self._video = video

    def __getattr__(self, name):
        return getattr(self._video, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._video.close()

    def read(self):
        yield next(self._video.read())
        raise DecoderLostError("it hung", status=Status.TIMEOUT, stage="decoding")


@pytest.mark.parametrize("stage", ["opening", "decoding"])
def test_a_lost_decoder_costs_another_try_and_nothing_else(prepare, write, frames, stage):
    path = write(frames)
    once, twice = prepare(path), prepare(path, opener=Losing(1, stage=stage))
    assert (once.attempts, twice.attempts) == (1, 2)
    assert (twice.status, twice.crash_signal, twice.crash_stage) == (None, None, None)
    assert [clip.crops.tobytes() for clip in once.clips] == [clip.crops.tobytes() for clip in twice.clips]
    assert twice.bytes_read > once.bytes_read or stage == "opening"


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ("opening", (Status.CRASHED, "it died", "SIGSEGV", "opening")),
        ("decoding", (Status.TIMEOUT, "it hung", None, "decoding")),
    ],
)
def test_a_decoder_that_is_lost_again_is_a_row_that_says_how(prepare, write, frames, stage, told):
    video = prepare(write(frames), opener=Losing(9, stage=stage))
    assert (video.status, video.error_text, video.crash_signal, video.crash_stage) == told
    assert (video.error_class, video.attempts, video.clips) == ("DecoderLostError", 2, [])


def test_a_video_that_was_replaced_while_its_decoder_was_lost_is_changed(prepare, write, frames):
    path = write(frames)

    def lose(*_args, **_how):
        os.utime(path, ns=(0, 12345))
        raise DecoderLostError("it died", status=Status.CRASHED, stage="opening")

    assert prepare(path, opener=lose).status == Status.CHANGED


def test_prepared_in_a_sandbox_it_is_the_same(prepare, write, frames):
    path = write(frames)
    sandbox = Sandbox()
    here, there = prepare(path), prepare(path, opener=sandbox.open)
    sandbox.close()
    assert [clip.crops.tobytes() for clip in here.clips] == [clip.crops.tobytes() for clip in there.clips]
    assert (here.info, here.bytes_read, here.frames_decoded) == (there.info, there.bytes_read, there.frames_decoded)
