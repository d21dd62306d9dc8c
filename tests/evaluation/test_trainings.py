"""What of a table is trained, and what is not because it is there."""

from contextlib import contextmanager
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.evaluation import trainings as module
from gsgmodel.evaluation.ablations import ROWS
from gsgmodel.evaluation.parent import TableRun
from gsgmodel.evaluation.trainings import RowTraining, train_missing, trainings_of, whole_seeds
from gsgmodel.scan.stop import StopRequest
from gsgmodel.training.settings import TrainSettings
from tests.evaluation.test_ablations import predictions
from tests.evaluation.test_kept import begin
from tests.small_store import make_store


@pytest.fixture
def wanted(tmp_path):
    return [
        RowTraining(
            name=f"row {n}",
            store_uri="/clips" if n < 2 else "/other",
            digest="d",
            settings=TrainSettings(output=str(tmp_path / str(n)), tracking_uri="none", seed=n),
        )
        for n in range(3)
    ]


@pytest.fixture
def played(monkeypatch):
    """Trainings that end at once, noted by store."""
    noted = []

    def train(store_uri, begins, share, *, stop, ended):
        noted.append((store_uri, [each().seed for each in begins], share.at_once))
        for place, each in enumerate(begins):
            if stop.reason is not None:
                ended(place, {"exit_code": 143, "reason": "interrupted; go on with --resume x"})
                return False
            finish(each())
            ended(place, {"exit_code": 0, "auc": 0.75})
        return True

    @contextmanager
    def no_ray(**_):
        yield

    monkeypatch.setattr(module, "train_side_by_side", train)
    monkeypatch.setattr(module, "running_ray", no_ray)
    return noted


def finish(settings):
    begin(settings, "run", exit_code=0)
    from pathlib import Path

    pq.write_table(predictions(settings.seed), Path(settings.output) / "runs" / "run" / "predictions.parquet")


def test_what_is_missing_is_trained_store_by_store_and_told(wanted, played):
    notes = []
    finish(wanted[0].settings)
    assert train_missing(wanted, at_once=1, stop=StopRequest(drain_s=0), note=notes.append)
    assert played == [("/clips", [1], 1), ("/other", [2], 1)]
    assert notes == [
        "1 of 3 trainings were done before",
        "row 1: test AUC 0.750 (2 of 3)",
        "row 2: test AUC 0.750 (3 of 3)",
    ]
    assert train_missing(wanted, at_once=1, stop=StopRequest(drain_s=0), note=notes.append)
    assert len(played) == 2


@pytest.mark.usefixtures("played")
def test_a_stop_leaves_the_rest_and_says_why(wanted):
    stop, notes = StopRequest(drain_s=0), []
    stop.signum = 15
    assert not train_missing(wanted, at_once=1, stop=stop, note=notes.append)
    assert notes[1:] == ["row 0: interrupted; go on with --resume x"]


def test_a_training_begins_where_it_was_cut_off(wanted):
    assert wanted[0].begin().resume is None
    begin(wanted[0].settings, "cut", exit_code=143)
    assert wanted[0].begin().resume == "cut"
    assert wanted[0].predictions is None


@pytest.mark.usefixtures("played")
def test_rows_on_several_kinds_of_device_are_refused(wanted):
    mixed = [
        replace(each, settings=replace(each.settings, device=device))
        for each, device in zip(wanted, ("cpu", "gpu", "cpu"), strict=True)
    ]
    with pytest.raises(ConfigError, match="--device differs between rows: cpu, gpu"):
        train_missing(mixed, at_once=1, stop=StopRequest(drain_s=0), note=print)


def test_each_row_and_seed_is_a_training_of_its_own_and_nothing_is_registered(tmp_path):
    stores = [make_store(tmp_path / name, splits={"train": 4, "val": 2, "test": 2}).uri for name in ("a", "b")]
    base = TrainSettings(output=str(tmp_path / "out"), seed=5)
    rows, run = ROWS["table3"][:2], TableRun("http://mlflow", None)
    found = trainings_of(rows, stores, base, num_seeds=2, run=run)
    assert [[each.settings.seed for each in own] for own in found] == [[5, 6]] * 2
    assert [own[0].store_uri for own in found] == stores
    settings = [each.settings for own in found for each in own]
    assert {(each.register, each.tracking_uri) for each in settings} == {(False, "http://mlflow")}
    assert len({each.output for each in settings}) == 4
    assert whole_seeds(found) == [[], []]


def test_seeds_that_a_row_lacks_count_for_none(wanted):
    rows = [[wanted[0], wanted[1]], [wanted[2]] * 2]
    finish(wanted[0].settings)
    finish(wanted[2].settings)
    assert [len(own) for own in whole_seeds(rows)] == [1, 1]
