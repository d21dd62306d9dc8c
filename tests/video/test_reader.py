"""The front door."""

import gc
import io

import av
import numpy as np
import pytest

from gsgmodel.errors import DecodeTimeoutError, TooLargeError, UnreadableError, VideoError
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.opened import OpenedVideo
from gsgmodel.video.pictures import COPY_PX
from gsgmodel.video.reader import VideoReader, open_video
from gsgmodel.video.session import Session


def test_windows_come_one_at_a_time_with_their_frames(make_video, read_number):
    path = make_video("a.mp4", gop=12)
    with path.open("rb") as file, open_video(file, frames_per_clip=4, window_s=1.0, max_clips=32) as video:
        iterator = video.read()
        first = next(iterator)
        assert video.frames_decoded == 4
        rest = list(iterator)
    windows = [first, *rest]
    assert not video.is_widened
    assert [window.start_s for window in windows] == pytest.approx([0, 0.8, 1.6])
    assert [window.end_s for window in windows] == pytest.approx([0.8, 1.6, 2.4])
    numbers = [[read_number(picture) for picture in window.frames] for window in windows]
    assert numbers == [[2, 7, 12, 17], [22, 27, 32, 37], [42, 47, 52, 57]]
    for window, shown in zip(windows, numbers, strict=True):
        np.testing.assert_allclose(window.time_s, np.array(shown) / 25)
        assert window.positions == (0, 1, 2, 3)
        assert window.frames_missing == 0
    assert (video.frames_decoded, video.frames_missing) == (12, 0)


def test_where_the_cap_bites_windows_cover_the_whole_video_and_it_is_said(make_video):
    path = make_video("a.mp4", gop=12)
    with path.open("rb") as file, open_video(file, window_s=0.5, max_clips=2) as video:
        windows = list(video.read())
    assert video.is_widened
    assert [window.end_s for window in windows] == pytest.approx([1.2, 2.4])


def test_fewer_frames_than_a_clip_needs_are_repeated_not_decoded_twice(make_video, read_number):
    path = make_video("a.mp4", num=5)
    with path.open("rb") as file, open_video(file) as video:
        (window,) = video.read()
    assert [read_number(picture) for picture in window.frames] == [0, 1, 2, 3, 4]
    assert window.positions == (0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4)
    assert video.frames_decoded == 5


def damaged(make_video, *, share):
    """Zeros over the last part of the only group of pictures."""
    data = bytearray(make_video("a.mkv", gop=60, crf=8, height=192, width=256).read_bytes())
    start = int((1 - share) * len(data))
    data[start : len(data) - 200] = bytes(len(data) - 200 - start)
    return io.BytesIO(bytes(data))


def test_pictures_are_rgb_bytes_that_can_be_pickled_and_written(make_video):
    path = make_video("a.mp4", num=2)
    with path.open("rb") as file, open_video(file) as video:
        (window,) = video.read()
    for picture in window.frames:
        assert picture.dtype == np.uint8
        assert picture.flags.c_contiguous
        picture[:] = 0
    assert window.time_s.dtype == np.float64


def test_frames_behind_a_broken_packet_are_missing_and_the_nearest_sound_one_stands_in(make_video):
    data = bytearray(make_video("a.mp4", gop=60, options={"x264-params": "bframes=0"}).read_bytes())
    with open_video(io.BytesIO(bytes(data)), frames_per_clip=60) as video:
        (span,) = video._session.track.spans(tuple(range(60)))
        broken = list(span.packets)[50]
        sound = next(video.read()).frames
    data[broken.pos : broken.pos + broken.size] = b"\xff" * broken.size
    with open_video(io.BytesIO(bytes(data)), frames_per_clip=60) as video:
        (window,) = video.read()
    assert window.frames_missing == video.frames_missing == 10
    assert window.positions == (*range(50), *([49] * 10))
    for found, expected in zip(window.frames, sound, strict=False):
        np.testing.assert_array_equal(found, expected)


