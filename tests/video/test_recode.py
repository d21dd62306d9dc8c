"""Videos encoded again."""

import io

import numpy as np
import pytest

from gsgmodel.errors import UnreadableError
from gsgmodel.video.reader import open_video
from gsgmodel.video.recode import recode_video
from gsgmodel.video.write import Encoding, write_video


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "a.mp4"
    rng = np.random.default_rng(0)
    still = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    write_video(path, [np.roll(still, 4 * shift, axis=1) for shift in range(30)], fps=30, encoding=Encoding(crf=10))
    return path


def read(path, num=10):
    with path.open("rb") as source, open_video(source, frames_per_clip=num, window_s=60.0, max_clips=1) as reader:
        window = next(iter(reader.read()))
        return reader.info, np.stack([window.frames[place] for place in window.positions]).astype(float)


def recode(source, target, **wanted):
    with source.open("rb") as file:
        return recode_video(file, target, **wanted)


def test_every_frame_is_there_at_its_time_and_worse_the_harder_it_is_encoded(video, tmp_path):
    info, before = read(video)
    errors = []
    for crf in (10, 45):
        assert recode(video, tmp_path / f"{crf}.mp4", crf=crf) == 30
        after_info, after = read(tmp_path / f"{crf}.mp4")
        assert after_info.num_frames == info.num_frames
        assert after_info.duration_s == pytest.approx(info.duration_s, abs=0.05)
        errors.append(np.abs(after - before).mean())
    assert errors[0] < 0.6 * errors[1]


def test_a_slower_video_has_fewer_frames_over_the_same_time(video, tmp_path):
    assert recode(video, tmp_path / "slow.mp4", crf=10, most_fps=10) == 10
    info, _ = read(tmp_path / "slow.mp4")
    assert info.num_frames == 10
    assert info.duration_s == pytest.approx(1.0, abs=0.12)
    assert recode(video, tmp_path / "same.mp4", crf=10, most_fps=60) == 30


def test_a_turned_video_is_upright_afterwards(tmp_path):
    frames = [np.full((48, 96, 3), 30 + index, np.uint8) for index in range(6)]
    write_video(tmp_path / "turned.mp4", frames, fps=10, encoding=Encoding(rotation_deg=90))
    before, _ = read(tmp_path / "turned.mp4", num=2)
    recode(tmp_path / "turned.mp4", tmp_path / "upright.mp4", crf=20)
    after, _ = read(tmp_path / "upright.mp4", num=2)
    assert (after.width_px, after.height_px) == (before.width_px, before.height_px) == (48, 96)


@pytest.mark.parametrize("content", [b"", b"no video at all" * 40])
def test_what_is_no_video_is_unreadable(content, tmp_path):
    with pytest.raises(UnreadableError, match="it cannot be encoded again"):
        recode_video(io.BytesIO(content), tmp_path / "out.mp4", crf=20)
