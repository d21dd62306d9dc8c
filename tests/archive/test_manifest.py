"""Manifests in Parquet and CSV."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.archive import manifest as manifest_module
from gsgmodel.archive.manifest import check_manifest, is_manifest, manifest_entries
from gsgmodel.errors import ConfigError
from tests import faults

NAMES = st.lists(
    st.text(st.characters(blacklist_characters="\0/", blacklist_categories=["Cs"]), min_size=1).filter(
        lambda name: name not in {".", ".."} and "://" not in name
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=30, deadline=None)
@given(names=NAMES)
def test_every_name_in_a_parquet_manifest_is_taken_literally(tmp_path_factory, names):
    manifest = tmp_path_factory.mktemp("m") / "list.parquet"
    pq.write_table(pa.table({"other": list(range(len(names))), "path": names}), manifest)
    assert list(manifest_entries(manifest)) == [manifest.parent / name for name in names]


def test_a_csv_manifest_holds_spaces_commas_quotes_and_newlines(tmp_path):
    manifest = tmp_path / "list.csv"
    rows = [
        "label,path,n",
        '1,"a, b.mp4",2',
        '0,"say ""hi"".mp4",3',
        '0,"new\nline.mp4",3',
        "0,NA,4",
        "0,\u00e9#?&%41.mp4,5",
    ]
    manifest.write_text("\n".join(rows), encoding="utf-8")
    names = ["a, b.mp4", 'say "hi".mp4', "new\nline.mp4", "NA", "\u00e9#?&%41.mp4"]
    assert list(manifest_entries(manifest)) == [tmp_path / name for name in names]


def test_a_byte_order_mark_is_not_part_of_a_column(tmp_path):
    manifest = tmp_path / "list.csv"
    manifest.write_bytes(b"\xef\xbb\xbfpath\r\na.mp4\r\n")
    assert list(manifest_entries(manifest)) == [tmp_path / "a.mp4"]


def test_uris_absolute_and_relative_paths_may_be_mixed(tmp_path):
    manifest = tmp_path / "list.csv"
    manifest.write_text("uri\nfile:///data/a%20b%FF.mp4\n/data/c%20d.mp4\n../e.mp4\nsub/f.mp4\n")
    paths = ["/data/a b\udcff.mp4", "/data/c%20d.mp4", f"{tmp_path.parent}/e.mp4", f"{tmp_path}/sub/f.mp4"]
    assert list(manifest_entries(manifest)) == [Path(path) for path in paths]


def test_the_uri_counts_where_there_is_a_path_too(tmp_path):
    manifest = tmp_path / "list.parquet"
    pq.write_table(pa.table({"path": ["a.mp4"], "uri": ["file:///b.mp4"]}), manifest)
    assert list(manifest_entries(manifest)) == [Path("/b.mp4")]


def test_blank_rows_are_told_apart(tmp_path):
    manifest = tmp_path / "list.parquet"
    pq.write_table(pa.table({"path": ["a.mp4", None, ""]}), manifest)
    assert list(manifest_entries(manifest)) == [tmp_path / "a.mp4", None, None]


def test_a_manifest_without_rows_names_nothing(tmp_path):
    (tmp_path / "a.csv").write_text("path\n")
    check_manifest(tmp_path / "a.csv")
    assert list(manifest_entries(tmp_path / "a.csv")) == []
    pq.write_table(pa.table({"uri": pa.array([], pa.string())}), tmp_path / "c.parquet")
    check_manifest(tmp_path / "c.parquet")
    assert list(manifest_entries(tmp_path / "c.parquet")) == []


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_a_broken_manifest_is_one_sentence(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        check_manifest(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_csv_row_with_too_many_values_is_one_sentence(tmp_path):
    (tmp_path / "a.csv").write_text("path,n\na.mp4,1\nb.mp4,2,3\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        list(manifest_entries(tmp_path / "a.csv"))


def test_a_manifest_without_a_naming_column_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("file,n\na.mp4,1\n")
    with pytest.raises(ConfigError, match="no column named 'uri' or 'path'"):
        check_manifest(tmp_path / "a.csv")


def test_a_naming_column_of_numbers_is_refused(tmp_path):
    pq.write_table(pa.table({"path": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(ConfigError, match="int64; accepted: text"):
        check_manifest(tmp_path / "a.parquet")


def test_a_local_manifest_may_name_objects_of_s3(tmp_path):
    (tmp_path / "a.csv").write_text("uri\na.mp4\nS3://bucket/a//b%41#?.mp4\n")
    assert list(manifest_entries(tmp_path / "a.csv")) == [tmp_path / "a.mp4", "s3://bucket/a//b%41#?.mp4"]


@pytest.mark.parametrize("row", ["gs://bucket/b.mp4", "s3:///b.mp4", "http://store/b.mp4"])
def test_a_row_of_another_scheme_or_without_a_bucket_is_refused(tmp_path, row):
    (tmp_path / "a.csv").write_text(f"uri\na.mp4\n{row}\n")
    entries = manifest_entries(tmp_path / "a.csv")
    assert next(entries) == tmp_path / "a.mp4"
    with pytest.raises(ConfigError, match="accepted: "):
        next(entries)


def test_a_long_manifest_is_read_as_it_is_asked_for(tmp_path):
    manifest = tmp_path / "list.csv"
    names = [f"{number:0200}.mp4" for number in range(12_000)]
    manifest.write_text("path\n" + "\n".join([*names, "a row,too long"]))
    paths = manifest_entries(manifest)
    assert [next(paths).name for _ in range(2_000)] == names[:2_000]
    with pytest.raises(ConfigError, match="cannot be read"):
        list(paths)


def test_manifests_are_known_by_their_names():
    assert [is_manifest(Path(name)) for name in ("a.csv", "a.PARQUET", "a.mp4", "csv", "a.json")] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_in_a_manifest_on_s3_names_are_relative_to_its_folder(s3, bucket, s3_environment, kind):
    names = ["a.mp4", "../b//c%41.mp4", "s3://other/d.mp4", "file:///data/e%20f.mp4", "/data/g.mp4", ""]
    sink = io.BytesIO()
    if kind == "csv":
        sink.write(("uri,etag,size_bytes\n" + "".join(f'"{name}",wrong,-1\n' for name in names)).encode())
    else:
        pq.write_table(pa.table({"uri": names, "etag": ["wrong"] * 6}), sink)
    s3.put_object(Bucket=bucket, Key=f"lists/2026/l.{kind}", Body=sink.getvalue())
    manifest = f"s3://{bucket}/lists/2026/l.{kind}"
    check_manifest(manifest, s3_endpoint=s3_environment)
    assert list(manifest_entries(manifest, s3_endpoint=s3_environment)) == [
        f"s3://{bucket}/lists/2026/a.mp4",
        f"s3://{bucket}/lists/2026/../b//c%41.mp4",
        "s3://other/d.mp4",
        Path("/data/e f.mp4"),
        Path("/data/g.mp4"),
        None,
    ]


def test_names_in_a_manifest_at_the_top_of_a_bucket_are_keys(s3, bucket, s3_environment):
    s3.put_object(Bucket=bucket, Key="l.csv", Body=b"path\na.mp4\n")
    entries = manifest_entries(f"s3://{bucket}/l.csv", s3_endpoint=s3_environment)
    assert list(entries) == [f"s3://{bucket}/a.mp4"]


def test_a_manifest_on_s3_that_is_too_large_broken_gone_or_refused_is_one_sentence(s3, bucket, proxy, monkeypatch):
    s3.put_object(Bucket=bucket, Key="large.csv", Body=b"path\n" + b"x" * 100)
    s3.put_object(Bucket=bucket, Key="broken.parquet", Body=b"no")
    monkeypatch.setattr(manifest_module, "MOST_BYTES", 50)
    proxy.add(faults.ACCESS_DENIED, text="denied")
    for name, message in {
        "large.csv": "105 bytes; accepted: at most 50",
        "broken.parquet": "cannot be read",
        "gone.csv": "Not Found",
        "denied.csv": "Access Denied",
    }.items():
        with pytest.raises(ConfigError, match=message) as caught:
            check_manifest(f"s3://{bucket}/{name}", s3_endpoint=proxy.url)
        assert str(caught.value).startswith(f"manifest 's3://{bucket}/{name}' cannot be read: ")
        assert "\n" not in str(caught.value)
