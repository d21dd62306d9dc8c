"""Messages between the process that decodes and its parent: short JSON objects over a pair of sockets.

What the child says is not to be trusted: it has read the video. A message has a bounded length, and the parent takes
from it only values whose type and range it has checked.
"""

import json
import os
import select
import socket
import time
from typing import Any

LENGTH_BYTES = 4
MAX_MESSAGE_BYTES = 1 << 20


class ClosedError(Exception):
    """The other side is gone."""


class SlowError(Exception):
    """Nothing came in time."""


class ProtocolError(Exception):
    """What came is no message that is expected here."""


class Wire:
    """One end of the connection.

    Args:
        fd: Of the connected socket; stays the caller's.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message.

        Raises:
            ClosedError: The other side is gone.
        """
        content = json.dumps(message).encode()
        data = memoryview(len(content).to_bytes(LENGTH_BYTES, "little") + content)
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            raise ClosedError(str(error)) from error

    def receive(self, *, timeout_s: float | None = None) -> dict[str, Any]:
        """Return the next message; ends with a ``ClosedError`` or a ``SlowError`` where none comes.

        Args:
            timeout_s: How long it may take to arrive whole; None waits without end.

        Raises:
            ProtocolError: It is too long, or no JSON object.
        """
        ends_s = None if timeout_s is None else time.monotonic() + timeout_s
        length = int.from_bytes(self._exactly(LENGTH_BYTES, ends_s), "little")
        if length > MAX_MESSAGE_BYTES:
            raise ProtocolError(f"a message of {length} bytes")
        try:
            message = json.loads(self._exactly(length, ends_s))
        except (ValueError, RecursionError) as error:
            raise ProtocolError("a message that is no JSON") from error
        if not isinstance(message, dict):
            raise ProtocolError("a message that is no object")
        return message

    def _exactly(self, num: int, ends_s: float | None) -> bytes:
        parts = b""
        while len(parts) < num:
            if ends_s is not None and not self._poll.poll(max(0.0, ends_s - time.monotonic()) * 1000):
                raise SlowError
            try:
                part = os.read(self._fd, num - len(parts))
            except OSError as error:
                raise ClosedError(str(error)) from error
            if not part:
                raise ClosedError("closed")
            parts += part
        return parts


def connected_pair() -> tuple[socket.socket, socket.socket]:
    """Return two sockets that are connected with each other and with nothing else."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
