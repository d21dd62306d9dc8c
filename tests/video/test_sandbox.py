"""Decoding in a process of its own: the same pictures, and no video that hurts more than itself."""

import io
import os
import signal
import subprocess

import numpy as np
import psutil
import pytest

from gsgmodel.errors import ChangedError, Status, TooLargeError, UnavailableError, UnreadableError, UnsupportedError
from gsgmodel.video import sandbox as sandbox_module
from gsgmodel.video.confine import FULL
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.process import SandboxError
from gsgmodel.video.reader import Opener, WindowReader, open_video
from gsgmodel.video.sandbox import START_ATTEMPTS, DecoderLostError, Sandbox

HOW = {"frames_per_clip": 6, "window_s": 1.0, "max_clips": 8}
SMALL = DecodeLimits(max_window_bytes=64 << 20)


@pytest.fixture(scope="module")
def sandbox():
    box = Sandbox(limits=SMALL)
    yield box
    box.close()


@pytest.fixture
def data(make_video):
    return make_video("a.mp4", gop=12, height=192, width=256).read_bytes()


def pid_of(box: Sandbox) -> int:
    return box._child._process.pid


class Trap(io.BytesIO):
    """Does something once so many bytes were read."""

    def __init__(self, data, do, *, after=0):
        super().__init__(data)
        self._do, self._left = do, after

    def read(self, size=-1, /):
        self._left -= size
        if self._left < 0:
            self._do()
        return super().read(size)


def read_all(opener, source):
    with opener(source, **HOW) as video:
        windows = [
            (window.time_s.tolist(), window.positions, *(frame.tobytes() for frame in window.frames))
            for window in video.read()
        ]
        return windows, video.info, video.is_widened, video.frames_decoded, video.frames_missing


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi", "a.flv", "a.gif"])
def test_the_pictures_are_those_of_decoding_in_this_process(make_video, sandbox, name):
    encoding = {"codec": "gif", "pixel_format": "rgb8"} if name.endswith("gif") else {"gop": 12}
    data = make_video(name, num=80, **encoding).read_bytes()
    assert read_all(sandbox.open, io.BytesIO(data)) == read_all(open_video, io.BytesIO(data))


class Expecting(io.BytesIO):
    """Notes what it is told to expect."""

    expected = ()

    def expect(self, ranges):
        self.expected = ranges


def test_the_source_hears_what_the_child_will_read(sandbox, data):
    here, there = Expecting(data), Expecting(data)
    assert read_all(sandbox.open, there) == read_all(open_video, here)
    assert there.expected == here.expected
    assert there.expected


def test_both_ways_to_open_a_video_look_alike(sandbox, data):
    assert isinstance(sandbox.open, Opener)
    assert isinstance(open_video, Opener)
    with sandbox.open(io.BytesIO(data), **HOW) as video:
        assert isinstance(video, WindowReader)


def test_a_child_reads_one_video_after_the_other_and_its_time_is_counted(sandbox, data):
    read_all(sandbox.open, io.BytesIO(data))
    first, spent_s = pid_of(sandbox), sandbox.cpu_s
    read_all(sandbox.open, io.BytesIO(data))
    assert pid_of(sandbox) == first
    assert 0 < sandbox.cpu_s - spent_s < 10


def test_a_child_is_replaced_after_so_many_videos(sandbox, data, monkeypatch):
    monkeypatch.setattr("gsgmodel.video.sandbox.MAX_VIDEOS", 0)
    read_all(sandbox.open, io.BytesIO(data))
    first, spent_s = pid_of(sandbox), sandbox.cpu_s
    read_all(sandbox.open, io.BytesIO(data))
    assert pid_of(sandbox) != first
    assert sandbox.cpu_s > spent_s


