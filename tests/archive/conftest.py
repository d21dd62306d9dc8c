"""A folder that everybody may enter, a user who may not do everything, and a store that fails on demand."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import Proxy, faulty

# Imports come first: the user may have no right to read this environment.
UNPRIVILEGED = "{imports}\nimport os, sys\nif os.getuid() == 0:\n    os.setgroups([])\n    os.setuid(65534)\n{code}"


@pytest.fixture
def public_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def run_unprivileged() -> Callable[..., str]:
    """Runs Python code as a user who is not root and returns what it prints."""

    def run(imports: str, code: str, *arguments: str) -> str:
        script = UNPRIVILEGED.format(imports=imports, code=code)
        command = [sys.executable, "-c", script, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    return run


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are sent again at once."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)


@pytest.fixture
def proxy(s3_environment: str, no_waits: None) -> Iterator[Proxy]:  # noqa: ARG001 - a fixture may need another
    """Stands before the S3 server; its address is the endpoint, its rules are the test's."""
    with faulty(s3_environment) as proxy:
        yield proxy


@pytest.fixture
def fill(s3: Any, bucket: str) -> Callable[..., None]:
    """Puts objects of one byte into the test's bucket."""

    def put(*keys: str) -> None:
        for key in keys:
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    return put


@pytest.fixture(autouse=True)
def _wait_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsgmodel.archive.s3_client.FIRST_WAIT_S", 0.01)
