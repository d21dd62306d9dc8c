"""Which trainings a table is made of, and what is printed of those that are done."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from gsgmodel.evaluation.settings import TableSettings
from gsgmodel.training.settings import TrainSettings
from jobs import evaluate_rows as module
from jobs.evaluate_rows import make_table
from tests.evaluation.test_ablations import predictions
from tests.evaluation.test_kept import begin
from tests.small_store import make_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store") / "clips", splits={"train": 8, "val": 4, "test": 8}).uri


def finish(settings):
    begin(settings, "run", digest=finish.digest, exit_code=0)
    pq.write_table(predictions(settings.seed), Path(settings.output) / "runs" / "run" / "predictions.parquet")


@pytest.fixture
def played(monkeypatch, store):
    """Trainings that end at once; ``most`` of them."""
    from gsgmodel.clips.store import ClipStore

    finish.digest = ClipStore.open(store).digest
    noted = SimpleNamespace(names=[], most=100)

    def train_missing(trainings, *, at_once, stop, note):
        missing = [each for each in trainings if each.predictions is None]
        for each in missing[: noted.most]:
            note(f"{each.name} has ended")
            noted.names.append((each.name, at_once))
            finish(each.begin())
        if len(missing) > noted.most:
            stop.signum = 2
            return False
        return True

    monkeypatch.setattr("gsgmodel.evaluation.trainings.train_missing", train_missing)
    return noted


def base(tmp_path, **changes):
    return TrainSettings(output=str(tmp_path / "out"), tracking_uri="none", **changes)


def test_every_row_is_trained_once_a_seed_and_what_is_there_is_not_trained_again(store, tmp_path, capsys, played):
    options = TableSettings(seeds=2, at_once=1)
    assert make_table("table3", store, options=options, settings=base(tmp_path)) == 0
    assert len(played.names) == len({name for name, _ in played.names}) == 16
    assert ("w/o GSG loss, seed 1", 1) in played.names
    out = capsys.readouterr().out
    assert "| w/o GSG loss | 97.03 | " in out
    assert "means of 2 seeds" in out
    assert make_table("table3", store, options=options, settings=base(tmp_path)) == 0
    assert len(played.names) == 16


def test_a_table_that_was_stopped_shows_the_seeds_that_all_rows_have(store, tmp_path, capsys, played):
    played.most = 10
    options = TableSettings(seeds=2)
    assert make_table("table3", store, options=options, settings=base(tmp_path)) == 130
    out, err = capsys.readouterr()
    assert "means of 1 seeds" in out
    assert "stopped; the same command goes on" in err


def test_a_table_that_was_stopped_early_shows_nothing(store, tmp_path, capsys, played):
    played.most = 1
    assert make_table("table4", store, options=TableSettings(), settings=base(tmp_path)) == 130
    assert capsys.readouterr().out == ""


def test_with_many_workers_each_trainings_come_one_after_the_other(store, tmp_path, monkeypatch, played):
    trained = []

    def train(_, settings):
        trained.append(settings.workers)
        finish(settings)
        return SimpleNamespace(exit_code=0)

    monkeypatch.setattr("jobs.train.train", train)
    settings = base(tmp_path, workers="2")
    assert make_table("temporal", store, options=TableSettings(seeds=1), settings=settings) == 0
    assert (trained, played.names) == (["2"] * 4, [])


def test_a_training_that_ends_badly_ends_the_table_with_its_code(store, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("jobs.train.train", lambda *_: SimpleNamespace(exit_code=1))
    settings = replace(base(tmp_path), workers="2")
    assert make_table("temporal", store, options=TableSettings(seeds=1), settings=settings) == 1
    assert capsys.readouterr().out == ""
    assert module.FAILED == 1
