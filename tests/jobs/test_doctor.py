"""The job that looks after a machine, from its command line to its exit code."""

import json

import pytest

from jobs.doctor import app
from jobs.terminal import run_app
from tests.servers import free_port


@pytest.fixture
def run(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)

    def run_job(*tokens):
        code = run_app(app, [str(token) for token in tokens])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out.splitlines(), err

    return run_job


def test_a_fit_machine_is_0_and_says_what_was_looked_at(run, tmp_path):
    code, lines, _ = run("--output", tmp_path / "out")
    assert code == 0
    assert lines[-1].startswith("fit for scans: ")
    names = {line[9:23].strip() for line in lines[:-1]}
    assert {"python", "packages", "ffmpeg", "sandbox", "ray", "mlflow", "memory", "scratch", "output"} <= names
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_work_is_1_with_the_way_out(run, tmp_path):
    code, lines, _ = run("--store", tmp_path / "gone", "--tracking-uri", f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert lines[-1].startswith("NOT FIT for scans: ")
    for name in ("archive", "mlflow"):
        (at,) = [index for index, line in enumerate(lines) if line.startswith(f"failed   {name}")]
        assert lines[at + 1].strip().startswith("fix: ")


def test_what_is_unsafe_is_1(run, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    code, lines, _ = run()
    assert code == 1
    assert any(line.startswith("unsafe   ray") for line in lines)


def test_json_is_one_line(run):
    code, (line,), err = run("--tracking-uri", "none", "--json")
    found = json.loads(line)
    assert (code, found["is_fit"]) == (0, True)
    assert {"name": "mlflow", "verdict": "ok", "text": "not used", "fix": ""} in found["findings"]
    assert "mlflow" in err


@pytest.mark.parametrize(
    "tokens",
    [
        ("--s3-endpoint", "http://user:hunter2@store"),
        ("--tracking-uri", "http://user:hunter2@mlflow"),
        ("--store", "s3://key:hunter2@bucket/a"),
        ("--store", "ftp://host/a"),
        ("everything",),
    ],
)
def test_what_cannot_be_meant_is_2_without_showing_a_password(run, tokens):
    code, lines, err = run(*tokens)
    assert code == 2
    assert "hunter2" not in err + "\n".join(lines)
    assert "exit code 2" in err
