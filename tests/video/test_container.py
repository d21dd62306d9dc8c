"""What may be opened, what is chosen, and whose fault an error is."""

import io
import socket
import threading
from contextlib import ExitStack
from fractions import Fraction

import av
import numpy as np
import pytest

from gsgmodel.errors import (
    ChangedError,
    DecodeTimeoutError,
    MissingError,
    TooLargeError,
    UnavailableError,
    UnreadableError,
    UnsupportedError,
    VideoError,
)
from gsgmodel.video.container import DECODERS, blaming, choose_stream, open_container
from gsgmodel.video.limits import DecodeClock, DecodeLimits
from gsgmodel.video.reader import open_video
from gsgmodel.video.source import CountedSource


@pytest.fixture
def open_bytes():
    with ExitStack() as stack:

        def enter(data):
            source = CountedSource(io.BytesIO(data), clock=DecodeClock(max_s=1e9), max_bytes=10**9)
            return stack.enter_context(open_container(source, max_pixels=10**8))

        yield enter


@pytest.fixture
def listener():
    """A port on loopback, and what connected to it."""
    hits = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        stop = threading.Event()

        def accept():
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                hits.append(connection.getpeername())
                connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], hits
        stop.set()
        thread.join()


class Named(io.BytesIO):
    """A file object whose name FFmpeg would resolve relative paths by."""

    name = "playlist.m3u8"


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
    "hls key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n',
    "concat": "ffconcat version 1.0\nfile '{file}'\n",
    "concat url": "ffconcat version 1.0\nfile '{url}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{url}</BaseURL></MPD>',
    "asx": '<asx version="3.0"><entry><ref href="{url}"/></entry></asx>',
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("wrapper", [io.BytesIO, Named])
def test_a_text_that_names_other_files_is_refused_without_looking_at_them(
    make_video, listener, monkeypatch, kind, wrapper
):
    port, hits = listener
    sibling = make_video("sibling.mp4", num=3)
    monkeypatch.chdir(sibling.parent)
    text = PLAYLISTS[kind].format(url=f"http://127.0.0.1:{port}/a.ts", file=sibling.name, port=port)
    with pytest.raises((UnsupportedError, UnreadableError)):
        open_video(wrapper(text.encode()))
    assert hits == []


def test_the_same_script_would_decode_a_neighbour_if_it_were_allowed(make_video, monkeypatch):
    sibling = make_video("sibling.mp4", num=3)
    monkeypatch.chdir(sibling.parent)
    script = io.BytesIO(PLAYLISTS["concat"].format(file=sibling.name).encode())
    with av.open(script) as container:
        assert next(container.decode(video=0)).width == 128


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", bytes(5000)]
)
def test_bytes_that_are_no_video_are_unreadable_or_unsupported(data):
    with pytest.raises((UnreadableError, UnsupportedError)):
        open_video(io.BytesIO(data))


def encode_picture(codec, pixel_format):
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = 64, 48, pixel_format
    context.time_base = Fraction(1, 25)
    frame = av.VideoFrame(64, 48, pixel_format)
    return bytes(context.encode(frame)[0])


def test_a_photograph_named_like_a_video_is_not_one():
    with pytest.raises(UnsupportedError, match="not in a container"):
        open_video(io.BytesIO(encode_picture("mjpeg", "yuvj420p")))