@pytest.mark.parametrize("content", [b"", b"text" * 300, b"\0" * 5000])
def test_what_is_no_video_is_told_as_in_this_process_and_gets_no_successor(sandbox, content, data):
    def told(opener):
        with pytest.raises((UnsupportedError, UnreadableError)) as raised:
            read_all(opener, io.BytesIO(content))
        return type(raised.value), str(raised.value)

    read_all(sandbox.open, io.BytesIO(data))
    before = pid_of(sandbox)
    assert told(sandbox.open) == told(open_video)
    read_all(sandbox.open, io.BytesIO(data))
    assert pid_of(sandbox) != before


@pytest.mark.parametrize("after", [0, 20_000])
@pytest.mark.parametrize("error", [UnavailableError("down"), ChangedError("replaced"), OSError(5), KeyboardInterrupt()])
def test_what_the_source_raises_goes_through_unchanged(sandbox, data, error, after):
    def fail():
        raise error

    with pytest.raises(type(error)) as raised:
        read_all(sandbox.open, Trap(data, fail, after=after))
    assert raised.value is error
    assert read_all(sandbox.open, io.BytesIO(data)) == read_all(open_video, io.BytesIO(data))


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL", "SIGBUS", "SIGILL"])
def test_a_decoder_that_dies_takes_nothing_along(sandbox, data, name):
    trap = Trap(data, lambda: os.kill(pid_of(sandbox), signal.Signals[name]))
    with pytest.raises(DecoderLostError, match=rf"the decoder died \({name}\) while opening") as raised:
        read_all(sandbox.open, trap)
    error = raised.value
    assert (error.status, error.stage, error.signal_name) == (Status.CRASHED, "opening", name)
    assert read_all(sandbox.open, io.BytesIO(data)) == read_all(open_video, io.BytesIO(data))


def test_a_decoder_that_dies_between_windows_is_said_to_have_decoded(sandbox, data):
    with sandbox.open(io.BytesIO(data), **HOW) as video:
        windows = video.read()
        next(windows)
        os.kill(pid_of(sandbox), signal.SIGSEGV)
        with pytest.raises(DecoderLostError) as raised:
            next(windows)
    assert raised.value.stage == "decoding"


def test_a_decoder_that_hangs_is_ended(data, monkeypatch):
    monkeypatch.setattr("gsgmodel.video.sandbox.GRACE_S", 0.5)
    box = Sandbox(limits=DecodeLimits(max_window_bytes=64 << 20, max_decode_s=0.5))
    trap = Trap(data, lambda: os.kill(pid_of(box), signal.SIGSTOP))
    with pytest.raises(DecoderLostError, match="did not answer while opening") as raised:
        read_all(box.open, trap)
    assert raised.value.status == Status.TIMEOUT
    assert box._child is None


def test_cpu_time_is_bounded_by_the_kernel_too(data, monkeypatch):
    monkeypatch.setattr("gsgmodel.video.sandbox.GRACE_S", 0.0)
    box = Sandbox(limits=SMALL)
    _ = box.measures
    trap = Trap(data, lambda: os.kill(pid_of(box), signal.SIGXCPU))
    with pytest.raises(DecoderLostError, match="used up its CPU time") as raised:
        read_all(box.open, trap)
    assert raised.value.status == Status.TIMEOUT
    box.close()
    with box.open(io.BytesIO(data), **HOW):
        limits = psutil.Process(pid_of(box)).rlimit(psutil.RLIMIT_CPU)
    assert 600 <= limits[0] <= 603
    box.close()


def test_memory_is_bounded(make_video):
    data = make_video("large.mp4", num=12, height=1088, width=1920, options={"preset": "ultrafast"}).read_bytes()
    box = Sandbox(limits=DecodeLimits(max_memory_bytes=8 << 20))
    with pytest.raises(DecoderLostError, match=f"more than {8 << 20} bytes of memory") as raised:
        read_all(box.open, io.BytesIO(data))
    assert raised.value.status == Status.TOO_LARGE
    box.close()


