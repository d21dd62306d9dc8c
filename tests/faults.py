"""A proxy in front of the S3 server of tests that answers chosen requests as a failing store would.

with faulty(s3_server) as proxy:
    proxy.add(SLOW_DOWN, method="GET", text="/bucket/a.mp4", times=2)
    ...  # use proxy.url in place of the server's address
    assert proxy.count(method="GET", text="/bucket/a.mp4") == 3
"""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

ERROR_XML = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>{code}</Code><Message>{message}</Message><RequestId>0A49CE4060975EAC</RequestId></Error>"""
STEP_S = 0.25
NOT_PASSED_ON = {"host", "connection", "transfer-encoding", "content-length", "expect"}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What a request gets: an error of its own, or the server's answer with something amiss."""

    status: int = 0
    """Of an error; 0 asks the server."""
    code: str = ""
    message: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    drop: str = ""
    """A header of the request that the server never sees, in lower case."""
    cut_after_bytes: int | None = None
    """Of the body; then the connection is closed, whatever length was announced."""
    bytes_per_s: float = 0.0
    """How fast the body comes; 0 for as fast as it can."""
    is_lost: bool = False
    """Whether the server does what is asked and the connection is closed without an answer."""


SLOW_DOWN = Fault(status=503, code="SlowDown", message="Please reduce your request rate.")
INTERNAL_ERROR = Fault(status=500, code="InternalError", message="We encountered an internal error.")
ACCESS_DENIED = Fault(status=403, code="AccessDenied", message="Access Denied")
EXPIRED_TOKEN = Fault(status=400, code="ExpiredToken", message="The provided token has expired.")
EXPIRED_TOKEN_403 = Fault(status=403, code="ExpiredToken", message="The security token has expired.")
PERMANENT_REDIRECT = Fault(
    status=301,
    code="PermanentRedirect",
    message="The bucket you are attempting to access must be addressed using the specified endpoint.",
    headers=(("x-amz-bucket-region", "eu-west-1"),),
)
CONFLICT = Fault(status=409, code="ConditionalRequestConflict", message="Another request was under way.")
PRECONDITION_FAILED = Fault(status=412, code="PreconditionFailed", message="A precondition did not hold.")
IGNORE_IF_MATCH = Fault(drop="if-match")
LOST_ANSWER = Fault(is_lost=True)


def slow(bytes_per_s: float) -> Fault:
    """The server's answer, but its body drips."""
    return Fault(bytes_per_s=bytes_per_s)


def cut(after_bytes: int) -> Fault:
    """The server's answer, cut in the middle of its body."""
    return Fault(cut_after_bytes=after_bytes)


@dataclass(kw_only=True)
class Rule:
    """Which requests get a fault, and how many of them still do."""

    fault: Fault
    method: str
    """Any, if empty."""
    text: str
    """Somewhere in the unquoted path and query."""
    left: float

    def takes(self, method: str, target: str) -> bool:
        return self.left > 0 and self.method in {"", method} and self.text in target


@dataclass
class Proxy:
    """The proxy's address, its rules and what went through it."""

    url: str
    upstream: str
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and target (unquoted path and query) of each, in the order of their arrival."""
    rules: list[Rule] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault, *, method: str = "", text: str = "", times: float = float("inf")) -> None:
        """From now on, the next so many matching requests get the fault; the first rule that matches counts."""
        with self.lock:
            self.rules.append(Rule(fault=fault, method=method, text=text, left=times))

    def clear(self) -> None:
        """Forget the rules and the requests."""
        with self.lock:
            self.rules.clear()
            self.requests.clear()

    def count(self, *, method: str = "", text: str = "") -> int:
        """How many matching requests came."""
        with self.lock:
            return sum(method in {"", was} and text in target for was, target in self.requests)

    def take(self, method: str, target: str) -> Fault:
        """Note a request and say what it gets."""
        with self.lock:
            self.requests.append((method, target))
            for rule in self.rules:
                if rule.takes(method, target):
                    rule.left -= 1
                    return rule.fault
        return Fault()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def handle_any(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        fault = self.proxy.take(self.command, unquote(self.path))
        if fault.status:
            text = ERROR_XML.format(code=fault.code, message=fault.message).encode()
            self.reply(fault.status, [("content-type", "application/xml"), *fault.headers], text)
        else:
            self.pass_on(content, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

    def pass_on(self, content: bytes, fault: Fault) -> None:
        server = http.client.HTTPConnection(urlsplit(self.proxy.upstream).netloc, timeout=60)
        try:
            server.putrequest(self.command, self.path, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in NOT_PASSED_ON | {fault.drop}:
                    server.putheader(name, value)
            server.putheader("content-length", str(len(content)))
            server.endheaders(content)
            answer = server.getresponse()
            headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in NOT_PASSED_ON]
            if self.command == "HEAD":
                headers.append(("content-length", answer.getheader("content-length", "0")))
            if fault.is_lost:
                self.close_connection = True
            else:
                self.reply(answer.status, headers, answer.read(), fault)
        finally:
            server.close()

    def reply(
        self,
        status: int,
        headers: list[tuple[str, str]],
        content: bytes,
        fault: Fault = Fault(),
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("content-length", str(len(content)))
        elif not any(name == "content-length" for name, _ in headers):
            self.send_header("content-length", "0")
        self.end_headers()
        if self.command != "HEAD":
            self.write(content[: fault.cut_after_bytes], fault.bytes_per_s)
        self.close_connection = self.close_connection or fault.cut_after_bytes is not None

    def write(self, content: bytes, bytes_per_s: float) -> None:
        if not bytes_per_s:
            self.wfile.write(content)
            return
        step = max(1, int(bytes_per_s * STEP_S))
        for start in range(0, len(content), step):
            self.wfile.write(content[start : start + step])
            self.wfile.flush()
            time.sleep(STEP_S)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        pass


@contextmanager
def faulty(upstream: str) -> Iterator[Proxy]:
    """Run a proxy in front of a server until the block ends."""
    handler = type("ProxyHandler", (Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        handler.proxy = Proxy(f"http://127.0.0.1:{server.server_port}", upstream)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield handler.proxy
        finally:
            server.shutdown()
            thread.join()
