"""What is done is not done again; what was cut off goes on."""

import dataclasses
import json
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gsgmodel.evaluation.kept import predictions_of, unfinished_run
from gsgmodel.model.objective import Objective
from gsgmodel.training.distributed import CHECKPOINTS
from gsgmodel.training.opening import BEGUN
from gsgmodel.training.settings import TrainSettings

DONE = pa.table({"score": [0.5]})


@pytest.fixture
def settings(tmp_path):
    return TrainSettings(output=str(tmp_path), tracking_uri="none")


def begin(settings, name, *, digest="d", exit_code=None, has_checkpoint=True):
    """The folder of a run as a training leaves it."""
    run = Path(settings.output) / "runs" / name
    (run / CHECKPOINTS).mkdir(parents=True)
    (run / BEGUN).write_text(json.dumps({"data_digest": digest, "settings": asdict(settings)}))
    if has_checkpoint:
        (run / CHECKPOINTS / "checkpoint_0").mkdir()
    if exit_code is not None:
        (run / "summary.json").write_text(json.dumps({"exit_code": exit_code}))
    if exit_code == 0:
        pq.write_table(DONE, run / "predictions.parquet")


def test_a_training_that_ended_well_is_found_by_what_it_learned(settings):
    assert predictions_of(settings, data_digest="d") is None
    begin(settings, "1", exit_code=0)
    assert predictions_of(settings, data_digest="d") == DONE
    elsewhere = dataclasses.replace(settings, workers="2", device="cpu", json=True, tracking_uri=None)
    assert predictions_of(elsewhere, data_digest="d") == DONE


def test_a_run_from_before_a_setting_came_counts_as_one_with_its_usual_value(settings):
    begin(settings, "1", exit_code=0)
    path = next((Path(settings.output) / "runs").glob(f"*/{BEGUN}"))
    content = json.loads(path.read_text())
    del content["settings"]["clip_norm"]
    path.write_text(json.dumps(content))
    assert predictions_of(settings, data_digest="d") == DONE
    assert predictions_of(dataclasses.replace(settings, clip_norm=1.0), data_digest="d") is None


@pytest.mark.parametrize("change", [{"epochs": 3}, {"seed": 1}, {"objective": Objective(guide_weight=0.0)}])
def test_another_training_is_not_taken_for_it(settings, change):
    begin(settings, "1", exit_code=0)
    assert predictions_of(dataclasses.replace(settings, **change), data_digest="d") is None
    assert predictions_of(settings, data_digest="other clips") is None


def test_what_was_cut_off_can_be_gone_on_with_the_last_first(settings):
    assert unfinished_run(settings, data_digest="d") is None
    begin(settings, "1", exit_code=143)
    begin(settings, "2")
    begin(settings, "3", has_checkpoint=False)
    begin(settings, "4", digest="other clips")
    assert unfinished_run(settings, data_digest="d") == "2"
    assert predictions_of(settings, data_digest="d") is None


def test_what_ended_well_is_not_gone_on_with(settings):
    begin(settings, "1", exit_code=0)
    assert unfinished_run(settings, data_digest="d") is None
