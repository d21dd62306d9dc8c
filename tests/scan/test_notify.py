"""Word of the end, sent to a real server over HTTP."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.scan import notify as module
from gsgmodel.scan.notify import check_address, host_of, notify, sentence
from gsgmodel.scan.settings import ScanSettings

SUMMARY = {"run_id": "r", "exit_code": 0, "reason": "done", "by_status": {"scored": 3}, "flagged": 1, "threshold": 0.5}


@contextmanager
def listening(*answers):
    """A server that gives these answers, the last one again and again; what it was sent."""
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.path, self.headers["Content-Type"], json.loads(content)))
            self.send_response(answers[min(len(heard), len(answers)) - 1])
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(module, "PAUSE_S", 0.01)


def test_the_summary_arrives_with_a_sentence_for_chats():
    with listening(200) as (url, heard):
        assert notify(f"{url}/hook/SECRET", SUMMARY, within_s=5) is None
    ((path, kind, content),) = heard
    assert (path, kind) == ("/hook/SECRET", "application/json")
    assert content == {"text": "scan r ended with exit code 0 (done): scored 3, 1 flagged", **SUMMARY}


def test_a_server_that_fails_is_asked_again():
    with listening(503, 200) as (url, heard):
        assert notify(url, SUMMARY, within_s=5) is None
    assert len(heard) == 2


def test_one_that_refuses_is_not():
    with listening(403) as (url, heard):
        lost = notify(f"{url}/hook/SECRET", SUMMARY, within_s=5)
    assert len(heard) == 1
    assert lost == f"{url} was not told of the end: it answered 403"


def test_one_that_keeps_failing_or_is_not_there_is_a_sentence_without_the_secret():
    with listening(500) as (url, heard):
        assert "it answered 500" in notify(f"{url}/SECRET", SUMMARY, within_s=5)
    assert len(heard) == module.TRIES
    lost = notify(f"{url}/SECRET", SUMMARY, within_s=5)
    assert "refused" in lost
    assert "SECRET" not in lost
    assert "no time was left" in notify(url, SUMMARY, within_s=0)


@pytest.mark.parametrize("address", ["ftp://host/a", "hooks.example", "https://", "file:///etc/passwd", "http://[", ""])
def test_what_is_no_address_of_the_web_is_refused_without_showing_it(address):
    with pytest.raises(ConfigError, match="--notify is no address of the web"):
        ScanSettings(notify=address)
    assert host_of(address) is None


def test_no_address_is_fine_and_a_host_keeps_its_port():
    check_address(None)
    assert host_of("http://me:secret@host:8080/a?token=1") == "http://host:8080"


def test_an_error_has_a_sentence_too():
    text = sentence({"run_id": "r", "exit_code": 2, "reason": "no such model"})
    assert text == "scan r ended with exit code 2 (no such model)"
