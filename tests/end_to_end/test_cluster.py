"""What platform teams do every night: submit the job to a cluster, with videos and results on a store."""

import json
import re
import subprocess
import textwrap
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.scans import Platform, assert_same_rows, rows_of
from tests.ray_cluster import BIN
from tests.servers import S3_ENVIRONMENT

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]
OF_ONE_RUN = {"uri", "video_id", "etag", "last_modified", "run_id", "scored_at", "model_uri", "model_version"}
"""Columns that tell where a video lies, when it was scored and by what name the model was called."""


def summaries_of(s3: Any, bucket: str, prefix: str) -> list[dict[str, Any]]:
    """The summaries of the runs of an output, oldest first."""
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/runs/").get("Contents", [])
    keys = sorted(each["Key"] for each in listed if each["Key"].endswith("summary.json"))
    return [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]


def test_a_submitted_job_gives_the_same_table_as_a_local_scan(
    platform: Platform, s3: Any, bucket: str, upload: Any, undisturbed: dict[str, Any]
) -> None:
    output = f"s3://{bucket}/out"
    code, log = platform.run(upload("2026/a night/"), "--output", output, "--commit-s", "1")
    assert code == 0, log
    found = rows_of(output, "*", s3_endpoint=platform.s3_url)
    assert_same_rows(found, undisturbed)
    for name, row in undisturbed.items():
        assert {key: value for key, value in found[name].items() if key not in OF_ONE_RUN | {"score", "faces"}} == {
            key: value for key, value in row.items() if key not in OF_ONE_RUN | {"score", "faces"}
        } | {"score_global": found[name]["score_global"], "score_fusion": found[name]["score_fusion"]}
        assert found[name]["uri"] == f"s3://{bucket}/2026/a night/{name}"
        assert found[name]["model_uri"] == "models:/gsg/1"
    (summary,) = summaries_of(s3, bucket, "out")
    assert (summary["exit_code"], summary["committed"]) == (0, len(undisturbed))
    assert summary["submission_id"].startswith("raysubmit_")
    assert_in_mlflow(platform, summary)
    assert_only_code_travelled(platform)
    told = log + json.dumps(summary)
    assert S3_ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in told


def assert_in_mlflow(platform: Platform, summary: dict[str, Any]) -> None:
    """The run stands in MLflow with its numbers."""
    asked = {"experiment_ids": [experiment_id(platform)], "filter": f"tags.mlflow.runName = '{summary['run_id']}'"}
    (run,) = post(platform, "runs/search", asked)["runs"]
    metrics = {each["key"]: each["value"] for each in run["data"]["metrics"]}
    assert run["info"]["status"] == "FINISHED"
    assert metrics["committed"] == summary["committed"]
    assert metrics["videos_per_s"] == pytest.approx(summary["videos_per_s"])


def experiment_id(platform: Platform) -> str:
    url = f"{platform.mlflow_url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=gsg-scans"
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(json.load(answer)["experiment"]["experiment_id"])


