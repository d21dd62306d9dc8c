"""The job that makes a challenger the champion, from its command line to its exit code."""

import json

import numpy as np
import pytest

from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.settings import ModelSettings
from gsgmodel.model.weights import read_model, save_model
from gsgmodel.scoring.canary import make_canary
from gsgmodel.tracking.promotion import DATA_DIGEST, TEST_AUC, TEST_AUC_LOW
from gsgmodel.tracking.publish import Evidence, register_model
from jobs.promote import app
from jobs.terminal import run_app


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    config = GSGConfig(backbone="tiny", hidden=16, layers=2, attention_hidden=8)
    save_model(folder, GSGModel(config), ModelSettings(architecture=config))
    return folder


@pytest.fixture
def run(capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def run_job(*tokens):
        code = run_app(app, tokens)
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out.strip(), err

    return run_job


@pytest.fixture
def register(model, tmp_path):
    crops = np.random.default_rng(0).integers(0, 255, (1, 12, 224, 224, 3), dtype=np.uint8)
    canary = make_canary(read_model(model), crops)

    def put(auc, **changes):
        tags = {DATA_DIGEST: "d" * 64, TEST_AUC: str(auc), TEST_AUC_LOW: str(auc - 0.05)}
        evidence = Evidence(tags=tags, canary=changes.get("canary", canary))
        address = f"sqlite:///{tmp_path}/mlflow.db"
        return register_model(model, name="gsg", alias="challenger", tracking_uri=address, evidence=evidence)

    return put


def test_a_challenger_is_promoted_refused_and_forced(run, register):
    register(0.9)
    assert run() == (0, "models:/gsg/1 is models:/gsg@champion: there was no champion; test AUC 0.900", "")
    assert run() == (0, "models:/gsg/1 is models:/gsg@champion: it is already", "")
    register(0.6)
    code, out, _ = run()
    assert code == 3
    assert out.startswith("models:/gsg/2 does not become models:/gsg@champion: it is worse than the champion beyond")
    code, out, _ = run("--force", "--json")
    assert (code, json.loads(out)["is_promoted"], json.loads(out)["champion"]) == (0, True, "gsg/1")


def test_a_machine_that_judges_otherwise_promotes_nothing(run, register):
    register(0.9, canary=b"broken")
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "the canary of model models:/gsg/1 cannot be read" in err


def test_without_a_challenger_it_is_one_sentence(run):
    code, _, err = run()
    assert code == 2
    assert "there is none in MLflow" in err
