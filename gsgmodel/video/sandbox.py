"""Decoding in a process of its own that has nothing: what a video does to its decoder, it does to that process alone.

The parent holds the credentials and hands over ranges of bytes; frames come back through shared memory. The child is
started clean (not forked), reads one video after the other, and is replaced after anything went wrong, so that no video
is judged by a process that another one may have spoilt. Chromium and Firefox decode in such a process too.
"""

import os
import platform
import signal
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from gsgmodel.errors import (
    DecodeTimeoutError,
    Status,
    TooLargeError,
    TooShortError,
    UnavailableError,
    UnreadableError,
    UnsupportedError,
    VideoError,
)
from gsgmodel.records import VideoInfo
from gsgmodel.video.child import IO_BYTES, MAX_TEXT
from gsgmodel.video.confine import FULL
from gsgmodel.video.handed import handed_info, handed_window, is_ascending, is_range
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.process import Child, SandboxError
from gsgmodel.video.reader import FrameWindow
from gsgmodel.video.source import ByteSource, ExpectingSource
from gsgmodel.video.wire import ClosedError, ProtocolError, SlowError

GRACE_S = 5.0
"""What the child may take beyond its time, which it watches itself, before it is taken to hang."""
MAX_VIDEOS = 500
"""Read by one child; a new one costs 0.4 s."""
START_ATTEMPTS, START_WAIT_S = 3, 0.5
"""How often a child is started that ends before it is ready, and the wait, which grows."""
_KINDS: dict[str, type[VideoError]] = {
    kind.__name__: kind
    for kind in (TooShortError, UnreadableError, UnsupportedError, TooLargeError, DecodeTimeoutError)
}


class DecoderLostError(VideoError):
    """The process that decodes died, hung or had no memory left; another try in a fresh one may tell whose fault it is.

    Args:
        text: What happened.
        status: ``crashed``, ``timeout`` or ``too_large``.
        stage: ``opening`` or ``decoding``.
        signal_name: What killed it, such as ``SIGSEGV``; empty if nothing did.
    """

    def __init__(self, text: str, *, status: Status, stage: str, signal_name: str = "") -> None:
        super().__init__(text)
        self.status, self.stage, self.signal_name = status, stage, signal_name

    def of(self, name: str) -> "DecoderLostError":
        """Return the same about a video that another one needs."""
        return DecoderLostError(f"{name}: {self}", status=self.status, stage=self.stage, signal_name=self.signal_name)


class Sandbox:
    """Opens videos in a child process, one at a time; a child is started when the first is opened.

    Args:
        is_required: Refuse to work with less than ``confine.FULL``.
        limits: What a video may cost.
    """

    def __init__(self, *, is_required: bool = False, limits: DecodeLimits = DecodeLimits()) -> None:  # noqa: B008
        self._is_required = is_required
        self._limits = limits
        self._child: Child | None = None
        self._spent_cpu_s = 0.0

    @property
    def measures(self) -> tuple[str, ...]:
        """What the child gave up, as ``confine.FULL`` names it; starts one if there is none, as ``open`` does."""
        return self._ready().measures

    @property
    def cpu_s(self) -> float:
        """CPU time of all children so far."""
        return self._spent_cpu_s + (self._child.cpu_s if self._child else 0.0)

    def open(
        self, source: ByteSource, /, *, frames_per_clip: int, window_s: float, max_clips: int
    ) -> "SandboxedReader":
        """Open a video as ``open_video`` does; the frames of a window are good until the next is asked for.

        Beside its errors there are ``DecoderLostError``, and ``SandboxError`` where no child can be started, or none
        that is confined as required.
        """
        asked = {"frames_per_clip": frames_per_clip, "window_s": window_s, "max_clips": max_clips}
        return SandboxedReader(self, self._ready(), source, asked=asked, limits=self._limits)

    def discard(self) -> None:
        """End the child; the next video gets a new one."""
        if self._child is not None:
            self._spent_cpu_s += self._child.cpu_s
            self._child.close()
            self._child = None

    def close(self) -> None:
        """End the child, if there is one."""
        self.discard()

    def __del__(self) -> None:
        """End the child with its owner."""
        self.close()

    def _ready(self) -> "Child":
        if self._child is not None and (self._child.num_videos >= MAX_VIDEOS or not self._child.is_alive):
            self.discard()
        if self._child is None:
            self._child = self._start()
        if self._is_required and self._child.measures != FULL:
            missing = ", ".join(measure for measure in FULL if measure not in self._child.measures)
            self.discard()
            raise SandboxError(f"--sandbox is require, and {platform.node()} cannot give {missing}")
        return self._child

    def _start(self) -> "Child":
        for attempt in range(1, START_ATTEMPTS):
            try:
                return Child(self._limits)
            except SandboxError:
                # Whoever is short of memory kills what is young, and that says nothing of this machine.
                time.sleep(START_WAIT_S * attempt)
        return Child(self._limits)