def post(platform: Platform, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{platform.mlflow_url}/api/2.0/mlflow/{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return dict(json.load(answer))


def assert_only_code_travelled(platform: Platform) -> None:
    """Every node got the code into a folder of its own, and nothing else."""
    for node in range(2):
        place = platform.nodes_folder / f"node-{node}"
        (folder, *_) = place.glob("session_2*/runtime_resources/working_dir_files/_ray_pkg_*/jobs")
        assert {path.name for path in folder.parent.iterdir()} <= {"gsgmodel", "jobs", "pyproject.toml"}


def test_a_client_without_the_token_is_refused(platform: Platform) -> None:
    env = {name: value for name, value in platform.cluster.environment.items() if not name.startswith("RAY_AUTH")}
    env |= {"HOME": str(platform.nodes_folder), "RAY_AUTH_MODE": "disabled"}
    out, _ = platform.cluster.submit("s3://archive/", env=env).communicate(timeout=60)
    assert "Missing authentication token" in out
    assert "submitted successfully" not in out


def test_what_works_on_a_laptop_only_is_refused_in_a_submitted_job(platform: Platform, archive: Path) -> None:
    started = {
        "--output is 'results'": platform.cluster.submit("s3://archive/", "--output", "results"),
        "is local, and the cluster has 2 nodes": platform.cluster.submit(archive, "--output", "s3://results/out"),
    }
    for sentence, process in started.items():
        log, _ = process.communicate(timeout=120)
        assert sentence in log
        assert Platform.cluster_code(log) == 2
        assert process.returncode == 1


@pytest.mark.slow
def test_who_holds_the_cluster_is_named(platform: Platform, tmp_path: Path, bucket: str, upload: Any) -> None:
    (tmp_path / "hold.py").write_text(
        textwrap.dedent(
            """
            import ray, time
            ray.init()
            Holder = ray.remote(num_cpus=1)(type("Holder", (), {"hold": lambda self: 1}))
            held = [Holder.remote() for _ in range(2)]
            ray.get([each.hold.remote() for each in held])
            print("holding", flush=True)
            time.sleep(120)
            """
        )
    )
    command = [BIN / "ray", "job", "submit", "--address", platform.cluster.job_server, "--submission-id", "greedy"]
    holder = subprocess.Popen(
        [*map(str, command), "--working-dir", str(tmp_path), "--", "python", "hold.py"],
        env=platform.cluster.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert holder.stdout is not None
    try:
        assert any(line.startswith("holding") for line in holder.stdout)
        args = (upload("in/"), "--output", f"s3://{bucket}/out")
        code, log = platform.run(*args, "--start-timeout", "2s")
    finally:
        platform.cluster.client("stop", "greedy", "--no-wait")
        holder.kill()
        holder.wait()
    assert code == 2
    assert "greedy holds 2 CPU" in log
    assert "Traceback" not in log


def stop_a_job(platform: Platform, s3: Any, bucket: str, args: tuple[str, ...]) -> dict[str, Any]:
    """Submit a scan, stop it after its first commit, and return its summary."""
    job = platform.cluster.submit(*args, options=("--submission-id", f"nightly-{bucket}"))
    until = time.monotonic() + 120
    while not any(key["Key"].endswith("1.json") for key in listed(s3, bucket, "out/videos/_delta_log/")):
        assert time.monotonic() < until, job.communicate()
        time.sleep(0.2)
    assert platform.cluster.stop(f"nightly-{bucket}")
    job.communicate(timeout=120)
    # What the client shows ends with the stop, which may come before the job's last line.
    log = platform.cluster.client("logs", f"nightly-{bucket}").stdout
    (summary,) = summaries_of(s3, bucket, "out")
    assert (summary["exit_code"], Platform.cluster_code(log)) == (143, 143), log
    return summary


def test_a_stopped_job_commits_what_is_in_work_and_accounts_for_the_rest(
    platform: Platform, s3: Any, bucket: str, upload: Any
) -> None:
    summary = stop_a_job(platform, s3, bucket, (upload("in/"), "--output", f"s3://{bucket}/out", "--commit-s", "0.2"))
    assert summary["planned"] == summary["committed"] + summary["left"]
    assert 0 < summary["committed"] < summary["planned"]
    assert len(rows_of(f"s3://{bucket}/out", s3_endpoint=platform.s3_url)) == summary["committed"]


@pytest.mark.slow
def test_the_next_run_scores_what_a_stopped_job_left(
    platform: Platform, s3: Any, bucket: str, upload: Any, model: Path, undisturbed: dict[str, Any], start_scan: Any
) -> None:
    output = f"s3://{bucket}/out"
    args = (upload("in/"), "--output", output, "--commit-s", "0.2")
    summary = stop_a_job(platform, s3, bucket, args)
    environment = {"AWS_ENDPOINT_URL_S3": platform.s3_url}
    code, _, err = start_scan(*args, "--model", model, env=environment).finish()
    assert code == 0, err
    assert re.search(rf"already scored {summary['committed']}\b", err)
    assert_same_rows(rows_of(output, s3_endpoint=platform.s3_url), undisturbed)


def listed(s3: Any, bucket: str, prefix: str) -> list[dict[str, Any]]:
    return list(s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []))


@pytest.mark.slow
def test_a_node_that_is_lost_costs_only_its_work_in_flight(
    platform: Platform, s3: Any, bucket: str, upload: Any, undisturbed: dict[str, Any]
) -> None:
    output = f"s3://{bucket}/out"
    job = platform.cluster.submit(upload("in/"), "--output", output, "--commit-s", "0.2")
    until = time.monotonic() + 120
    while not any(key["Key"].endswith("1.json") for key in listed(s3, bucket, "out/videos/_delta_log/")):
        assert time.monotonic() < until
        time.sleep(0.2)
    platform.cluster.kill_node(1)
    log, _ = job.communicate(timeout=400)
    assert Platform.cluster_code(log) == 0, log
    assert_same_rows(rows_of(output, s3_endpoint=platform.s3_url), undisturbed)
