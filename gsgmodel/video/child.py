"""The process that decodes: it opens and reads videos whose bytes its parent hands it, and has nothing else.

Started by ``gsgmodel.video.sandbox``, in a clean environment. Before the first byte of a video it gives up files,
network and other processes; what it needs of Python is loaded by then, for it cannot load anything later.
"""

import io
import json
import mmap
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import av
import numpy as np
from jaxtyping import UInt8

from gsgmodel.errors import VideoError
from gsgmodel.video.confine import confine
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.reader import FrameWindow, VideoReader, open_video
from gsgmodel.video.wire import ClosedError, Wire

IO_BYTES = 1 << 20
"""The start of the shared memory, where the parent puts what is read; the frames of a window follow."""
MAX_TEXT = 500
WARM_PX = 32


class BrokeredFile:
    """The video's bytes: asked of the parent, found in the shared memory.

    Args:
        wire: To the parent.
        shared: The memory.
        size_bytes: Of the video.
    """

    def __init__(self, wire: Wire, shared: mmap.mmap, size_bytes: int) -> None:
        self._wire, self._shared, self._size_bytes = wire, shared, size_bytes
        self._position = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, as the parent finds them."""
        left = self._size_bytes - self._position
        wanted = min(left if size < 0 else size, left, IO_BYTES)
        if wanted <= 0:
            return b""
        self._wire.send({"read": [self._position, wanted]})
        count: int = self._wire.receive()["count"]
        self._position += count
        return self._shared[:count]

    def expect(self, ranges: Sequence[tuple[int, int]], /) -> None:
        """Say which ranges will be read; the parent fetches them, and does not answer."""
        self._wire.send({"expect": ranges})

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move, and return the new position; it is the parent that reads there."""
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        return self._position


def main() -> None:
    """Serve until the parent is gone; arguments: the socket, the memory, its parent, the limits."""
    wire_fd, memory_fd, parent_pid = (int(value) for value in sys.argv[1:4])
    limits = DecodeLimits(**json.loads(sys.argv[4]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wire = Wire(wire_fd)
    shared = mmap.mmap(memory_fd, 0)
    warm_up()
    measures = confine(max_memory_bytes=limits.max_memory_bytes, wire_fd=wire_fd, parent_pid=parent_pid)
    with suppress(ClosedError):
        wire.send({"ready": measures})
        serve(wire, shared, limits=limits)


def serve(wire: Wire, shared: mmap.mmap, *, limits: DecodeLimits) -> None:
    """Answer requests to open a video and to read it, one video after the other.

    Args:
        wire: To the parent.
        shared: Where bytes come and frames go.
        limits: What a video may cost.

    Raises:
        ClosedError: The parent is gone.
    """
    while True:
        asked = wire.receive()["open"]
        file = BrokeredFile(wire, shared, asked.pop("size_bytes"))
        try:
            with VideoReader(file, limits=limits, hold=holder(shared), **asked) as reader:
                wire.send({"opened": {"info": asdict(reader.info), "is_widened": reader.is_widened}})
                wire.receive()
                for window in reader.read():
                    wire.send({"window": described(window)})
                    wire.receive()
            wire.send({"end": True})
        except MemoryError:
            wire.send({"failed": "out of memory", "text": ""})
        except VideoError as error:
            is_memory = isinstance(error.__cause__, MemoryError)
            kind = "out of memory" if is_memory else type(error).__name__
            wire.send({"failed": kind, "text": str(error)[:MAX_TEXT]})
        except ClosedError:
            raise
        except Exception as error:  # noqa: BLE001 - the parent must hear of it: nothing else can be seen from here
            wire.send({"failed": "crashed", "text": f"{type(error).__name__}: {error}"[:MAX_TEXT]})


def holder(shared: mmap.mmap) -> Any:
    """Return what puts a frame at its place in the memory, one after the other from the start of each window."""
    whole = np.frombuffer(shared, np.uint8)[IO_BYTES:]

    def hold(place: int, frame: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H W 3"]:
        kept = whole[place * frame.size : (place + 1) * frame.size].reshape(frame.shape)
        kept[:] = frame
        return kept

    return hold


def described(window: FrameWindow) -> dict[str, Any]:
    """Return what a window is, its frames apart."""
    return {
        "start_s": window.start_s,
        "end_s": window.end_s,
        "time_s": window.time_s.tolist(),
        "shape": window.frames[0].shape,
        "positions": window.positions,
        "frames_missing": window.frames_missing,
    }


def warm_up() -> None:
    """Load what decoding may need: all of PyAV, what numpy loads late, and what a tiny video and no video touch."""
    for module in walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    np.unique(np.zeros(1))
    made = io.BytesIO()
    with av.open(made, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = WARM_PX
        stream.pix_fmt = "yuv420p"
        grey = np.full((WARM_PX, WARM_PX, 3), 90, np.uint8)
        for packet in [*stream.encode(av.VideoFrame.from_ndarray(grey)), *stream.encode(None)]:
            container.mux(packet)
    with open_video(io.BytesIO(made.getvalue())) as reader:
        list(reader.read())
    with suppress(VideoError), open_video(io.BytesIO(b"no video" * 100)):
        pass


if __name__ == "__main__":
    main()
