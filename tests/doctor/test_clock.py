"""This clock against that of a server."""

import http.server
import threading
import time
from email.utils import formatdate

import pytest

from gsgmodel.doctor.clock import REFUSED_S, WARNED_S, check_clock, judge_clock, server_time_s
from tests.servers import free_port

VERDICTS = [(0, "ok"), (90, "warning"), (-90, "warning"), (4000, "failed"), (-4000, "failed")]


@pytest.fixture
def telling():
    """A server that tells a time that is off, or nonsense; ``telling(seconds)`` returns its address."""
    servers = []

    def start(off_s=None, *, text=None, code=200):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.send_response_only(code)
                date = text if off_s is None else formatdate(time.time() + off_s, usegmt=True)
                if date is not None:
                    self.send_header("Date", date)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()


@pytest.mark.parametrize(("off_s", "verdict"), VERDICTS)
@pytest.mark.parametrize("code", [200, 403])
def test_a_clock_that_is_off_is_found_whatever_the_server_answers_otherwise(telling, off_s, verdict, code):
    finding = check_clock(telling(off_s, code=code))
    assert finding.verdict == verdict
    assert bool(finding.fix) is (verdict != "ok")
    if off_s:
        # The server's clock is ahead where ours is behind.
        assert ("behind" if off_s > 0 else "ahead of") in finding.text


@pytest.mark.parametrize("text", [None, "", "soon", "Wed, 99 Nov 2026 99:99:99 GMT"])
def test_a_server_that_does_not_tell_the_time_says_nothing(telling, text):
    assert check_clock(telling(text=text)) is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "http://no-such-host.invalid"])
def test_a_server_that_does_not_answer_says_nothing(url):
    assert server_time_s(url.format(port=free_port())) is None


def test_a_second_is_what_servers_tell():
    assert judge_clock(WARNED_S + 0.5, server="s").verdict == "ok"
    assert judge_clock(WARNED_S + 1.0, server="s").verdict == "warning"
    assert judge_clock(-REFUSED_S - 1.0, server="s").verdict == "failed"