def test_less_than_two_thirds_is_unreadable_and_two_thirds_is_enough(make_video):
    path = make_video("a.mp4", num=12)
    with path.open("rb") as file, open_video(file) as video:
        list(video.read())
        video.frames_decoded, video.frames_missing = 8, 4
        video.check_coverage()
        video.frames_decoded, video.frames_missing = 7, 5
        with pytest.raises(UnreadableError, match="only 7 of 12"):
            video.check_coverage()
        video.frames_decoded, video.frames_missing = 0, 0
        with pytest.raises(UnreadableError):
            video.check_coverage()


def test_a_window_that_does_not_fit_in_memory_is_too_large(make_video):
    path = make_video("a.mp4")
    needed = 12 * 128 * 96 * 3
    with path.open("rb") as file, pytest.raises(TooLargeError, match=str(needed)):
        open_video(file, limits=DecodeLimits(max_window_bytes=needed - 1))
    with path.open("rb") as file, open_video(file, limits=DecodeLimits(max_window_bytes=needed)) as video:
        assert len(list(video.read())) == 1


def test_time_is_counted_while_reading_and_not_between_windows(make_video, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("gsgmodel.video.limits.time.monotonic", lambda: now[0])
    path = make_video("a.mp4", gop=6)
    with path.open("rb") as file, open_video(file, window_s=0.5, limits=DecodeLimits(max_decode_s=10)) as video:
        iterator = video.read()
        for _ in range(2):
            next(iterator)
            now[0] += 1000
        original = video._session._painter.paint

        def slow(frame):
            now[0] += 6
            return original(frame)

        monkeypatch.setattr(video._session._painter, "paint", slow)
        with pytest.raises(DecodeTimeoutError):
            list(iterator)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("a.mp4", {"gop": 12, "rotation_deg": 90}),
        ("a.mp4", {"gop": 15, "options": {"x264-params": "intra-refresh=1:bframes=0"}}),
        ("a.ts", {"gop": 12}),
    ],
)
def test_nothing_of_a_video_waits_for_the_garbage_collector(make_video, name, encoding):
    path = make_video(name, **encoding)
    gc.collect()
    before = {id(each) for each in gc.get_objects()}
    gc.disable()
    try:
        with path.open("rb") as file, open_video(file) as video:
            list(video.read())
        del video
        left = [each for each in gc.get_objects() if isinstance(each, HEAVY) and id(each) not in before]
    finally:
        gc.enable()
    # Of the first frame a tiny copy may wait.
    assert [each for each in left if not (isinstance(each, av.VideoFrame) and each.width == COPY_PX)] == []


HEAVY = (av.VideoFrame, av.container.InputContainer, av.CodecContext, av.Packet, Session, OpenedVideo, VideoReader)


def test_the_same_file_gives_the_same_pictures_twice(make_video):
    path = make_video("a.mkv", gop=12, codec="mpeg4", options={"bf": "2"})
    runs = []
    for _ in range(2):
        with path.open("rb") as file, open_video(file) as video:
            runs.append(next(video.read()).frames)
    for one, two in zip(*runs, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_zeros_over_the_end_never_invent_pictures(make_video, share):
    file = damaged(make_video, share=share)
    try:
        with open_video(file) as video:
            windows = list(video.read())
    except UnreadableError:
        return
    assert video.frames_decoded == sum(len(window.frames) for window in windows)
    assert all(picture.std() > 10 for window in windows for picture in window.frames)


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi", "a.flv"])
def test_any_damage_ends_as_a_video_or_as_a_named_error(make_video, name, seed):
    rng = np.random.default_rng(seed)
    data = np.frombuffer(make_video(name, num=24, gop=8).read_bytes(), dtype=np.uint8).copy()
    at = rng.integers(0, len(data), size=1 + 8 * (seed % 3))
    data[at] ^= (1 << rng.integers(0, 8, size=len(at))).astype(np.uint8)
    if seed % 4 == 0:
        data = data[: rng.integers(1, len(data))]
    try:
        with open_video(io.BytesIO(data.tobytes()), window_s=0.5) as video:
            windows = list(video.read())
    except VideoError:
        return
    assert 3 * video.frames_decoded >= 2 * (video.frames_decoded + video.frames_missing)
    assert len({picture.shape for window in windows for picture in window.frames}) == 1
    assert all(len(window.positions) == 12 for window in windows)
