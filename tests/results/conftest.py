"""Rows as a run makes them, places to put them, and disks and users that refuse them."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from gsgmodel.results.places import Place
from gsgmodel.results.schema import SCHEMA_VERSION, VIDEOS
from gsgmodel.results.storage import output_place

FACES = [
    {
        "track_id": 0,
        "score": 0.75,
        "start_s": 0.0,
        "end_s": 60.0,
        "clips": [
            {
                "start_s": 0.0,
                "end_s": 60.0,
                "score": 0.75,
                "frames": [
                    {
                        "time_s": 0.5,
                        "score": 0.25,
                        "box": {"x0": 1.0, "y0": 2.0, "x1": 30.5, "y1": 40.0},
                        "patches": [0, 3, 15],
                    },
                    {"time_s": 1.5, "score": 0.75, "box": None, "patches": []},
                ],
            }
        ],
    },
    {"track_id": 1, "score": 0.1, "start_s": 2.0, "end_s": 3.0, "clips": []},
]


def video_id_of(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def make_row(number: int, **changes: Any) -> dict[str, Any]:
    now = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
    row = dict.fromkeys(VIDEOS.names)
    row |= {
        "video_id": video_id_of(number),
        "scoring_id": "s",
        "uri": f"file:///archive/{number}.mp4",
        "etag": "1",
        "size_bytes": 10,
        "last_modified": now,
        "status": "scored",
        "score": 0.75,
        "faces": FACES,
        "decoder": "av 1",
        "run_id": "r",
        "scored_at": now,
        "notes": ["windows_widened"],
        "schema_version": SCHEMA_VERSION,
    }
    return row | changes


def make_rows(numbers: Iterable[int], **changes: Any) -> pa.Table:
    rows = [make_row(number, **changes) for number in numbers]
    return pa.Table.from_pylist(rows, schema=VIDEOS)


@pytest.fixture
def rows() -> Callable[..., pa.Table]:
    return make_rows


class Output(NamedTuple):
    """Where results go, as a user says it."""

    uri: str
    s3_endpoint: str | None

    @property
    def place(self) -> Place:
        return output_place(self.uri, s3_endpoint=self.s3_endpoint)


@pytest.fixture
def s3_output(s3_environment, bucket) -> Output:
    return Output(f"s3://{bucket}/out put #1", s3_environment)


@pytest.fixture(params=["local", "s3"])
def output(request, tmp_path) -> Output:
    """A folder, and then a prefix of a bucket, that nothing is in."""
    return request.getfixturevalue("s3_output") if request.param == "s3" else Output(f"{tmp_path}/out put #1", None)


# Imports come first: the user may have no right to read this environment.
UNPRIVILEGED = "{imports}\nimport os, sys\nif os.getuid() == 0:\n    os.setgroups([])\n    os.setuid(65534)\n{code}"


@pytest.fixture
def public_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def run_unprivileged() -> Callable[..., str]:
    """Runs Python code as a user who is not root and returns what it prints, also as errors."""

    def run(imports: str, code: str, *arguments: str) -> str:
        script = UNPRIVILEGED.format(imports=imports, code=code)
        command = [sys.executable, "-c", script, *arguments]
        return subprocess.run(command, stdout=PIPE, stderr=STDOUT, text=True, check=True, timeout=60).stdout

    return run


@pytest.fixture
def run_on_small_disk(tmp_path) -> Callable[..., str]:
    """Runs Python code with a disk of so many kilobytes at ``sys.argv[1]``; skips where none can be mounted."""

    def run(code: str, size_kb: int, *arguments: str) -> str:
        mount = f'mkdir -p "$1" && mount -t tmpfs -o size={size_kb}k small "$1"'
        if subprocess.run(["unshare", "-rm", "sh", "-c", mount, "sh", tmp_path / "probe"], check=False).returncode:
            pytest.skip("needs the right to mount a file system of its own (unshare -rm)")
        script = f'{mount} && disk="$1" code="$2" && shift 2 && exec "$0" -c "$code" "$disk" "$@"'
        command = ["unshare", "-rm", "sh", "-c", script, sys.executable, tmp_path / "disk", code, *arguments]
        done = subprocess.run(command, stdout=PIPE, stderr=STDOUT, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run
