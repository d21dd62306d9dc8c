"""A training in one process: its checkpoints, its end, and going on."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gsgmodel.clips.store import ClipStore
from gsgmodel.errors import ConfigError
from gsgmodel.model.weights import read_model
from gsgmodel.scoring.canary import check_canary, read_canary
from gsgmodel.training import alone as module
from gsgmodel.training.alone import LoneWorker, held_if_few, train_alone
from gsgmodel.training.desk import Point
from gsgmodel.training.distributed import CHECKPOINTS
from gsgmodel.training.settings import TrainSettings
from gsgmodel.training.state import STATE
from tests.small_store import make_store
from tests.small_training import make_settings


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store") / "clips").uri


def train(store, settings, asked=lambda: None):
    return train_alone(store, settings, device="cpu", threads=1, is_asked=asked)


def make_worker(folder, **changes):
    usual = {"device": torch.device("cpu"), "threads": 1, "is_asked": lambda: False, "show": lambda _: None}
    return LoneWorker(folder=folder, **(usual | changes))


def checkpoint(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / STATE).write_text(text)
    return folder


def test_a_checkpoint_takes_the_place_of_the_one_before(tmp_path):
    worker = make_worker(tmp_path / "run" / CHECKPOINTS)
    assert not worker.read_latest(lambda _: pytest.fail("there is nothing to read"))
    for text in ("first", "second"):
        worker.keep(checkpoint(tmp_path / text, text), {})
        assert not (tmp_path / text).exists()
    read = []
    assert worker.read_latest(lambda folder: read.append((folder / STATE).read_text()))
    assert read == ["second"]
    assert len(list((tmp_path / "run" / CHECKPOINTS).iterdir())) == 1


def test_a_folder_that_did_not_arrive_whole_is_no_checkpoint(tmp_path):
    (tmp_path / "half").mkdir()
    assert make_worker(tmp_path).latest is None


def test_what_is_told_is_shown_and_a_request_to_stop_is_remembered(tmp_path):
    answers, shown = iter([False, True]), []
    worker = make_worker(tmp_path, is_asked=lambda: next(answers), show=shown.append)
    worker.tell({"loss": 1.0}, step=3)
    assert shown == [Point(step=3, metrics={"loss": 1.0})]
    assert [worker.is_to_stop() for _ in range(3)] == [False, True, True]


def test_few_clips_are_unpacked_once_and_many_are_not_held(store, monkeypatch):
    opened, read = ClipStore.open(store), []
    monkeypatch.setattr(opened, "read_crops", lambda index: read.append(index) or np.zeros((1, 2, 2, 3), np.uint8))
    held = held_if_few(opened)
    assert [held.read_crops(place).shape for place in (3, 3, 4)] == [(1, 2, 2, 3)] * 3
    assert read == [3, 4]
    assert held.clips is opened.clips
    monkeypatch.setattr(module, "MOST_HELD_BYTES", 1000)
    assert held_if_few(opened) is opened


def test_a_training_alone_leaves_what_one_with_many_workers_leaves(store, tmp_path):
    summary = train(store, make_settings(output=str(tmp_path), tracking_uri="none"))
    assert (summary.exit_code, summary.epochs, summary.resumes) == (0, 2, 0)
    run = tmp_path / "runs" / summary.run_id
    assert json.loads((run / "summary.json").read_text())["exit_code"] == 0
    assert {path.name for path in run.iterdir()} >= {"model", "predictions.parquet", "history.json", "card.md"}
    assert read_model(run / "model").settings.architecture == make_settings().architecture
    assert not list((run / CHECKPOINTS).iterdir())


def test_a_training_that_was_asked_to_stop_goes_on_and_ends_as_if_it_had_not(store, tmp_path):
    settings = make_settings(output=str(tmp_path / "cut"), tracking_uri="none")
    calls = iter(range(100))
    cut = train(store, settings, asked=lambda: 15 if next(calls) >= 2 else None)
    assert (cut.exit_code, cut.model) == (143, None)
    assert f"go on with --resume {cut.run_id}" in cut.reason
    whole = train(store, replace(settings, resume=cut.run_id))
    assert (whole.exit_code, whole.run_id, whole.resumes) == (0, cut.run_id, 1)
    unbroken = train(store, replace(settings, output=str(tmp_path / "whole")))
    weights = [
        read_model(Path(summary.model.removeprefix("file://"))).weights
        for summary in (whole, unbroken)
        if summary.model
    ]
    assert weights[0] == weights[1]


def test_a_system_that_the_paper_compares_with_is_trained_judged_and_written_likewise(store, tmp_path):
    settings = TrainSettings(
        model="mesonet",
        option=("crop_size_px=224",),
        output=str(tmp_path),
        tracking_uri="none",
        epochs=2,
        augment=False,
    )
    summary = train(store, settings)
    assert summary.exit_code == 0
    files = read_model(Path(summary.model.removeprefix("file://")))
    assert files.settings.architecture == settings.network
    assert files.settings.calibration is not None
    assert files.settings.card["fidelity"].startswith("faithful: Meso-4")
    (run,) = (tmp_path / "runs").iterdir()
    assert "Its network and training are faithful: Meso-4" in (run / "card.md").read_text()
    canary = read_canary(run / "model")
    assert check_canary(files, canary) < 1e-6


def test_clips_of_another_size_than_a_system_was_built_for_are_refused(store, tmp_path):
    settings = TrainSettings(model="mesonet", output=str(tmp_path), tracking_uri="none")
    with pytest.raises(ConfigError, match=r"clips have 12 frames of 224 px, and mesonet is built for 12 of 256 px"):
        train(store, settings)
