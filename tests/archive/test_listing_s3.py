"""S3 among the inputs of ``list_archive``: folders, objects and manifests, alone and mixed with a disk."""

import threading

import pytest

from gsgmodel.archive import listing
from gsgmodel.archive.listing import LeftOut, check_inputs, list_archive
from gsgmodel.errors import ConfigError
from gsgmodel.records import VideoRef
from tests import faults


def uris(items) -> list[str]:
    return [item.uri for item in items if isinstance(item, VideoRef)]


def test_every_kind_of_input_is_listed_once(fill, s3, bucket, s3_environment, tmp_path):
    fill("in/a.mp4", "in/b.txt", "in/deep/c.mp4", "alone.txt", "named.mp4")
    s3.put_object(Bucket=bucket, Key="lists/l.csv", Body=b"uri\n../x.mp4\ns3://%s/named.mp4\n" % bucket.encode())
    (tmp_path / "d.mp4").write_bytes(b"x")
    top = f"s3://{bucket}"
    inputs = [f"{top}/in", f"{top}/in/", f"{top}/in/deep", f"{top}/alone.txt", f"{top}/lists/l.csv", str(tmp_path)]
    check_inputs(inputs, s3_endpoint=s3_environment)
    found = list(list_archive(inputs, s3_endpoint=s3_environment))
    assert sorted(uris(found)) == [
        (tmp_path / "d.mp4").as_uri(),
        *(f"{top}/{key}" for key in ("alone.txt", "in/a.mp4", "in/deep/c.mp4", "named.mp4")),
    ]
    assert {(item.uri, item.reason) for item in found if isinstance(item, LeftOut)} == {
        (f"{top}/in/b.txt", "suffix"),
        (f"{top}/lists/../x.mp4", "missing"),
    }


def test_a_manifest_on_s3_inside_a_folder_is_just_an_object(fill, bucket, s3_environment):
    fill("l.csv", "a.mp4")
    found = list(list_archive([f"s3://{bucket}"], s3_endpoint=s3_environment))
    assert [getattr(item, "reason", "") for item in found] == ["", "suffix"]


def test_a_long_manifest_is_looked_up_by_chunks_and_stays_in_order(fill, bucket, proxy, tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "_ENTRIES_HELD", 20)
    fill(*(f"{number}.mp4" for number in range(0, 60, 2)))
    (tmp_path / "here.mp4").write_bytes(b"x")
    rows = [f"s3://{bucket}/{number}.mp4" for number in range(60)]
    (tmp_path / "l.csv").write_text("uri\n" + "\n".join([*rows[:30], "here.mp4", '""', *rows[30:]]))
    proxy.add(faults.ACCESS_DENIED, text="/4.mp4")
    proxy.add(faults.INTERNAL_ERROR, text="/6.mp4")
    items = list_archive([str(tmp_path / "l.csv")], s3_endpoint=proxy.url)
    assert next(items).uri == rows[0]
    assert 0 < proxy.count(method="HEAD") <= 30
    found = list(items)
    assert [item.uri for item in found] == [*rows[1:30], (tmp_path / "here.mp4").as_uri(), "", *rows[30:]]
    reasons = {item.uri.rpartition("/")[2]: item.reason for item in found if isinstance(item, LeftOut)}
    odd = {f"{number}.mp4": "missing" for number in range(1, 60, 2)}
    assert reasons == odd | {"4.mp4": "denied", "6.mp4": "unavailable", "": "blank"}


def test_a_manifest_that_is_not_read_to_its_end_leaves_nothing_running(fill, bucket, proxy, tmp_path):
    fill("0.mp4")
    (tmp_path / "l.csv").write_text("uri\n" + "".join(f"s3://{bucket}/{number}.mp4\n" for number in range(500)))
    items = list_archive([str(tmp_path / "l.csv")], s3_endpoint=proxy.url)
    next(items)
    items.close()
    assert proxy.count() < 500
    assert not any(thread.name.startswith("ThreadPoolExecutor") for thread in threading.enumerate())


def test_conditions_hold_for_what_is_named_too(fill, s3, bucket, s3_environment):
    fill("a.mp4")
    s3.put_object(Bucket=bucket, Key="l.csv", Body=b"path\na.mp4\n")
    for name in ("", "a.mp4", "l.csv"):
        options = {"filters": ["size>1kB"], "s3_endpoint": s3_environment}
        found = list(list_archive([f"s3://{bucket}/{name}"], **options))
        assert "size" in {item.reason for item in found}
        assert uris(found) == []


def test_what_cannot_work_is_said_before_any_request(bucket, proxy):
    inputs = [f"s3://{bucket}/"]
    with pytest.raises(ConfigError, match="'age<1' is no condition"):
        next(list_archive(inputs, filters=["age<1"], s3_endpoint=proxy.url))
    with pytest.raises(ConfigError, match="--s3-endpoint is"):
        check_inputs(inputs, s3_endpoint="store:9000")
    with pytest.raises(ConfigError, match="names no bucket"):
        check_inputs(["s3://"], s3_endpoint=proxy.url)
    assert proxy.count() == 0


def test_an_input_on_s3_that_cannot_be_listed_is_one_sentence_before_anything_else(fill, s3, bucket, s3_environment):
    fill("a.mp4")
    s3.put_object(Bucket=bucket, Key="l.csv", Body=b"file\na.mp4\n")
    for name, message in {"gone/": "empty folder", "gone": "does not exist", "l.csv": "no column named"}.items():
        inputs = [f"s3://{bucket}/a.mp4", f"s3://{bucket}/{name}"]
        with pytest.raises(ConfigError, match=message):
            check_inputs(inputs, s3_endpoint=s3_environment)
        with pytest.raises(ConfigError, match=message):
            next(list_archive(inputs, s3_endpoint=s3_environment))
