"""Scans of a store over HTTP: what it refuses or replaces costs those videos alone, and two scans share a table."""

import io
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.end_to_end.conftest import NUM_VIDEOS
from tests.end_to_end.scans import assert_same_rows, rows_of
from tests.faults import ACCESS_DENIED, faulty

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]
ONE_EACH = ("--prepare-actors", "1", "--score-actors", "1")


def keys_of(s3: Any, bucket: str, prefix: str) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]


def unfinished_of(s3: Any, bucket: str) -> dict[str, str]:
    """Status by file name of what the newest run left."""
    key = max(key for key in keys_of(s3, bucket, "out/runs/") if key.endswith("unfinished.parquet"))
    rows = pq.read_table(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())).to_pylist()
    return {row["uri"].rpartition("/")[2]: row["status"] for row in rows}


def test_what_is_denied_or_replaced_is_left_for_the_next_run_and_the_rest_is_scored(
    s3: Any, bucket: str, s3_environment: str, archive: Path, model: Path, start_scan: Any
) -> None:
    first, second, third, fourth = (path.read_bytes() for path in sorted(archive.glob("*.mp4"))[:4])
    for key, content in {"a.mp4": first, "b.mp4": second, "private/c.mp4": third}.items():
        s3.put_object(Bucket=bucket, Key=f"in/{key}", Body=content)
    with faulty(s3_environment) as proxy:
        proxy.add(ACCESS_DENIED, method="GET", text=f"/{bucket}/in/private/")
        args = (f"s3://{bucket}/in/", "--output", f"s3://{bucket}/out", "--model", model, *ONE_EACH)
        scan = start_scan(*args, "--s3-endpoint", proxy.url)
        # Planned, and no actor is up yet.
        scan.wait_for(lambda: any("/plan/" in key for key in keys_of(s3, bucket, "out/runs/")))
        s3.put_object(Bucket=bucket, Key="in/b.mp4", Body=fourth)
        code, _, err = scan.finish()
        assert code == 0, err
        assert "2 could not be read and will be tried by the next run" in err
        assert unfinished_of(s3, bucket) == {"b.mp4": "changed", "c.mp4": "denied"}
        assert {
            name: row["status"] for name, row in rows_of(f"s3://{bucket}/out", s3_endpoint=s3_environment).items()
        } == {"a.mp4": "scored"}
        proxy.clear()
        code, _, err = start_scan(*args, "--s3-endpoint", proxy.url).finish()
    assert code == 0, err
    rows = rows_of(f"s3://{bucket}/out", s3_endpoint=s3_environment)
    assert {name: row["status"] for name, row in rows.items()} == dict.fromkeys(("a.mp4", "b.mp4", "c.mp4"), "scored")
    assert unfinished_of(s3, bucket) == {}


@pytest.mark.slow
def test_two_scans_at_once_into_one_new_table_leave_each_video_once(
    upload: Any, bucket: str, s3_environment: str, model: Path, undisturbed: dict[str, Any], start_scan: Any
) -> None:
    args = (upload("in/"), "--output", f"s3://{bucket}/out", "--model", model, "--commit-s", "0.2", *ONE_EACH)
    args = (*args, "--if-running", "join")
    both = [start_scan(*args, "--s3-endpoint", s3_environment) for _ in range(2)]
    for scan in both:
        code, _, err = scan.finish(timeout_s=400)
        assert code == 0, err
    assert_same_rows(rows_of(f"s3://{bucket}/out", s3_endpoint=s3_environment), undisturbed)
    assert len(undisturbed) == NUM_VIDEOS


@pytest.mark.usefixtures("s3_environment")
def test_a_store_that_is_down_is_one_sentence(model: Path, start_scan: Any) -> None:
    started_s = time.monotonic()
    code, _, err = start_scan("s3://archive/in/", "--model", model, "--s3-endpoint", "http://127.0.0.1:9").finish()
    assert code == 2
    assert time.monotonic() - started_s < 60
    assert "Traceback" not in err
    assert len(err.splitlines()) == 2, err
