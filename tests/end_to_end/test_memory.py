"""A thousand videos cost no more memory than a hundred, and nothing is spilled."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import NUM_VIDEOS
from tests.end_to_end.scans import ROOT

NUM_COPIES = 42
SLACK = 1.1
"""Allocators settle late; a leak of 100 KB a video would pass this within the run."""


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_memory_is_flat_over_a_thousand_videos_and_nothing_is_spilled(archive: Path, model: Path) -> None:
    command = [sys.executable, "tests/bench/scan.py", str(archive), "--copies", str(NUM_COPIES), "--model", str(model)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["by_status"] == {"scored": NUM_COPIES * NUM_VIDEOS}
    assert measured["spilled_bytes"] == 0
    stages = {name.split()[0] for name in measured["memory_mb"]}
    assert {"driver", "joint"} <= stages
    for name, peaks in measured["memory_mb"].items():
        assert peaks[-1] <= SLACK * peaks[2], (name, peaks)
