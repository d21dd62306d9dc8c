"""What every test shares: shapes checked at run time, the shared media, one thread for torch."""

import linecache
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from jaxtyping import install_import_hook

from tests.servers import S3_ENVIRONMENT, serving_s3

PURE_ROOMS = (
    *("records", "redact", "metrics", "archive", "video", "faces", "model", "results", "datasets", "scoring"),
    *("evaluation", "report"),
)
# Ray cannot send hooked classes to its processes, so only what stays with the driver or is a plain function.
PURE_MODULES = (
    *(f"scan.{name}" for name in ("commit", "plan", "rows", "settings", "sinks")),
    *(f"training.{name}" for name in ("batches", "feed", "judge", "order", "step")),
)
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
os.environ.setdefault("OMP_NUM_THREADS", "1")
install_import_hook([f"gsgmodel.{name}" for name in PURE_ROOMS + PURE_MODULES], CHECKER)

# It needs OpenCV, which only who measures installs.
collect_ignore = ["bench/plain.py"]


# How long an example takes says nothing where other tests run at the same time.
hypothesis.settings.register_profile("gsg", deadline=None)
hypothesis.settings.load_profile("gsg")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A doctest walks over linecache, from which SQLAlchemy's classes take their entries whenever they are freed."""
    if isinstance(item, pytest.DoctestItem):
        linecache.clearcache()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real and hostile media, described by its manifest; tests that need it skip without it."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("GSG_SHARED", str(default))) / "data"
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"needs the shared media, not found in {folder} (set GSG_SHARED)")
    return folder


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3 API over HTTP, for the whole session."""
    with serving_s3(tmp_path_factory.mktemp("s3")) as url:
        yield url


@pytest.fixture
def s3_environment(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same server with credentials in the environment; clients of other tests are forgotten."""
    from gsgmodel.archive.s3 import connect

    connect.cache_clear()
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in S3_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    yield s3_server
    connect.cache_clear()


@pytest.fixture
def s3(s3_environment: str) -> Any:
    """A plain client of the server, for arranging and looking, independent of our code."""
    import boto3

    return boto3.client("s3", endpoint_url=s3_environment)


@pytest.fixture
def bucket(s3: Any) -> str:
    """A bucket of the test's own."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name
