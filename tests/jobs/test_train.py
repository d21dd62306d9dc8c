"""The job that trains, from its command line to what it refuses; a whole training is in tests/end_to_end."""

import pytest

from jobs.terminal import run_app
from jobs.train import app
from tests.small_store import make_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store") / "clips")


@pytest.fixture
def run(capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GSG_TRACKING_URI", "none")

    def run_job(*tokens):
        code = run_app(app, tokens)
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run_job


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([], "STORE"),
        (["nowhere"], "nowhere"),
        (["{store}", "--epochs", "0"], "--epochs is 0; accepted: 1 or more"),
        (["{store}", "--backbone", "tiny"], "nobody has trained backbone 'tiny' on it; use 'none' or a path"),
        (
            ["{store}", "--backbone", "tiny", "--backbone-weights", "none", "--batch-norm", "sync"],
            "--batch-norm is sync",
        ),
        (["{store}", "--backbone", "vgg"], "vgg"),
        (["{store}", "--num-selected", "17"], "num_selected is 17, but grid 'spread' on layer4 has 16 patches"),
        (["{store}", "--streams", "global"], "accepted with it: --cross-entropy fusion --guide-weight 0"),
        (["{store}", "--augmentation.flip", "2"], "augmentation.flip is 2.0; accepted: 0 to 1"),
        (["{store}", "--resume", "nowhere"], "there is no such run"),
        (["{store}", "--epoch", "3"], "--epochs"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(run, store, tokens, message):
    code, out, err = run(*(token.format(store=store.uri) for token in tokens))
    assert (code, out) == (2, "")
    assert message in err
    assert err.splitlines()[-1] == "exit code 2"


def test_backbone_weights_that_cannot_be_fetched_are_named(run, store, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", "torch-home")
    code, _, err = run(store.uri, "--backbone", "resnet18")
    assert code == 2
    assert "--backbone-weights imagenet: " in err
    assert "fetch it elsewhere and give its path, or use 'none'" in err
