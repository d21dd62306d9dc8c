"""A night on a real cluster: a head without work and three workers, scans and trainings submitted from outside."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from gsgmodel.training.loop import Trainer
from gsgmodel.training.opening import make_job, open_training
from tests.end_to_end.conftest import platform_of
from tests.end_to_end.scans import Platform, assert_same_rows, rows_of, title
from tests.ray_cluster import ROOT, RayCluster, serving_ray
from tests.servers import S3_ENVIRONMENT
from tests.small_store import make_store
from tests.small_training import LoneWorker, make_settings

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]
SCORING = tuple(f"MapWorker(MapBatches({stage}Actor))" for stage in ("Prepare", "Joint"))
EPOCHS = 8


@pytest.fixture(scope="module")
def night(s3_server: str, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A store, an MLflow with a champion, and a cluster, each a process of its own."""
    with platform_of(s3_server, model, tmp_path_factory.mktemp("night"), cores=(0, 1, 1, 1)) as found:
        yield found


def submit_night(platform: Platform, *args: str) -> "subprocess.Popen[str]":
    """As the nightly CronJob does it."""
    command = [sys.executable, "cluster/nightly.py", "--name", "night", "--", "python", f"{ROOT}/jobs/score.py"]
    environment = {**platform.cluster.environment, "RAY_API_SERVER_ADDRESS": platform.cluster.job_server}
    return subprocess.Popen(
        [*command, *args], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def await_worker(cluster: RayCluster, titles: tuple[str, ...], *, while_running: "subprocess.Popen[str]") -> int:
    """The first node, the head apart, that runs a process of such a title."""
    until = time.monotonic() + 180
    while time.monotonic() < until:
        assert while_running.poll() is None, while_running.communicate()
        for index, node in enumerate(cluster.nodes[1:], 1):
            running = psutil.Process(node.pid).children(recursive=True) if node.poll() is None else []
            if any(part in title(process) for process in running for part in titles):
                return index
        time.sleep(0.1)
    raise AssertionError(f"no node runs {titles}")


def until_there(is_there: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + 180
    while not is_there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.1)


def keys_of(s3: Any, bucket: str, prefix: str) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]


def test_a_night_that_is_submitted_twice_and_loses_a_node_is_one_whole_scan(
    night: Platform, s3: Any, bucket: str, upload: Any, undisturbed: dict[str, Any]
) -> None:
    output = f"s3://{bucket}/out"
    args = (upload("in/"), "--output", output, "--commit-s", "0.2")
    first = submit_night(night, *args)
    lost = await_worker(night.cluster, SCORING, while_running=first)
    second = submit_night(night, *args)
    until_there(lambda: any(key.endswith("1.json") for key in keys_of(s3, bucket, "out/videos/_delta_log/")), first)
    night.cluster.kill_node(lost)
    logs = [process.communicate(timeout=400)[0] for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0], logs
    assert_same_rows(rows_of(output, s3_endpoint=night.s3_url), undisturbed)
    summaries = [key for key in keys_of(s3, bucket, "out/runs/") if key.endswith("summary.json")]
    assert len(summaries) == 1
    summary = json.loads(s3.get_object(Bucket=bucket, Key=summaries[0])["Body"].read())
    assert (summary["committed"], summary["lost"]) == (len(undisturbed), 0)
    assert summary["submission_id"].startswith("night-")
    assert f"{summary['submission_id']}: exit code 0" in logs[0]
    assert f"{summary['submission_id']}: exit code 0" in logs[1]


def num_checkpoints(s3: Any, bucket: str) -> int:
    """Of a training: whole ones, and perhaps one that is being written."""
    return sum(key.endswith("/state.json") for key in keys_of(s3, bucket, "training/runs/"))


def test_a_training_that_loses_a_node_learns_what_an_undisturbed_one_does(
    night: Platform, s3: Any, bucket: str, tmp_path: Path
) -> None:
    uri, output = f"s3://{bucket}/clips", f"s3://{bucket}/training"
    store = make_store(uri, splits={"train": 16, "val": 4, "test": 4}, s3_endpoint=night.s3_url)
    settings = make_settings(
        output=str(tmp_path / "alone"),
        s3_endpoint=night.s3_url,
        tracking_uri="none",
        epochs=EPOCHS,
        batch_norm="frozen",
    )
    with open_training(store.uri, settings) as training:
        alone = Trainer(make_job(training), LoneWorker(tmp_path))
        alone.run()
        training.run_folder.write_summary({})
    how = ("--backbone", "tiny", "--hidden", "16", "--layers", "1", "--num-selected", "2", "--attention-hidden", "8")
    how += ("--layer-norm", "--backbone-weights", "none", "--batch-norm", "frozen", "--no-augment", "--workers", "1:2")
    how += ("--lr", "0.02", "--backbone-lr", "0.02")
    job = night.cluster.submit(
        *(uri, "--output", output, "--epochs", EPOCHS, "--batch-clips", "4", "--seed", settings.seed, *how), job="train"
    )
    until_there(lambda: num_checkpoints(s3, bucket) > 1, job)
    night.cluster.kill_node(await_worker(night.cluster, ("RayTrainWorker",), while_running=job))
    log, _ = job.communicate(timeout=400)
    assert Platform.cluster_code(log) == 0, log
    (key,) = (key for key in keys_of(s3, bucket, "training/runs/") if key.endswith("summary.json"))
    summary = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert (summary["epochs"], summary["resumes"]) == (EPOCHS, 1), log
    assert summary["registered"] == "models:/gsg/2"
    of_run = key.removesuffix("summary.json")
    history = json.loads(s3.get_object(Bucket=bucket, Key=f"{of_run}history.json")["Body"].read())
    assert [row["epoch"] for row in history] == list(range(1, EPOCHS + 1))
    for row, expected in zip(history, alone.state.history, strict=True):
        assert row["train/loss"] == pytest.approx(expected["train/loss"], rel=1e-3)
    assert S3_ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in log


def doctor(environment: dict[str, str], folder: Path) -> tuple[int, dict[str, Any]]:
    """What the doctor finds of Ray, and the exit code."""
    done = subprocess.run(
        [sys.executable, "jobs/doctor.py", "--json", "--tracking-uri", f"sqlite:///{folder / 'mlflow.db'}"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return done.returncode, next(each for each in found["findings"] if each["name"] == "ray")


def test_the_doctor_passes_this_cluster_and_fails_one_without_tokens(night: Platform, tmp_path: Path) -> None:
    code, ray = doctor({**night.cluster.environment, "RAY_ADDRESS": night.cluster.address}, tmp_path)
    assert (code, ray["verdict"]) == (0, "ok"), ray
    with (
        # Short, because the names of Ray's sockets may have no more than 107 bytes.
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as nodes,
        serving_ray(Path(nodes), cores=(0,), env={"RAY_AUTH_MODE": "disabled"}) as cluster,
    ):
        code, ray = doctor({**cluster.environment, "RAY_ADDRESS": cluster.address}, tmp_path)
    assert (code, ray["verdict"]) == (1, "unsafe"), ray
