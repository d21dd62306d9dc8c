"""A folder that everybody may enter, and a user who may not do everything."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