def audio_file(*, cover):
    """An M4A file, with or without a picture on its cover."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=44100)
        art = container.add_stream("png", rate=1) if cover else None
        if art:
            art.width, art.height, art.pix_fmt = 64, 48, "rgb24"
            art.disposition = av.stream.Disposition.attached_pic
            container.mux(art.encode(av.VideoFrame(64, 48, "rgb24")))
        for i in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), dtype=np.float32), format="fltp", layout="stereo")
            frame.rate, frame.pts = 44100, i * 1024
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return target.getvalue()


@pytest.mark.parametrize(("cover", "said"), [(False, "no video stream"), (True, "only a still picture")])
def test_sound_is_not_a_video_even_with_a_cover(cover, said):
    with pytest.raises(UnsupportedError, match=said):
        open_video(io.BytesIO(audio_file(cover=cover)))


def test_a_codec_that_is_not_allowed_is_named(make_video):
    path = make_video("a.mov", codec="png", pixel_format="rgb24", num=2)
    with path.open("rb") as file, pytest.raises(UnsupportedError, match="codec png"):
        open_video(file)


def test_decoders_that_are_allowed_exist_and_none_does_more_than_decode_video():
    for name in DECODERS:
        codec = av.Codec(name, "r")
        assert (codec.name, codec.type) == (name, "video")


@pytest.mark.parametrize("default", [0, 1])
def test_of_two_moving_tracks_the_default_one_is_taken(open_bytes, default):
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, width in zip(streams, (64, 320), strict=True):
            stream.width, stream.height, stream.pix_fmt = width, width, "yuv420p"
            stream.disposition = av.stream.Disposition.default if stream is streams[default] else 0
        for _ in range(10):
            for stream, width in zip(streams, (64, 320), strict=True):
                container.mux(stream.encode(av.VideoFrame(width, width, "yuv420p")))
        for stream in streams:
            container.mux(stream.encode(None))
    assert choose_stream(open_bytes(target.getvalue())).width == (64, 320)[default]


def test_a_picture_over_the_limit_is_too_large_before_any_is_decoded(make_video):
    path = make_video("a.mp4")
    limits = DecodeLimits(max_pixels=128 * 96 - 1)
    with path.open("rb") as file, pytest.raises(TooLargeError, match="128 x 96"):
        open_video(file, limits=limits)
    with path.open("rb") as file, open_video(file, limits=DecodeLimits(max_pixels=128 * 96)) as video:
        assert len(list(video.read())) == 1


class Broken(io.BytesIO):
    """A file that fails from some byte on, with what it is told to raise."""

    def __init__(self, data, *, after, error):
        super().__init__(data)
        self.after, self.error = after, error

    def read(self, size=-1, /):
        if self.tell() >= self.after:
            raise self.error
        return super().read(size)


ERRORS = [ChangedError("replaced"), MissingError("gone"), UnavailableError("down"), OSError(5, "disk"), KeyError("bug")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_what_the_source_raises_is_never_blamed_on_the_video(make_video, error, share, name):
    data = make_video(name, gop=10, height=192, width=256).read_bytes()
    source = Broken(data, after=int(share * len(data)), error=error)
    with pytest.raises(type(error)) as raised, open_video(source) as video:
        list(video.read())
    assert raised.value is error


def test_a_file_that_hangs_in_time_is_a_timeout(make_video):
    path = make_video("a.mp4")
    with path.open("rb") as file, pytest.raises(DecodeTimeoutError):
        open_video(file, limits=DecodeLimits(max_decode_s=-1))


def test_a_memory_error_is_the_files_fault_unless_the_source_raised_it():
    quiet = CountedSource(io.BytesIO(b"abc"), clock=DecodeClock(max_s=1e9), max_bytes=10)
    with pytest.raises(TooLargeError, match="opening: it asks for more memory"), blaming(quiet, "opening"):
        raise MemoryError
    failing = CountedSource(Broken(b"abc", after=0, error=MemoryError()), clock=DecodeClock(max_s=1e9), max_bytes=10)
    with pytest.raises(MemoryError), blaming(failing, "opening"):
        failing.read(1)


def test_messages_are_one_sentence_without_paths(make_video):
    data = make_video("a.mp4").read_bytes()
    said = []
    for broken in (data[:100], b"x" * 3000, data.replace(b"moov", b"xoov")):
        with pytest.raises(VideoError) as raised:
            open_video(io.BytesIO(broken))
        said.append(str(raised.value))
    assert all(text and "\n" not in text and "/" not in text and "<" not in text for text in said)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_container_is_closed_and_the_file_is_not(make_video, share):
    data = make_video("a.mp4").read_bytes()
    file = io.BytesIO(data[: max(int(share * len(data)), 10)])
    try:
        with open_video(file) as video:
            container = video._session._opened.container
            list(video.read())
    except VideoError:
        container = None
    assert not file.closed
    if container is not None:
        with pytest.raises(AssertionError):
            container.seek(0)
