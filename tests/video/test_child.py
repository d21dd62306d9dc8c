"""The process that decodes, its side of the conversation."""

import io
import mmap
import subprocess
import sys
import threading
from contextlib import suppress

import numpy as np
import pytest

from gsgmodel.video import child as module
from gsgmodel.video.child import IO_BYTES, BrokeredFile, holder, serve
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.wire import ClosedError, Wire, connected_pair

ASKED = {"frames_per_clip": 4, "window_s": 60.0, "max_clips": 2}


@pytest.fixture
def talk():
    """Runs the child's loop in a thread, and answers its reads; what it says beside that."""
    here, there = connected_pair()
    shared = mmap.mmap(-1, IO_BYTES + (16 << 20))

    def run():
        with suppress(ClosedError):
            serve(Wire(there.fileno()), shared, limits=DecodeLimits())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    wire = Wire(here.fileno())

    def ask(message, data=b""):
        wire.send(message)
        while (answer := wire.receive(timeout_s=20)).keys() & {"read", "expect"}:
            if "expect" in answer:
                continue
            offset, size = answer["read"]
            part = data[offset : offset + size]
            shared[: len(part)] = part
            wire.send({"count": len(part)})
        return answer

    yield ask, shared
    here.close()
    there.shutdown(2)
    thread.join(5)
    there.close()


def test_a_video_is_opened_read_window_by_window_and_ended(make_video, talk, read_number):
    ask, shared = talk
    data = make_video("a.mp4", gop=12).read_bytes()
    for _ in range(2):
        opened = ask({"open": ASKED | {"size_bytes": len(data)}}, data)["opened"]
        assert (opened["info"]["width_px"], opened["info"]["num_frames"], opened["is_widened"]) == (128, 60, False)
        window = ask({"next": True}, data)["window"]
        assert (window["shape"], window["positions"]) == ([96, 128, 3], [0, 1, 2, 3])
        size = 96 * 128 * 3
        frames = np.frombuffer(shared[IO_BYTES : IO_BYTES + 4 * size], np.uint8).reshape(4, 96, 128, 3)
        assert [read_number(frame) for frame in frames] == [7, 22, 37, 52]
        assert ask({"next": True}, data) == {"end": True}


def test_what_goes_wrong_with_a_video_is_told_and_the_next_is_read(make_video, talk):
    ask, _ = talk
    failed = ask({"open": ASKED | {"size_bytes": 3000}}, b"x" * 3000)
    assert failed["failed"] in {"UnsupportedError", "UnreadableError"}
    assert failed["text"]
    data = make_video("a.mp4", gop=12).read_bytes()
    assert "opened" in ask({"open": ASKED | {"size_bytes": len(data)}}, data)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), {"failed": "out of memory", "text": ""}),
        (ImportError("no wave"), {"failed": "crashed", "text": "ImportError: no wave"}),
    ],
)
def test_what_is_no_fault_of_the_video_is_told_too(talk, monkeypatch, error, told):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(module, "VideoReader", fail)
    ask, _ = talk
    assert ask({"open": ASKED | {"size_bytes": 4}}, b"text") == told


def test_bytes_are_asked_for_in_ranges_of_the_file():
    here, there = connected_pair()
    shared = mmap.mmap(-1, IO_BYTES)
    data = bytes(range(100))
    asked = []

    def answer():
        wire = Wire(there.fileno())
        for _ in range(3):
            offset, size = wire.receive()["read"]
            asked.append((offset, size))
            shared[:size] = data[offset : offset + size]
            wire.send({"count": size})

    thread = threading.Thread(target=answer)
    thread.start()
    file = BrokeredFile(Wire(here.fileno()), shared, 100)
    assert file.read(10) == data[:10]
    assert file.seek(-5, io.SEEK_END) == 95
    assert file.read(50) == data[95:]
    assert file.read(50) == b""
    assert file.seek(0) == 0
    assert file.read() == data
    thread.join()
    file.expect([(0, 5), (7, 100)])
    assert Wire(there.fileno()).receive() == {"expect": [[0, 5], [7, 100]]}
    here.close()
    there.close()
    assert asked == [(0, 10), (95, 5), (0, 100)]


def test_frames_are_put_one_after_the_other():
    shared = mmap.mmap(-1, IO_BYTES + 24)
    hold = holder(shared)
    kept = [hold(place, np.full((2, 2, 3), place + 1, np.uint8)) for place in (0, 1)]
    assert shared[IO_BYTES:] == bytes([1] * 12 + [2] * 12)
    assert [frame.shape for frame in kept] == [(2, 2, 3)] * 2


LAZY = """
import sys, io
from gsgmodel.video import child
from gsgmodel.video.reader import open_video
from gsgmodel.errors import VideoError
child.warm_up()
before = set(sys.modules)
for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file, open_video(file, window_s=0.5) as video:
            list(video.read())
    except VideoError:
        pass
print(sorted(set(sys.modules) - before))
"""


def test_nothing_is_loaded_once_the_files_are_gone(make_video, tmp_path):
    paths = [make_video(name, num=30, gop=8) for name in ("a.mp4", "a.mkv", "a.ts", "a.avi", "a.flv")]
    paths += [make_video("a.gif", num=8, codec="gif", pixel_format="rgb8"), make_video("a.webm", codec="libvpx-vp9")]
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(paths[0].read_bytes()[:3000])
    command = [sys.executable, "-c", LAZY, *map(str, paths), str(broken)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_decoding_needs_nothing_of_the_rest():
    code = "import sys, gsgmodel.video.child; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "ray", "mlflow", "pyarrow", "deltalake", "botocore", "s3fs", "duckdb", "PIL"}
    assert not heavy & {name.split(".")[0] for name in said.stdout.split()}
