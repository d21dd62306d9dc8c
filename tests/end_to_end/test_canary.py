"""A machine that judges a model's own clips otherwise fails the run, before it scores anything."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from gsgmodel.model.weights import read_model
from gsgmodel.scoring.canary import CANARY_NAME, make_canary
from tests.end_to_end.scans import rows_of, summary_of

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]


def test_a_model_that_judges_its_own_clips_otherwise_here_scores_nothing(
    archive: Path, model: Path, tmp_path: Path, start_scan: Any
) -> None:
    watched = tmp_path / "model"
    shutil.copytree(model, watched)
    files = read_model(watched)
    shape = (2, files.settings.preparation.frames_per_clip, *[files.settings.preparation.crop_size_px] * 2, 3)
    canary = make_canary(files, np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8))
    (watched / CANARY_NAME).write_bytes(canary)
    args = (min(archive.glob("*.mp4")), "--model", watched)
    code, _, err = start_scan(*args, "--output", tmp_path / "good").finish()
    assert code == 0, err
    assert [row["status"] for row in rows_of(tmp_path / "good").values()] == ["scored"]
    held = safetensors.numpy.load(canary)
    held["said"] = held["said"] + 0.02
    changed = safetensors.numpy.save(held, metadata={"model_digest": files.digest})
    (watched / CANARY_NAME).write_bytes(changed)
    code, _, err = start_scan(*args, "--output", tmp_path / "bad").finish()
    assert code == 1, err
    assert "judges otherwise on this machine than where it was registered" in err
    assert "Traceback" not in err
    assert rows_of(tmp_path / "bad") == {}
    assert summary_of(tmp_path / "bad")["exit_code"] == 1


@pytest.mark.slow
def test_videos_of_the_users_own_are_scored_first_and_last_and_a_score_that_moved_fails_the_next_run(
    archive: Path, model: Path, tmp_path: Path, start_scan: Any
) -> None:
    first, second, *_ = sorted(archive.glob("*.mp4"))
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary" / "mine.mp4").write_bytes(second.read_bytes())
    args = ("--model", model, "--output", tmp_path / "out", "--canary", tmp_path / "canary")
    code, _, err = start_scan(first, *args).finish()
    assert code == 0, err
    assert rows_of(tmp_path / "out").keys() == {first.name}
    (file,) = (tmp_path / "out" / "canary").glob("*.json")
    (expected,) = json.loads(file.read_text()).values()
    assert (expected["uri"][-8:], expected["status"]) == ("mine.mp4", "scored")
    other = expected | {"score": 1.0 - expected["score"] if abs(expected["score"] - 0.5) > 0.1 else 0.0}
    file.write_text(file.read_text().replace(repr(expected["score"]), repr(other["score"])))
    code, _, err = start_scan(second, *args).finish()
    assert code == 1, err
    assert "1 of 1 canaries moved" in err
    assert "Traceback" not in err
    assert rows_of(tmp_path / "out").keys() == {first.name}
