"""The job that makes a challenger the champion, from its command line to its exit code."""

import json

import numpy as np
import pytest
import safetensors.numpy

from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.settings import ModelSettings
from gsgmodel.model.weights import read_model, save_model
from gsgmodel.scoring.canary import make_canary
from gsgmodel.tracking.promotion import DATA_DIGEST, TEST_AUC, TEST_AUC_HIGH, TEST_AUC_LOW
from gsgmodel.tracking.publish import Evidence, register_model
from gsgmodel.tracking.registry import resolve_model
from jobs.promote import app
from jobs.terminal import run_app


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    config = GSGConfig(backbone="tiny", hidden=16, layers=2, attention_hidden=8)
    save_model(folder, GSGModel(config), ModelSettings(architecture=config))
    return folder


@pytest.fixture(scope="module")
def canary(model):
    crops = np.random.default_rng(0).integers(0, 255, (1, 12, 224, 224, 3), dtype=np.uint8)
    return make_canary(read_model(model), crops)


@pytest.fixture
def address(tmp_path):
    return f"sqlite:///{tmp_path}/mlflow.db"


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
def register(model, canary, address):
    def put(auc, *, digest="d", canary=canary, name="gsg", alias="challenger"):
        tags = {DATA_DIGEST: digest * 64}
        if auc is not None:
            tags |= {TEST_AUC: str(auc), TEST_AUC_LOW: str(auc - 0.05), TEST_AUC_HIGH: str(auc + 0.05)}
        evidence = Evidence(tags=tags, canary=canary)
        return register_model(model, name=name, alias=alias, tracking_uri=address, evidence=evidence)

    return put


def champion(address):
    return resolve_model("models:/gsg@champion", tracking_uri=address).uri


def test_a_challenger_is_promoted_refused_and_forced(run, register, address):
    register(0.9)
    assert run() == (0, "models:/gsg/1 is models:/gsg@champion: there was no champion; test AUC 0.900", "")
    assert run() == (0, "models:/gsg/1 is models:/gsg@champion: it is already", "")
    register(0.6)
    code, out, err = run()
    assert (code, err) == (3, "")
    assert out == (
        "models:/gsg/2 does not become models:/gsg@champion: it is worse than the champion beyond the interval: test "
        "AUC 0.600, that of models:/gsg/1 0.900 (from 0.850 to 0.950); --force moves it all the same"
    )
    assert champion(address) == "models:/gsg/1"
    code, out, _ = run("--force")
    assert code == 0
    assert out.startswith("models:/gsg/2 is models:/gsg@champion: forced, although it is worse")
    assert out.endswith("; models:/gsg/1 is @previous")
    assert champion(address) == "models:/gsg/2"
    code, out, _ = run("--challenger", "previous")
    assert (code, champion(address)) == (0, "models:/gsg/1")


def test_tests_on_other_clips_are_not_compared(run, register, address):
    register(0.5, alias="champion")
    register(0.9, digest="e")
    code, out, _ = run()
    assert code == 3
    assert "on clips of the digest eeeeeeeeeeee, the champion models:/gsg/1 on clips of dddddddddddd" in out
    assert out.endswith("; --force moves it all the same")
    assert champion(address) == "models:/gsg/1"


def test_json_is_one_line_whatever_becomes_of_it(run, register, address):
    register(None)
    code, out, _ = run("--json")
    said = {"challenger": "gsg/1", "champion": None, "tracking_uri": address}
    assert code == 3
    assert json.loads(out) == {"is_promoted": False, "reason": "models:/gsg/1 has no test result", **said}
    code, out, _ = run("--json", "--force")
    assert code == 0
    forced = "forced, although models:/gsg/1 has no test result"
    assert json.loads(out) == {"is_promoted": True, "reason": forced, **said}


@pytest.mark.parametrize("tokens", [("other",), ("--name", "other")])
def test_the_name_may_be_given_either_way(run, register, tokens):
    register(0.9, name="other")
    assert run(*tokens)[:2] == (0, "models:/other/1 is models:/other@champion: there was no champion; test AUC 0.900")


@pytest.mark.parametrize("tokens", [(), ("--force",)])
def test_a_model_that_judges_otherwise_here_is_not_promoted(run, register, model, canary, address, tokens):
    held = safetensors.numpy.load(canary)
    other = {**held, "said": held["said"] + 0.02}
    register(0.5, alias="champion")
    register(0.9, canary=safetensors.numpy.save(other, metadata={"model_digest": read_model(model).digest}))
    code, out, err = run(*tokens)
    assert (code, out) == (2, "")
    assert "model models:/gsg/2 judges otherwise on this machine than where it was registered" in err
    assert champion(address) == "models:/gsg/1"


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        ((), "there is no MLflow at"),
        (("--tracking-uri", "none"), "the tracking URI is 'none'"),
        (("--tracking-uri", "http://me:hunter22@mlflow"), "holds credentials"),
        (("--chalenger", "x"), "challenger"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(run, tmp_path, tokens, said):
    code, out, err = run(*tokens)
    assert (code, out) == (2, "")
    assert said in err
    assert "hunter22" not in err
    assert len(err.splitlines()) == 2
    assert list(tmp_path.iterdir()) == []


def test_without_a_challenger_it_is_one_sentence(run, register):
    register(0.9, alias="champion")
    code, _, err = run()
    assert code == 2
    assert "there is no models:/gsg@challenger in MLflow; ./gsg train registers one" in err