class SandboxedReader:
    """An open video that a child decodes, a context manager; made by ``Sandbox.open``."""

    def __init__(
        self, owner: Sandbox, child: Child, source: ByteSource, *, asked: dict[str, Any], limits: DecodeLimits
    ) -> None:
        self.frames_decoded = 0
        """Distinct sampled frames that decoded, in the windows read so far."""
        self.frames_missing = 0
        """Distinct sampled frames that did not decode, in the windows read so far."""
        self._owner, self._child, self._source, self._limits = owner, child, source, limits
        self._frames_per_clip = asked["frames_per_clip"]
        self._spent_s, self._waited_s = 0.0, 0.0
        self._is_clean = False
        self._stage = "opening"
        child.num_videos += 1
        try:
            self._size_bytes = source.seek(0, os.SEEK_END)
            child.allow_cpu(limits.max_decode_s + GRACE_S)
            opened = self._ask({"open": asked | {"size_bytes": self._size_bytes}}).get("opened")
            self.info, self.is_widened = self._checked_info(opened)
        except BaseException:
            self.close()
            raise
        self._stage = "decoding"

    def __enter__(self) -> "SandboxedReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Keep the child for the next video if this one was read to its end, else end it."""
        if self._is_clean:
            self._child.shrink()
        else:
            self._owner.discard()

    def read(self) -> Iterator[FrameWindow]:
        """Yield the windows in order, once; errors are those of ``VideoReader.read`` and ``DecoderLostError``."""
        while not (answer := self._ask({"next": True})).get("end"):
            window = handed_window(
                answer.get("window"), self._child.shared, info=self.info, frames_per_clip=self._frames_per_clip
            )
            if window is None:
                raise self._broken()
            self.frames_decoded += len(window.frames)
            self.frames_missing += window.frames_missing
            yield window
        self._is_clean = True

    def _checked_info(self, opened: Any) -> tuple[VideoInfo, bool]:
        info = handed_info(opened)
        if info is None:
            raise self._broken()
        return info, opened.get("is_widened") is True

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send a request and serve bytes until the answer comes; what is no answer ends the video."""
        wire, started_s, waited_s = self._child.wire, time.monotonic(), self._waited_s
        try:
            wire.send(message)
            while True:
                spent_s = self._spent_s + time.monotonic() - started_s - (self._waited_s - waited_s)
                answer = wire.receive(timeout_s=max(0.0, self._limits.max_decode_s + GRACE_S - spent_s))
                if "read" in answer:
                    wire.send({"count": self._serve(answer["read"])})
                elif "expect" in answer:
                    self._expect(answer["expect"])
                else:
                    break
        except SlowError as error:
            raise self._lost("took too long and did not answer", Status.TIMEOUT) from error
        except ProtocolError as error:
            raise self._broken() from error
        except ClosedError as error:
            self._child.wait(GRACE_S)
            raise self._dead() from error
        self._spent_s += time.monotonic() - started_s - (self._waited_s - waited_s)
        if "failed" in answer:
            raise self._failed(answer)
        return answer

    def _expect(self, ranges: Any) -> None:
        """Pass on which ranges of the source will be read.

        Raises:
            ProtocolError: One is none of this video.
        """
        if not is_ascending(ranges, self._size_bytes):
            raise ProtocolError("ranges outside of the video")
        if isinstance(self._source, ExpectingSource):
            self._source.expect([(start, stop) for start, stop in ranges])

    def _serve(self, wanted: Any) -> int:
        """Put a range of the source into the shared memory; what the source raises goes through.

        Raises:
            ProtocolError: The range is none of this video.
            UnavailableError: The source took too long, all reads together.
            OSError: It gave more than it was asked for.
        """
        if not is_range(wanted, self._size_bytes, IO_BYTES):
            raise ProtocolError("a range outside of the video")
        offset, size = wanted
        since_s = time.monotonic()
        self._source.seek(offset)
        data = self._source.read(size) or b""
        self._waited_s += time.monotonic() - since_s
        if self._waited_s > self._limits.max_source_s:
            raise UnavailableError(
                f"the store took more than {self._limits.max_source_s:g} s to give what was asked for"
            )
        if len(data) > size:
            raise OSError(f"the source gave {len(data)} bytes where {size} were asked for")
        self._child.shared[: len(data)] = data
        return len(data)

    def _failed(self, answer: dict[str, Any]) -> VideoError:
        kind, text = answer["failed"], "".join(filter(str.isprintable, str(answer.get("text"))))[:MAX_TEXT]
        if kind == "out of memory":
            most = self._limits.max_memory_bytes
            return self._lost(f"asked for more than {most} bytes of memory", Status.TOO_LARGE)
        if kind == "crashed":
            return self._lost(f"failed ({text})", Status.CRASHED)
        return _KINDS[kind](text) if isinstance(kind, str) and kind in _KINDS else self._broken()

    def _dead(self) -> DecoderLostError:
        name = self._child.signal_name
        if name == signal.SIGXCPU.name:
            return self._lost("used up its CPU time", Status.TIMEOUT)
        return self._lost(f"died ({self._child.end_text})", Status.CRASHED, signal_name=name)

    def _broken(self) -> DecoderLostError:
        return self._lost("gave an answer that no decoder gives", Status.CRASHED)

    def _lost(self, what: str, status: Status, *, signal_name: str = "") -> DecoderLostError:
        return DecoderLostError(
            f"the decoder {what} while {self._stage}", status=status, stage=self._stage, signal_name=signal_name
        )
