"""The end of a training, from a real checkpoint to a registered model."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from gsgmodel.model.weights import read_model
from gsgmodel.scoring.canary import check_canary, read_canary
from gsgmodel.tracking.registry import check_registered, resolve_model
from gsgmodel.tracking.store import connect
from gsgmodel.training.finish import finish, registered_before, stopped, summary_text
from gsgmodel.training.loop import Trainer
from gsgmodel.training.opening import make_job, open_training
from tests.scan.test_notify import listening
from tests.small_store import make_store
from tests.small_training import LoneWorker, make_settings

pytestmark = pytest.mark.filterwarnings("ignore:.*An input example was not provided")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store") / "clips")


@pytest.fixture(scope="module")
def checkpoint(store, tmp_path_factory):
    """Of a training of one epoch."""
    folder = tmp_path_factory.mktemp("checkpoints")
    settings = make_settings(output=str(folder / "out"), tracking_uri="none", epochs=1)
    with open_training(store.uri, settings) as training:
        worker = LoneWorker(folder)
        assert Trainer(make_job(training), worker).run()
        training.run_folder.write_summary({})
    return worker.kept[-1]


def finished(store, checkpoint, tmp_path, **changes):
    settings = make_settings(**({"output": str(tmp_path / "out"), "tracking_uri": "none", "epochs": 1} | changes))
    copy = shutil.copytree(checkpoint, tmp_path / "checkpoint")
    with open_training(store.uri, settings) as training:
        return training, finish(training, copy)


def test_a_model_lies_in_the_run_with_all_that_is_known_of_it(store, checkpoint, tmp_path):
    training, summary = finished(store, checkpoint, tmp_path)
    assert (summary.exit_code, summary.reason, summary.registered) == (0, "done", None)
    folder = training.run_folder.path
    files = read_model(folder / "model")
    assert check_canary(files, read_canary(folder / "model")) < 1e-4
    settings = files.settings
    assert settings.calibration is not None
    assert settings.bfloat16
    assert {"default", "eer", "fpr_1", "fpr_01", "balanced"} == set(settings.operating_points)
    assert settings.card["data"]["digest"] == store.digest
    assert settings.card["data"]["forgeries"] == ["face_swap"]
    assert "made by this project's own forgeries" in settings.card["limits"][0]
    assert pq.read_table(folder / "predictions.parquet").num_rows == 12
    assert json.loads((folder / "summary.json").read_text())["auc"] == summary.auc
    assert len(json.loads((folder / "history.json").read_text())) == 1
    assert not (tmp_path / "checkpoint").exists()
    card = (folder / "card.md").read_text()
    assert f"digest {store.digest}" in card
    lines = summary_text(training, summary)
    assert lines[0].startswith("test: AUC ")
    assert lines[-1] == "exit code 0: done"


def test_a_model_is_registered_as_the_challenger(store, checkpoint, tmp_path):
    address = f"sqlite:///{tmp_path}/mlflow.db"
    _, summary = finished(store, checkpoint, tmp_path, tracking_uri=address, name="mine")
    assert summary.registered == "models:/mine/1"
    version = connect(address).get_model_version_by_alias("mine", "challenger")
    assert version.tags["gsg.data_digest"] == store.digest
    assert float(version.tags["gsg.test_auc"]) == summary.auc
    assert version.description.startswith("# GSG model")
    assert check_registered("models:/mine@challenger", tracking_uri=address) < 1e-4
    assert resolve_model("models:/mine/1", tracking_uri=address).settings.calibration is not None
    (experiment,) = [each for each in connect(address).search_experiments() if each.name == "gsg-training"]
    (run,) = connect(address).search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.metrics["auc"] == pytest.approx(summary.auc)


def test_an_mlflow_that_fails_costs_the_registration_and_not_the_model(store, checkpoint, tmp_path):
    training, summary = finished(store, checkpoint, tmp_path, tracking_uri="http://127.0.0.1:9")
    assert (summary.exit_code, summary.registered) == (1, None)
    assert "cannot be registered: MLflow at http://127.0.0.1:9 cannot be reached" in summary.reason
    assert f"the model is kept in {training.run_folder.uri}/model: ./gsg models register" in summary.reason
    assert read_model(training.run_folder.path / "model").settings.calibration is not None


@pytest.mark.parametrize("answer", [200, 403])
def test_whoever_waits_is_told_how_good_it_is_or_it_is_a_note(store, checkpoint, tmp_path, answer):
    with listening(answer) as (url, heard):
        training, summary = finished(store, checkpoint, tmp_path, notify=f"{url}/SECRET")
    ((_, _, content),) = heard
    assert content["text"] == (f"training {training.run_id} ended with exit code 0 (done): test AUC {summary.auc:.3f}")
    lost = f"{url} was not told of the end: it answered 403"
    assert [note for note in summary.notes if "told" in note] == ([] if answer == 200 else [lost])


def test_a_training_that_was_stopped_says_how_to_go_on(store, tmp_path):
    settings = make_settings(output=str(tmp_path / "out"), tracking_uri="none")
    with open_training(store.uri, settings) as training:
        training.stop.signum = 15
        summary = stopped(training)
    assert (summary.exit_code, summary.model) == (143, None)
    assert summary.reason == f"interrupted; go on with --resume {training.run_id}"
    assert json.loads(training.run_folder.summary_path.read_text())["exit_code"] == 143


@pytest.mark.parametrize("change", [{"data_digest": "e"}, {"epochs": 2}, {"registered": None}])
def test_only_the_same_training_is_not_done_again(tmp_path, change):
    folder = tmp_path / "training" / "runs" / "R"
    folder.mkdir(parents=True)
    summary = {"data_digest": "d", "epochs": 3, "registered": "models:/gsg-demo/1"}
    (folder / "summary.json").write_text(json.dumps(summary | change))
    assert registered_before(tmp_path / "training", data_digest="d", epochs=3) is None
    (folder / "summary.json").write_text(json.dumps(summary))
    assert registered_before(tmp_path / "training", data_digest="d", epochs=3) == summary