def test_limits_on_pixels_and_windows_hold_as_in_this_process(data):
    for limits in (DecodeLimits(max_pixels=1000), DecodeLimits(max_window_bytes=100_000)):
        box = Sandbox(limits=limits)
        with pytest.raises(TooLargeError) as raised:
            read_all(box.open, io.BytesIO(data))
        assert not isinstance(raised.value, DecoderLostError)
        box.close()


def test_a_store_that_is_slow_is_unavailable_and_not_the_videos_fault(data):
    box = Sandbox(limits=DecodeLimits(max_window_bytes=64 << 20, max_source_s=0.0))
    with pytest.raises(UnavailableError, match="the store took more than 0 s"):
        read_all(box.open, io.BytesIO(data))
    box.close()


def test_a_reader_that_is_left_early_ends_the_child(sandbox, data):
    with sandbox.open(io.BytesIO(data), **HOW) as video:
        next(video.read())
        before = pid_of(sandbox)
    assert sandbox._child is None
    assert not psutil.pid_exists(before)


def test_frames_outlive_the_child(data):
    box = Sandbox(limits=SMALL)
    with box.open(io.BytesIO(data), **HOW) as video:
        frames = next(video.read()).frames
        copy = [frame.copy() for frame in frames]
    box.close()
    for frame, kept in zip(frames, copy, strict=True):
        np.testing.assert_array_equal(frame, kept)


def test_a_child_has_no_credentials_no_folder_and_no_files(data, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    box = Sandbox(limits=SMALL)
    with box.open(io.BytesIO(data), **HOW):
        child = psutil.Process(pid_of(box))
        environment, open_files, connections = child.environ(), child.open_files(), child.net_connections("inet")
        assert child.cwd() == "/"
    assert not any("AWS" in name for name in environment)
    assert environment.keys() <= {"LANG", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LD_LIBRARY_PATH", "LC_CTYPE"}
    assert [file.path for file in open_files if "gsg-frames" not in file.path] == []
    assert connections == []
    box.close()


def test_children_leave_nothing_open(data):
    process = psutil.Process()
    before = process.num_fds()
    for _ in range(3):
        box = Sandbox(limits=SMALL)
        read_all(box.open, io.BytesIO(data))
        box.close()
    assert process.num_fds() == before
    assert [child for child in process.children() if child.status() == psutil.STATUS_ZOMBIE] == []


def test_where_a_measure_is_missing_it_is_named_if_it_is_required(monkeypatch):
    monkeypatch.setattr("gsgmodel.video.sandbox.FULL", (*FULL, "hardware"))
    with pytest.raises(SandboxError, match=r"--sandbox is require, and .* cannot give hardware"):
        _ = Sandbox(is_required=True, limits=SMALL).measures
    box = Sandbox(limits=SMALL)
    assert set(box.measures) <= set(FULL)
    box.close()


def killed_while_it_starts(monkeypatch, *, times):
    """The next children are killed before they are ready, by whoever wants their memory."""
    started = []
    popen = subprocess.Popen

    def start(*args, **how):
        child = popen(*args, **how)
        started.append(child.pid)
        if len(started) <= times:
            child.kill()
        return child

    monkeypatch.setattr("gsgmodel.video.process.subprocess.Popen", start)
    monkeypatch.setattr(sandbox_module, "START_WAIT_S", 0.0)
    return started


def test_a_child_that_is_killed_while_it_starts_is_started_again(data, monkeypatch):
    started = killed_while_it_starts(monkeypatch, times=START_ATTEMPTS - 1)
    box = Sandbox(limits=SMALL)
    assert read_all(box.open, io.BytesIO(data))
    assert len(started) == START_ATTEMPTS
    box.close()


def test_where_none_can_be_started_that_is_said_in_the_end(monkeypatch):
    started = killed_while_it_starts(monkeypatch, times=99)
    with pytest.raises(SandboxError, match="SIGKILL"):
        _ = Sandbox(limits=SMALL).measures
    assert len(started) == START_ATTEMPTS
