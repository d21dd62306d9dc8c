"""Archives and outputs, as findings: real folders, and a real S3 API."""

import pytest

from gsgmodel.doctor.stores import check_stores
from gsgmodel.errors import ConfigError
from tests.faults import ACCESS_DENIED, Fault, faulty
from tests.servers import free_port


def verdicts(stores, outputs, *, endpoint=None):
    return {found.name: found for found in check_stores(stores, outputs, s3_endpoint=endpoint)}


def test_folders_are_listed_and_written(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_bytes(b"x")
    before = sorted(tmp_path.rglob("*"))
    found = verdicts([str(tmp_path / "in")], [str(tmp_path / "out")])
    assert {name: each.verdict for name, each in found.items()} == {
        "archive": "ok",
        "output": "ok",
        "output's disk": "ok",
    }
    assert sorted(tmp_path.rglob("*")) == before


def test_a_store_is_listed_and_written_and_its_clock_compared(s3, bucket, s3_environment):
    s3.put_object(Bucket=bucket, Key="in/a.mp4", Body=b"x")
    found = verdicts([f"s3://{bucket}/in/"], [f"s3://{bucket}/out"], endpoint=s3_environment)
    assert {name: each.verdict for name, each in found.items()} == dict.fromkeys(("archive", "output", "clock"), "ok")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["in/a.mp4"]


def test_what_is_not_there_or_may_not_be_used_is_a_failure_with_the_way_out(tmp_path, s3_environment, bucket):
    gone = verdicts([str(tmp_path / "gone")], [])["archive"]
    assert (gone.verdict, bool(gone.fix)) == ("failed", True)
    with faulty(s3_environment) as proxy:
        proxy.add(ACCESS_DENIED)
        found = verdicts([f"s3://{bucket}/in/"], [f"s3://{bucket}/out"], endpoint=proxy.url)
    assert (found["archive"].verdict, found["output"].verdict) == ("failed", "failed")
    assert "denied" in found["archive"].text.lower()


def test_a_store_that_replaces_what_is_protected_is_a_warning(s3_environment, bucket):
    with faulty(s3_environment) as proxy:
        # What it is told about conditions does not reach the store behind.
        proxy.add(Fault(drop="if-none-match"))
        found = verdicts([], [f"s3://{bucket}/out"], endpoint=proxy.url)
    assert found["output"].verdict == "warning"


def test_a_store_that_does_not_answer_tells_no_time():
    found = verdicts(["s3://archive/"], [], endpoint=f"http://127.0.0.1:{free_port()}")
    assert (found["archive"].verdict, found["clock"].verdict) == ("failed", "warning")


def test_a_file_cannot_be_an_output(tmp_path):
    (tmp_path / "file").write_text("x")
    assert verdicts([], [str(tmp_path / "file")])["output"].verdict == "failed"


@pytest.mark.parametrize("uri", ["ftp://host/a", "s3://k:hunter2@bucket/a"])
def test_what_is_no_store_is_refused_without_showing_a_password(uri):
    with pytest.raises(ConfigError) as caught:
        verdicts([uri], [])
    assert "hunter2" not in str(caught.value)
