"""A real MLflow server for tests, and a proxy in front of it that misbehaves as networks and servers do."""

import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.servers import free_port, serving

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # Ten processes of 130 MB each that no test needs.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
NOT_PASSED_ON = {"host", "connection", "transfer-encoding", "content-length"}


@contextmanager
def serving_mlflow(folder: Path) -> Iterator[str]:
    """MLflow with one worker, an empty database and artifacts that it serves itself; yields its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'server.db'}", "--serve-artifacts"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with serving(command, url=f"{url}/health", log=folder / "server.log", env=QUIET, timeout_s=120):
        yield url


@dataclass(kw_only=True)
class Misbehaviour:
    """How requests are answered whose method and path begin with ``only``; by default as the server does."""

    only: str = ""
    status: int = 0
    """Answered in place of the server; 0 asks it."""
    body: str = "{}"
    wait_s: float = 0.0
    """Before anything is answered."""
    is_cut: bool = False
    """Whether the connection is closed without an answer."""
    seen: list[str] = field(default_factory=list)
    """Method and path of what was asked, whatever became of it."""


@contextmanager
def misbehaving(server: str) -> Iterator[tuple[str, Misbehaviour]]:
    """A proxy in front of a server; yields its address and how it behaves, which may be changed at any time."""
    how = Misbehaviour()
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = f"{self.command} {urlsplit(self.path).path}"
            how.seen.append(asked)
            if not asked.startswith(how.only):
                return self.pass_on(body)
            over.wait(how.wait_s)
            if how.is_cut or over.is_set():
                self.close_connection = True
                return None
            return self.reply(how.status, how.body.encode()) if how.status else self.pass_on(body)

        def pass_on(self, body: bytes) -> None:
            there = http.client.HTTPConnection(urlsplit(server).netloc, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in NOT_PASSED_ON}
            there.request(self.command, self.path, body=body, headers=headers)
            answer = there.getresponse()
            self.reply(answer.status, answer.read(), kind=answer.headers.get("Content-Type") or "application/json")
            there.close()

        def reply(self, status: int, body: bytes, *, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that gave up waiting is what these tests are about."""

    proxy = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}", how
    finally:
        over.set()
        proxy.shutdown()
        proxy.server_close()


def error_body(code: str, message: str = "as the test has it") -> str:
    """An error as MLflow's API answers it."""
    return json.dumps({"error_code": code, "message": message})


@contextmanager
def taking_less_than(seconds: float) -> Iterator[None]:
    """Fail unless the block is done in time."""
    started_s = time.monotonic()
    yield
    took_s = time.monotonic() - started_s
    assert took_s < seconds, f"took {took_s:.1f} s"
