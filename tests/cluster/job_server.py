"""A head's job server, as far as Ray's own client speaks to it here; a job has ended as soon as it is asked for."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "of-this-test-alone"
JOBS = "/api/jobs/"
VERSION = {"version": "4", "ray_version": "2.60.0", "ray_commit": "", "session_name": ""}


class _Handler(BaseHTTPRequestHandler):
    jobs: dict[str, dict[str, Any]]

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._say(401, {"error": "no token"})
        elif self.path == "/api/version":
            self._say(200, VERSION)
        elif self.path == JOBS:
            self._say(200, list(self.jobs.values()))
        elif self.path.endswith("/logs"):
            self._say(200, {"logs": "scored 3 videos\n"})
        else:
            job = self.jobs[self.path.removeprefix(JOBS)]
            self._say(200, job | {"status": "FAILED", "driver_exit_code": 5})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["submission_id"]
        self.jobs[name] = {"type": "SUBMISSION", "status": "RUNNING", **asked}
        self._say(200, {"job_id": name, "submission_id": name})

    def _say(self, code: int, content: object) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(jobs: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Serve jobs by id, to which submitted ones are added; yields the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"jobs": jobs}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
