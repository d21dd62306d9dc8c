"""One open video: what is said of it, and what happens when a shortcut leads nowhere."""

import io

import av
import numpy as np
import pytest

from gsgmodel.errors import TooShortError, UnreadableError, UnsupportedError
from gsgmodel.video.reader import open_video
from gsgmodel.video.track import MistrustError

REFRESH = {"x264-params": "intra-refresh=1:bframes=0"}


@pytest.mark.parametrize(
    ("name", "encoding", "container", "codec"),
    [
        ("a.mp4", {}, "mov", "h264"),
        ("a.webm", {"codec": "libvpx-vp9"}, "matroska", "vp9"),
        ("a.mp4", {"codec": "libsvtav1", "options": {"preset": "11"}}, "mov", "av1"),
        ("a.ts", {"codec": "mpeg2video"}, "mpegts", "mpeg2video"),
        ("a.gif", {"codec": "gif", "pixel_format": "rgb8"}, "gif", "gif"),
    ],
)
def test_what_is_said_of_a_video_is_true(make_video, name, encoding, container, codec):
    path = make_video(name, **encoding)
    with path.open("rb") as file, open_video(file) as video:
        info = video.info
    assert (info.container, info.codec, info.decoder) == (container, codec, f"av {av.__version__}")
    assert (info.width_px, info.height_px, info.num_frames) == (128, 96, 60)
    assert info.duration_s == pytest.approx(2.4, abs=0.01)
    assert info.native_fps == pytest.approx(25, abs=0.1)


def test_a_single_frame_is_a_video_unless_it_is_a_gif(make_video):
    path = make_video("a.mp4", num=1)
    with path.open("rb") as file, open_video(file) as video:
        (window,) = video.read()
    assert video.info.native_fps == 0
    assert video.info.duration_s == pytest.approx(0.04)
    assert window.positions == (0,) * 12
    still = make_video("a.gif", num=1, codec="gif", pixel_format="rgb8")
    with still.open("rb") as file, pytest.raises(UnsupportedError, match="a single picture"):
        open_video(file)


def test_a_track_without_frames_is_too_short(make_video):
    fragmented = make_video("a.mp4", container_options={"movflags": "empty_moov+frag_keyframe"}).read_bytes()
    head = fragmented[: fragmented.index(b"moof") - 4]
    with pytest.raises(TooShortError):
        open_video(io.BytesIO(head))


def overwrite(data, *, first, end):
    """Put ones over the packets between two places in the file's order."""
    broken = bytearray(data)
    with av.open(io.BytesIO(data)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    for packet in packets[first:end]:
        broken[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    return io.BytesIO(bytes(broken))


@pytest.mark.parametrize("codec", ["libvpx-vp9", "libx264", "mpeg4"])
def test_packets_of_which_none_decodes_are_unreadable_not_a_video_without_faces(make_video, codec):
    data = make_video("a.mp4", num=8, codec=codec).read_bytes()
    with pytest.raises(UnreadableError, match="no frame of the video decodes"):
        open_video(overwrite(data, first=0, end=8))


def test_a_container_that_claims_frames_and_has_none_is_unreadable(make_video):
    data = make_video("a.flv", num=8).read_bytes()
    with av.open(io.BytesIO(data)) as container:
        first = next(packet.pos for packet in container.demux(video=0))
    with pytest.raises(UnreadableError, match="no frame of the video can be found"):
        open_video(io.BytesIO(data[:first] + bytes(len(data) - first)))


def watch_fallback(video, monkeypatch):
    used = []
    original = video._session._listed

    def listed(*, restarts):
        used.append(restarts)
        return original(restarts=restarts)

    monkeypatch.setattr(video._session, "_listed", listed)
    return used


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_keys_from_which_pictures_only_recover_slowly_make_decoding_start_over(
    make_video, decode_everything, monkeypatch, name
):
    path = make_video(name, gop=15, options=REFRESH)
    everything = decode_everything(path)
    with path.open("rb") as file, open_video(file) as video:
        used = watch_fallback(video, monkeypatch)
        (window,) = video.read()
    assert used == [False]
    assert window.frames_missing == 0
    for rank, picture in zip(video.windows[0].targets, window.frames, strict=True):
        np.testing.assert_array_equal(picture, everything[rank])


def test_frames_that_came_out_before_the_shortcut_failed_come_only_once(make_video, monkeypatch):
    path = make_video("a.mp4", gop=6)
    with path.open("rb") as file, open_video(file, window_s=0.5) as video:
        original = video._session.track.spans

        def failing(ranks):
            for i, span in enumerate(original(ranks)):
                if i == 3:
                    raise MistrustError("no")
                yield span

        monkeypatch.setattr(video._session.track, "spans", failing)
        used = watch_fallback(video, monkeypatch)
        windows = list(video.read())
    assert used == [False]
    assert [len(window.frames) for window in windows] == [len(window.targets) for window in video.windows]
    assert video.frames_missing == 0


def test_a_plain_file_needs_no_second_start(make_video, monkeypatch):
    path = make_video("a.mp4", gop=6)
    with path.open("rb") as file, open_video(file) as video:
        used = watch_fallback(video, monkeypatch)
        list(video.read())
    assert used == []
