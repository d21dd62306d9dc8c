"""Checks before a release, on servers that are not made for tests: a Ceph gateway, and one that ignores preconditions.

They need what the README's section on tests names, and skip without it.
"""

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest

from gsgmodel.results.table import VideoTable
from tests.end_to_end.conftest import NUM_VIDEOS
from tests.end_to_end.scans import ROOT, assert_same_rows, rows_of
from tests.servers import free_port, serving

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(900)]
ONE_EACH = ("--prepare-actors", "1", "--score-actors", "1", "--commit-s", "0.2")
CEPH_KEY, CEPH_SECRET = "AKIDTEST0001", "secretsecret0001"
RCLONE_KEY, RCLONE_SECRET = "key", "secretsecret"


@dataclass
class Store:
    """A server with an S3 API and somebody who may use it."""

    url: str
    environment: dict[str, str]

    @property
    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )

    def fill(self, archive: Path) -> None:
        for name in ("archive", "results"):
            self.client.create_bucket(Bucket=name)
        for path in archive.glob("*.mp4"):
            self.client.put_object(Bucket="archive", Key=f"in/{path.name}", Body=path.read_bytes())


def environment(key: str, secret: str) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def ceph(archive: Path) -> Iterator[Store]:
    script = Path(os.environ.get("GSG_SHARED", ROOT.parent / "shared")) / "tools" / "ceph_up.sh"
    missing = [name for name in ("radosgw", "ceph-mon", "ceph-osd", "ceph") if shutil.which(name) is None]
    if missing or not script.is_file():
        pytest.skip(f"needs {', '.join(missing) or script}")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ceph-", ignore_cleanup_errors=True) as folder:
        started = subprocess.run(
            ["bash", script, f"{folder}/c", str(port)], capture_output=True, text=True, check=False
        )
        assert started.returncode == 0, started.stdout + started.stderr
        store = Store(f"http://127.0.0.1:{port}", environment(CEPH_KEY, CEPH_SECRET))
        store.fill(archive)
        yield store
        subprocess.run(["pkill", "-9", "-f", f"{folder}/c/ceph.conf"], check=False)


@pytest.fixture(scope="module")
def rclone(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    program = shutil.which("rclone")
    if program is None:
        pytest.skip("needs rclone")
    folder, url = tmp_path_factory.mktemp("rclone"), f"http://127.0.0.1:{free_port()}"
    (folder / "data").mkdir()
    command = [program, "serve", "s3", "--auth-key", f"{RCLONE_KEY},{RCLONE_SECRET}", "--addr", url[7:]]
    with serving([*command, str(folder / "data")], url=url, log=folder / "rclone.log"):
        store = Store(url, environment(RCLONE_KEY, RCLONE_SECRET))
        store.fill(archive)
        yield store


@pytest.fixture
def as_user(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes this process somebody who may use a store."""
    from gsgmodel.archive.s3 import connect

    def become(store: Store) -> None:
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        connect.cache_clear()

    yield become
    connect.cache_clear()


def test_two_scans_at_once_on_a_real_gateway_leave_each_video_once(
    ceph: Store, model: Path, undisturbed: dict[str, Any], start_scan: Any, as_user: Any
) -> None:
    args = ("s3://archive/in/", "--output", "s3://results/two", "--model", model, *ONE_EACH, "--s3-endpoint", ceph.url)
    for scan in [start_scan(*args, "--if-running", "join", env=ceph.environment) for _ in range(2)]:
        code, _, err = scan.finish(timeout_s=400)
        assert code == 0, err
        assert "relies on being the only one" not in err
    as_user(ceph)
    assert_same_rows(rows_of("s3://results/two", s3_endpoint=ceph.url), undisturbed)
    code, _, err = start_scan(*args, env=ceph.environment).finish()
    assert code == 0
    assert f"already scored {NUM_VIDEOS}" in err


def test_a_wrong_secret_is_one_sentence_that_does_not_show_it(ceph: Store, model: Path, start_scan: Any) -> None:
    wrong = environment(CEPH_KEY, "not-the-right-secret")
    args = ("s3://archive/in/", "--output", "s3://results/wrong", "--model", model, "--s3-endpoint", ceph.url)
    code, _, err = start_scan(*args, env=wrong).finish()
    assert code == 2
    sentence, last = err.splitlines()
    assert "SignatureDoesNotMatch" in sentence
    assert last == "exit code 2"
    assert "not-the-right-secret" not in err


def test_an_object_replaced_on_a_real_gateway_is_left_for_the_next_run(
    ceph: Store, archive: Path, model: Path, start_scan: Any, as_user: Any
) -> None:
    first, second = sorted(archive.glob("*.mp4"))[:2]
    ceph.client.put_object(Bucket="archive", Key="changing/a.mp4", Body=first.read_bytes())
    args = ("s3://archive/changing/", "--output", "s3://results/changing", "--model", model, *ONE_EACH)
    scan = start_scan(*args, "--s3-endpoint", ceph.url, env=ceph.environment)

    def is_planned() -> bool:
        listed = ceph.client.list_objects_v2(Bucket="results", Prefix="changing/runs/").get("Contents", [])
        return any("/plan/" in each["Key"] for each in listed)

    scan.wait_for(is_planned)
    ceph.client.put_object(Bucket="archive", Key="changing/a.mp4", Body=second.read_bytes())
    code, _, err = scan.finish()
    assert code == 0, err
    assert "1 could not be read and will be tried by the next run" in err
    code, _, err = start_scan(*args, "--s3-endpoint", ceph.url, env=ceph.environment).finish()
    assert code == 0, err
    as_user(ceph)
    found = rows_of("s3://results/changing", s3_endpoint=ceph.url)
    assert [row["status"] for row in found.values()] == ["scored"]


def test_a_store_that_ignores_preconditions_is_found_out_and_said(
    rclone: Store, model: Path, undisturbed: dict[str, Any], start_scan: Any, as_user: Any
) -> None:
    args = ("s3://archive/in/", "--output", "s3://results/out", "--model", model, "--s3-endpoint", rclone.url)
    code, _, err = start_scan(*args, *ONE_EACH, env=rclone.environment).finish()
    assert code == 0, err
    assert "the output's store ignores If-None-Match" in err
    assert "relies on being the only one that writes to it" in err
    # deltalake's own engine refuses this server's answers, which are whole where a range is the whole.
    as_user(rclone)
    contents = [
        rclone.client.get_object(Bucket="results", Key=uri.removeprefix("s3://results/"))["Body"].read()
        for uri in VideoTable.open("s3://results/out", s3_endpoint=rclone.url).file_uris()
    ]
    found = [row for content in contents for row in pq.read_table(io.BytesIO(content)).to_pylist()]
    assert len(found) == NUM_VIDEOS
    assert_same_rows({row["uri"].rpartition("/")[2]: row for row in found}, undisturbed)
