"""A child that a video has taken over: whatever it answers, its parent takes it for what it is."""

import io
import mmap
import threading
from contextlib import suppress

import pytest

from gsgmodel.errors import Status, UnreadableError
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.process import Child
from gsgmodel.video.sandbox import DecoderLostError, Sandbox, SandboxedReader
from gsgmodel.video.wire import ClosedError, Wire, connected_pair

HOW = {"frames_per_clip": 6, "window_s": 1.0, "max_clips": 8}
SMALL = DecodeLimits(max_window_bytes=64 << 20)


class Impostor(Child):
    """No process at all."""

    signal_name = ""
    end_text = "exit code 1"

    def __init__(self):
        """Start nothing."""

    def allow_cpu(self, more_s):
        """Bound nothing."""

    def wait(self, timeout_s):
        """Wait for nothing."""

    def shrink(self):
        """Give nothing back."""


class Owner(Sandbox):
    """Closes the connection in place of ending a process."""

    ends = None

    def discard(self):
        if self.ends:
            self.ends.close()


@pytest.fixture
def impostor():
    """Opens a video with a child that answers as it likes."""

    def open_with(answers, *, size_bytes=100):
        here, there = connected_pair()

        def answer():
            wire = Wire(there.fileno())
            with there, suppress(ClosedError):
                for each in answers:
                    wire.receive(timeout_s=5)
                    wire.send(each)
                wire.receive(timeout_s=5)

        threading.Thread(target=answer, daemon=True).start()
        child = Impostor()
        child.wire, child.shared, child.num_videos = Wire(here.fileno()), mmap.mmap(-1, 1 << 21), 0
        owner = Owner(limits=SMALL)
        owner.ends = here
        return SandboxedReader(owner, child, io.BytesIO(bytes(size_bytes)), asked=dict(HOW), limits=SMALL)

    return open_with


INFO = {
    "container": "mov",
    "codec": "h264",
    "decoder": "av 1",
    "width_px": 8,
    "height_px": 4,
    "duration_s": 2.0,
    "native_fps": 25.0,
    "num_frames": 50,
}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"opened": None},
        {"opened": {"info": INFO | {"width_px": -1}}},
        {"failed": "ConfigError", "text": "no"},
        {"failed": ["UnreadableError"]},
        {"read": [0, 101]},
        {"read": [-1, 10]},
        {"read": "everything"},
        {"read": [0, 1 << 30]},
        {"expect": None},
        {"expect": [[0, 101]]},
        {"expect": [[20, 10]]},
        {"window": {}},
    ],
    ids=str,
)
def test_an_answer_that_no_decoder_gives_is_a_crash(impostor, answer):
    with pytest.raises(DecoderLostError, match="no decoder gives") as raised:
        impostor([answer])
    assert raised.value.status == Status.CRASHED


def test_a_window_that_no_decoder_gives_is_a_crash(impostor):
    with (
        impostor([{"opened": {"info": INFO}}, {"window": {"shape": [1, 1, 3]}}]) as video,
        pytest.raises(DecoderLostError, match="no decoder gives while decoding"),
    ):
        list(video.read())


def test_words_of_a_child_are_short_and_printable(impostor):
    with pytest.raises(UnreadableError) as raised:
        impostor([{"failed": "UnreadableError", "text": "a\x1b[31m\n" + "b" * 10_000}])
    assert str(raised.value).startswith("a[31mb")
    assert len(str(raised.value)) <= 500


def test_a_child_that_says_that_it_failed_has_crashed(impostor):
    with pytest.raises(DecoderLostError, match=r"failed \(ImportError: no\) while opening"):
        impostor([{"failed": "crashed", "text": "ImportError: no"}])
