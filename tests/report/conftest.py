"""Explained clips and findings that need no video."""

import numpy as np
import pytest

from gsgmodel.results.runs import RunFolder
from gsgmodel.results.table import VideoTable
from gsgmodel.scoring.explain import ExplainedClip, ExplainedVideo
from gsgmodel.scoring.verdict import Scores
from gsgmodel.upkeep.snapshot import Snapshot
from tests.results.conftest import make_rows
from tests.upkeep.test_latest import at

SIDE = 64
HOSTILE = (
    "file:///a/%3Cscript%3Ealert(1)%3C/script%3E.mp4",
    "file:///a/%E2%80%AEgpj.4pm",
    "file:///a/%FF%FE.mp4",
    "file:///a/" + "x" * 4096,
    'file:///a/"onload=alert(1)//.mp4',
)
"""Names as somebody may give them to files: markup, another reading direction, no text, far too long, attributes."""


def make_clip(**changes):
    rng = np.random.default_rng(0)
    maps = np.zeros((3, SIDE, SIDE), np.float32)
    maps[:, :8, :8] = 1.0
    values = {
        "track_id": 0,
        "start_s": 0.0,
        "end_s": 4.0,
        "time_s": np.arange(3.0),
        "scores": Scores(score=0.75, score_global=0.5, score_fusion=1.0),
        "frame_scores": np.array([0.5, 0.75, 1.0]),
        "crops": rng.integers(0, 255, (3, SIDE, SIDE, 3), dtype=np.uint8),
        "patches": np.array([[[0, 0, 32, 32], [32, 32, 64, 64]]] * 3),
        "global_maps": maps,
        "local_maps": maps,
    }
    return ExplainedClip(**values | changes)


def make_video(model="m", *, clips=None, **changes):
    row = {"uri": "file:///a.mp4", "status": "scored", "error_text": None, "score": 0.75}
    row |= {"score_global": 0.5, "score_fusion": 1.0}
    return ExplainedVideo(model=model, row=row | changes, clips=[make_clip()] if clips is None else clips)


@pytest.fixture
def output(tmp_path):
    """A table of two runs, the later one with whatever can go wrong."""
    table = VideoTable.open_or_create(str(tmp_path / "out"))
    sandbox = "process+limits+landlock+seccomp"
    common = {"model_uri": "m", "model_digest": "d", "model_version": "1", "sandbox": sandbox}
    table.append(make_rows([0], run_id="run 1", scoring_id="1", scored_at=at(1), score=0.2, **common), key="1")
    later = {"run_id": "run 2", "scored_at": at(2), **common}
    table.append(make_rows([0, 1, 2], scoring_id="s", score=0.9, **later), key="s")
    for number, uri in enumerate(HOSTILE, 10):
        text = "<img src=x onerror=alert(1)>\u202e"
        failed = {"status": "unreadable", "score": None, "faces": [], "error_text": text, "uri": uri}
        table.append(make_rows([number], scoring_id="s", **failed, **later), key="s")
    folder = RunFolder.create(str(tmp_path / "out"), "run 2")
    folder.write_settings({"model": "m", "filter": ["</pre><script>alert(1)</script>"]})
    ended = {"planned": 8, "committed": 8, "unfinished": 0, "left": 0, "lost": 0, "exit_code": 0, "reason": "done"}
    speed = {"wall_s": 10.0, "videos_per_s": 0.8, "clips_per_s": 1.5, "prepare_cpu_s": 8.0, "score_cpu_s": 4.0}
    folder.write_summary(ended | speed | {"threshold": 0.5, "flagged": 3, "notes": ["<b>note</b>"]})
    return tmp_path / "out"


@pytest.fixture
def snapshot(output):
    return Snapshot.open(str(output))
