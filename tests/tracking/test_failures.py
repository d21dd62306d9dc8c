"""What went wrong at MLflow, in words."""

import subprocess
import sys
import tempfile
from itertools import pairwise

import pytest

from gsgmodel.tracking.failures import reason_of

ON_DISKS = f"on its disk, or on that of {tempfile.gettempdir()}"


def chained(*errors):
    for inner, outer in pairwise(errors):
        outer.__cause__ = inner
    return errors[-1]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (chained(TimeoutError("timed out"), RuntimeError("failed")), "does not answer in time"),
        (RuntimeError("Read timed out. (read timeout=8)"), "does not answer in time"),
        (chained(ConnectionRefusedError("x"), OSError("Connection refused"), KeyError("x")), "cannot be reached"),
        (OSError("Max retries exceeded: too many 502 error responses"), "fails (HTTP 502)"),
        (ValueError("endpoint /x failed with error code 403 != 200"), "does not permit it (HTTP 403)"),
        (OSError(28, "No space left on device", "f"), f"does not get it: no space is left {ON_DISKS}"),
        (
            RuntimeError("File f [Errno 28] No space left on device: 'f'"),
            f"does not get it: no space is left {ON_DISKS}",
        ),
        (ValueError("a\n  long   story."), "says: a long story"),
        (ValueError("by http://me:secret@host"), "says: by http://[hidden]@host"),
    ],
)
def test_an_error_becomes_words_that_follow_the_name(error, said):
    assert reason_of(error) == said


def test_long_texts_are_cut():
    assert len(reason_of(ValueError("x" * 10_000))) < 400


def test_the_words_need_no_mlflow():
    code = "import sys, gsgmodel.tracking.failures; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
