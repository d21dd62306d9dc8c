"""The job that registers, lists and promotes models, from its command line to what it prints."""

import json
import shutil

import numpy as np
import pytest
import safetensors.numpy

from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.settings import ModelSettings
from gsgmodel.model.weights import read_model, save_model
from gsgmodel.scoring.canary import CANARY_NAME, make_canary
from gsgmodel.tracking.promotion import TEST_AUC, TEST_AUC_LOW
from gsgmodel.tracking.publish import Evidence, register_model
from gsgmodel.tracking.registry import resolve_model
from jobs.models import app
from jobs.terminal import run_app


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    config = GSGConfig(backbone="tiny", hidden=16, layers=2, attention_hidden=8)
    save_model(folder, GSGModel(config), ModelSettings(architecture=config))
    return folder


@pytest.fixture
def run(capfd, monkeypatch, tmp_path):
    """Run the job in an empty folder; returns its exit code, the lines of its output, and what it said to a person."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def run_job(*tokens):
        code = run_app(app, tokens)
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out.splitlines(), err

    return run_job


def test_a_model_is_registered_listed_and_promoted(run, model, tmp_path):
    assert run("register", str(model)) == (0, ["models:/gsg/1 is models:/gsg@champion"], "")
    assert run("register", str(model), "--alias", "candidate") == (0, ["models:/gsg/2 is models:/gsg@candidate"], "")
    code, lines, err = run("list")
    assert (code, err) == (0, "")
    digest = read_model(model).digest[:12]
    assert [(line.split()[0], line.split()[2:]) for line in lines] == [
        ("models:/gsg/2", [digest, "@candidate"]),
        ("models:/gsg/1", [digest, "@champion"]),
    ]
    assert run("promote", "gsg/2") == (0, ["models:/gsg/2 is models:/gsg@champion"], "")
    address = f"sqlite:///{tmp_path}/mlflow.db"
    assert resolve_model("models:/gsg@champion", tracking_uri=address).uri == "models:/gsg/2"


def test_json_is_one_line(run, model, tmp_path):
    address = f"sqlite:///{tmp_path}/other.db"
    places = ("--tracking-uri", "sqlite:///other.db", "--json")
    _, (line,), _ = run("register", str(model), "--name", "mine", "--alias", "", *places)
    assert json.loads(line) == {"uri": "models:/mine/1", "alias": None, "tracking_uri": address}
    _, (line,), _ = run("promote", "models:/mine/1", *places)
    assert json.loads(line) == {"uri": "models:/mine/1", "alias": "models:/mine@champion", "tracking_uri": address}
    _, (line,), _ = run("list", "--name", "mine", *places)
    assert [(each["uri"], each["aliases"]) for each in json.loads(line)] == [("models:/mine/1", ["champion"])]


def test_without_an_alias_only_the_version_is_printed(run, model):
    assert run("register", str(model), "--alias", "") == (0, ["models:/gsg/1"], "")


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (("register", "/nowhere"), "there is nothing"),
        (("register",), "FOLDER"),
        (("list",), "there is no MLflow at"),
        (("promote", "gsg"), "accepted: NAME/VERSION"),
        (("list", "--tracking-uri", "none"), "tracking URI is 'none'"),
        (("list", "--tracking-uri", "http://me:hunter22@mlflow"), "holds credentials"),
        (("regster", "x"), "register"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(run, tmp_path, tokens, said):
    code, out, err = run(*tokens)
    assert (code, out) == (2, [])
    assert said in err
    assert "hunter22" not in err
    assert len(err.splitlines()) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_test_that_is_known_is_listed(run, model, tmp_path):
    run("register", str(model))
    evidence = Evidence(tags={TEST_AUC: "0.91234", TEST_AUC_LOW: "0.85"})
    register_model(model, tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", alias="challenger", evidence=evidence)
    _, lines, _ = run("list")
    digest = read_model(model).digest[:12]
    assert [line.split()[2:] for line in lines] == [[digest, "AUC", "0.912", "@challenger"], [digest, "@champion"]]
    _, (line,), _ = run("list", "--json")
    assert [(each["test_auc"], each["test_auc_low"]) for each in json.loads(line)] == [(0.91234, 0.85), (None, None)]


def test_a_model_without_a_canary_says_so(run, model):
    run("register", str(model))
    assert run("check", "models:/gsg@champion") == (0, ["models:/gsg@champion has no canary"], "")
    _, (line,), _ = run("check", "models:/gsg/1", "--json")
    assert json.loads(line) == {"uri": "models:/gsg/1", "difference": None}


def test_a_model_with_a_canary_is_judged(run, model, tmp_path):
    folder = tmp_path / "with canary"
    shutil.copytree(model, folder)
    crops = np.random.default_rng(0).integers(0, 255, (1, 12, 224, 224, 3), dtype=np.uint8)
    canary = make_canary(read_model(model), crops)
    (folder / CANARY_NAME).write_bytes(canary)
    run("register", str(folder))
    code, (line,), err = run("check", "models:/gsg@champion")
    assert (code, err) == (0, "")
    assert line.startswith("models:/gsg@champion judges as registered, within ")
    held = safetensors.numpy.load(canary)
    other = {**held, "said": held["said"] - 0.02}
    (folder / CANARY_NAME).write_bytes(
        safetensors.numpy.save(other, metadata={"model_digest": read_model(model).digest})
    )
    run("register", str(folder))
    code, out, err = run("check", "models:/gsg@champion")
    assert (code, out) == (2, [])
    assert "model models:/gsg/2 judges otherwise on this machine" in err
    assert len(err.splitlines()) == 2
