"""A system that the paper compares with, through the whole pipeline: trained, registered, and scored by its name."""

import json
from pathlib import Path
from typing import Any

import pytest

from gsgmodel.records import Preparation
from tests.end_to_end.scans import rows_of
from tests.end_to_end.test_training import run
from tests.mlflow_server import serving_mlflow
from tests.small_store import make_store

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]


def test_a_system_of_another_paper_is_trained_registered_and_scores_an_archive(
    archive: Path, tmp_path: Path, start_scan: Any
) -> None:
    store = make_store(tmp_path / "clips", preparation=Preparation(crop_size_px=256))
    (tmp_path / "server").mkdir()
    with serving_mlflow(tmp_path / "server") as url:
        asked = (store.uri, "--model", "mesonet", "--output", tmp_path / "training", "--tracking-uri", url, "--json")
        how = ("--backbone-weights", "none", "--batch-clips", "2", "--epochs", "2")
        code, out, err = run("train", *asked, *how, folder=tmp_path)
        assert code == 0, err
        assert json.loads(out.splitlines()[-1])["registered"] == "models:/mesonet/1"
        few = sorted(archive.glob("*.mp4"))[:2]
        model = ("--model", "models:/mesonet@challenger", "--tracking-uri", url, "--output", tmp_path / "out")
        code, _, err = start_scan(*few, *model, "--prepare-actors", "1", "--score-actors", "1").finish()
        assert code == 0, err
    rows = rows_of(tmp_path / "out", "uri, status, score, num_clips, model_uri")
    assert {row["status"] for row in rows.values()} == {"scored"}
    assert all(0 <= row["score"] <= 1 and row["model_uri"] == "models:/mesonet/1" for row in rows.values())
