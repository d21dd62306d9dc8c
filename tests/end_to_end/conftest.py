"""Whole scans as a user starts them: real videos, the real command, real Ray processes."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gsgmodel.datasets.made import make_videos
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.settings import ModelSettings
from gsgmodel.model.weights import save_model
from tests.end_to_end.scans import ROOT, Platform, RunningScan, rows_of
from tests.mlflow_server import serving_mlflow
from tests.ray_cluster import serving_ray
from tests.servers import S3_ENVIRONMENT

NUM_VIDEOS = 24


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of short videos, each with one face."""
    folder = tmp_path_factory.mktemp("archive")
    make_videos(folder, num_videos=NUM_VIDEOS, seconds=1.0, size_px=192, seed=3)
    (folder / "manifest.csv").unlink()
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with the small backbone and an operating point."""
    import torch

    torch.manual_seed(0)
    config = GSGConfig(backbone="tiny", hidden=32)
    folder = tmp_path_factory.mktemp("model")
    settings = ModelSettings(architecture=config, operating_points={"default": 0.0})
    save_model(folder, GSGModel(config), settings)
    return folder


StartScan = Callable[..., RunningScan]


@pytest.fixture
def start_scan() -> Iterator[StartScan]:
    """Starts scans with the given arguments; what still runs afterwards is killed."""
    started: list[RunningScan] = []

    def start(*args: str | Path, env: dict[str, str] | None = None) -> RunningScan:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "jobs" / "score.py"), *map(str, args)],
            cwd=ROOT,
            env={**os.environ, "GSG_TRACKING_URI": "none", **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(RunningScan(process))
        return started[-1]

    yield start
    for scan in started:
        if scan.process.poll() is None:
            os.killpg(scan.process.pid, signal.SIGKILL)
            scan.process.communicate()


@pytest.fixture(scope="session")
def undisturbed(archive: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The rows of a scan that nothing disturbed."""
    output = tmp_path_factory.mktemp("undisturbed")
    done = subprocess.run(
        [sys.executable, "jobs/score.py", str(archive), "--model", str(model), "--output", str(output)],
        cwd=ROOT,
        env={**os.environ, "GSG_TRACKING_URI": "none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = rows_of(output, "*")
    assert len(rows) == NUM_VIDEOS
    assert all(row["status"] == "scored" and row["num_clips"] for row in rows.values())
    return rows


@pytest.fixture
def upload(s3: Any, bucket: str, archive: Path) -> Callable[[str], str]:
    """Puts the archive's videos under a prefix of the test's bucket and returns its URI."""

    def put(prefix: str) -> str:
        for path in archive.glob("*.mp4"):
            s3.put_object(Bucket=bucket, Key=f"{prefix}{path.name}", Body=path.read_bytes())
        return f"s3://{bucket}/{prefix}"

    return put


@pytest.fixture(scope="module")
def platform(s3_server: str, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """What a platform team has: a store, an MLflow with a champion, and a cluster of two nodes that knows both."""
    with platform_of(s3_server, model, tmp_path_factory.mktemp("platform")) as found:
        yield found


@pytest.fixture
def fresh_platform(s3_server: str, model: Path, tmp_path: Path) -> Iterator[Platform]:
    """The same for one test, which may take its nodes away."""
    with platform_of(s3_server, model, tmp_path) as found:
        yield found


@contextmanager
def platform_of(s3_server: str, model: Path, folder: Path, *, cores: Sequence[int] = (1, 1)) -> Iterator[Platform]:
    """A store, an MLflow with the model as its champion, and a cluster of nodes with so many cores, the head first."""
    # Short, because the names of Ray's sockets may have no more than 107 bytes.
    with (
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as nodes,
        serving_mlflow(folder) as mlflow_url,
    ):
        register = [sys.executable, "jobs/models.py", "register", str(model), "--tracking-uri", mlflow_url]
        subprocess.run(register, cwd=ROOT, check=True, capture_output=True)
        environment = {**S3_ENVIRONMENT, "AWS_ENDPOINT_URL_S3": s3_server, "MLFLOW_TRACKING_URI": mlflow_url}
        with serving_ray(Path(nodes), cores=cores, env=environment) as cluster:
            yield Platform(cluster=cluster, mlflow_url=mlflow_url, s3_url=s3_server, nodes_folder=Path(nodes))
