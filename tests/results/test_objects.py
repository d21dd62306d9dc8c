"""Objects as files, whole and in pieces."""

import os

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from gsgmodel.errors import ChangedError, DeniedError, MissingError
from gsgmodel.results import objects as module
from gsgmodel.results.objects import ObjectFile, object_files, upload
from tests.faults import ACCESS_DENIED, cut, faulty

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def written(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a//b?versionId=1 #.bin", Body=CONTENT)
    return bucket, "a//b?versionId=1 #.bin"


def test_a_file_is_read_from_any_place(written, s3_environment):
    file = ObjectFile(*written, endpoint=s3_environment)
    assert file.read(10) == CONTENT[:10]
    assert file.tell() == 10
    assert file.seek(-5, os.SEEK_END) == len(CONTENT) - 5
    assert file.read() == CONTENT[-5:]
    assert file.read(1) == b""
    file.seek(100)
    file.seek(28, os.SEEK_CUR)
    assert file.read(3) == CONTENT[128:131]
    assert file.read(0) == b""
    file.close()
    assert file.closed


def test_a_file_is_one_version_of_its_object(written, s3_environment, s3):
    file = ObjectFile(*written, endpoint=s3_environment)
    file.read(1)
    s3.put_object(Bucket=written[0], Key=written[1], Body=CONTENT[::-1])
    with pytest.raises(ChangedError):
        file.read(1)


def test_pyarrow_reads_parquet_whatever_its_key(s3, bucket, s3_environment, tmp_path):
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "a.parquet")
    s3.upload_file(str(tmp_path / "a.parquet"), bucket, "x//y?versionId=2/a.parquet")
    paths = [f"{bucket}/x//y?versionId=2/a.parquet"]
    found = ds.dataset(paths, format="parquet", filesystem=object_files(s3_environment)).to_table()
    assert found["a"].to_pylist() == [1, 2]


def test_a_connection_that_is_cut_is_asked_again(written, s3_server):
    with faulty(s3_server) as proxy:
        proxy.add(cut(100), method="GET", times=2)
        assert ObjectFile(*written, endpoint=proxy.url).read() == CONTENT


def test_an_object_that_is_not_there_is_missing(bucket, s3_environment):
    with pytest.raises(MissingError):
        ObjectFile(bucket, "nothing", endpoint=s3_environment).read()


@pytest.mark.parametrize("size_bytes", [1, 5 << 20, 11 << 20])
def test_a_file_is_uploaded_part_by_part(s3, bucket, s3_environment, tmp_path, monkeypatch, size_bytes):
    monkeypatch.setattr(module, "_PART_BYTES", 5 << 20)
    content = os.urandom(1 << 20) * (size_bytes >> 20) or b"x"
    (tmp_path / "file").write_bytes(content)
    upload(tmp_path / "file", bucket, "a//b", endpoint=s3_environment)
    assert s3.get_object(Bucket=bucket, Key="a//b")["Body"].read() == content


def test_an_upload_that_fails_leaves_nothing_behind(s3, bucket, s3_server, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with faulty(s3_server) as proxy:
        proxy.add(ACCESS_DENIED, method="PUT")
        with pytest.raises(DeniedError):
            upload(tmp_path / "file", bucket, "a", endpoint=proxy.url)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
