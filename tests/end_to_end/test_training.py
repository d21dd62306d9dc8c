"""From made videos to a registered model, and a training that is stopped and goes on."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import S3_ENVIRONMENT
from tests.small_store import make_store

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]


def start(job, *tokens, folder):
    return subprocess.Popen(
        [sys.executable, str(ROOT / "jobs" / f"{job}.py"), *map(str, tokens)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(job, *tokens, folder):
    process = start(job, *tokens, folder=folder)
    out, err = process.communicate(timeout=400)
    return process.returncode, out, err


def test_a_demo_learns_to_tell_held_out_videos_and_does_nothing_twice(tmp_path):
    asked = ("--folder", "demo", "--num-videos", "40", "--epochs", "10", "--json")
    code, out, err = run("demo", *asked, folder=tmp_path)
    assert code == 0, err
    said = json.loads(out.splitlines()[-1])
    # Half of the videos that the demo makes by itself: enough to be far from chance.
    assert said["auc"] >= 0.75
    assert said["auc_low"] <= said["auc"] <= said["auc_high"]
    assert said["num_videos"] == 8
    assert set(said["probes"]) == {"codec", "resolution", "colour", "blank face"}
    assert "knows nothing about the world" in out
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [
        *("clips", "mlflow.db", "mlruns", "results", "training", "videos"),
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    code, again, err = run("demo", *asked, folder=tmp_path)
    assert code == 0, err
    assert "trained already: models:/gsg-demo/1" in err
    assert "nothing to score" in err
    assert json.loads(again.splitlines()[-1]) == said


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_demo_as_it_is_reaches_nine_tenths(tmp_path, seed):
    code, out, err = run("demo", "--folder", "demo", "--seed", seed, "--json", folder=tmp_path)
    assert code == 0, err
    said = json.loads(out.splitlines()[-1])
    assert said["auc"] >= 0.9
    assert all(area < 0.6 for area in said["probes"].values())


def test_a_training_on_a_store_that_is_stopped_goes_on_as_if_it_had_not_been(tmp_path, bucket, s3, s3_environment):
    store = f"s3://{bucket}/clips"
    make_store(store, splits={"train": 8, "val": 4, "test": 4}, s3_endpoint=s3_environment)
    where = (store, "--output", f"s3://{bucket}/out", "--s3-endpoint", s3_environment)
    asked = (*where, "--tracking-uri", "none", "--json", "--backbone", "tiny", "--hidden", "16", "--layers", "1")
    how = ("--backbone-weights", "none", "--batch-clips", "2", "--epochs", "6")
    process = start("train", *asked, *how, folder=tmp_path)
    for line in process.stderr:
        if line.startswith("epoch 1/6"):
            process.send_signal(signal.SIGTERM)
            break
    out, err = process.communicate(timeout=200)
    assert process.returncode == 143, err
    stopped = json.loads(out.splitlines()[-1])
    assert (stopped["exit_code"], stopped["model"]) == (143, None)
    assert f"go on with --resume {stopped['run_id']}" in err
    code, out, err = run("train", *asked, "--resume", stopped["run_id"], folder=tmp_path)
    assert code == 0, err
    summary = json.loads(out.splitlines()[-1])
    assert (summary["run_id"], summary["epochs"], summary["resumes"]) == (stopped["run_id"], 6, 1)
    of_run = f"out/runs/{summary['run_id']}"
    history = json.loads(s3.get_object(Bucket=bucket, Key=f"{of_run}/history.json")["Body"].read())
    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5, 6]
    keys = {each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=of_run)["Contents"]}
    assert {f"{of_run}/model/{name}" for name in ("model.json", "weights.safetensors", "canary.safetensors")} <= keys
    assert "registered as" not in err
    assert list(tmp_path.iterdir()) == []
    assert S3_ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in out + err
