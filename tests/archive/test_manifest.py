"""Manifests in Parquet and CSV."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.archive.manifest import check_manifest, is_manifest, manifest_paths
from gsgmodel.errors import ConfigError

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
    assert list(manifest_paths(manifest)) == [manifest.parent / name for name in names]


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
    assert list(manifest_paths(manifest)) == [tmp_path / name for name in names]


def test_a_byte_order_mark_is_not_part_of_a_column(tmp_path):
    manifest = tmp_path / "list.csv"
    manifest.write_bytes(b"\xef\xbb\xbfpath\r\na.mp4\r\n")
    assert list(manifest_paths(manifest)) == [tmp_path / "a.mp4"]


def test_uris_absolute_and_relative_paths_may_be_mixed(tmp_path):
    manifest = tmp_path / "list.csv"
    manifest.write_text("uri\nfile:///data/a%20b%FF.mp4\n/data/c%20d.mp4\n../e.mp4\nsub/f.mp4\n")
    paths = ["/data/a b\udcff.mp4", "/data/c%20d.mp4", f"{tmp_path.parent}/e.mp4", f"{tmp_path}/sub/f.mp4"]
    assert list(manifest_paths(manifest)) == [Path(path) for path in paths]


def test_the_uri_counts_where_there_is_a_path_too(tmp_path):
    manifest = tmp_path / "list.parquet"
    pq.write_table(pa.table({"path": ["a.mp4"], "uri": ["file:///b.mp4"]}), manifest)
    assert list(manifest_paths(manifest)) == [Path("/b.mp4")]


def test_blank_rows_are_told_apart(tmp_path):
    manifest = tmp_path / "list.parquet"
    pq.write_table(pa.table({"path": ["a.mp4", None, ""]}), manifest)
    assert list(manifest_paths(manifest)) == [tmp_path / "a.mp4", None, None]


def test_a_manifest_without_rows_names_nothing(tmp_path):
    (tmp_path / "a.csv").write_text("path\n")
    check_manifest(tmp_path / "a.csv")
    assert list(manifest_paths(tmp_path / "a.csv")) == []
    pq.write_table(pa.table({"uri": pa.array([], pa.string())}), tmp_path / "c.parquet")
    check_manifest(tmp_path / "c.parquet")
    assert list(manifest_paths(tmp_path / "c.parquet")) == []


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_a_broken_manifest_is_one_sentence(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        check_manifest(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_csv_row_with_too_many_values_is_one_sentence(tmp_path):
    (tmp_path / "a.csv").write_text("path,n\na.mp4,1\nb.mp4,2,3\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        list(manifest_paths(tmp_path / "a.csv"))


def test_a_manifest_without_a_naming_column_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("file,n\na.mp4,1\n")
    with pytest.raises(ConfigError, match="no column named 'uri' or 'path'"):
        check_manifest(tmp_path / "a.csv")


def test_a_naming_column_of_numbers_is_refused(tmp_path):
    pq.write_table(pa.table({"path": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(ConfigError, match="int64; accepted: text"):
        check_manifest(tmp_path / "a.parquet")


def test_an_s3_row_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("uri\na.mp4\ns3://bucket/b.mp4\n")
    paths = manifest_paths(tmp_path / "a.csv")
    assert next(paths) == tmp_path / "a.mp4"
    with pytest.raises(ConfigError, match="s3:// is not supported"):
        next(paths)


def test_a_long_manifest_is_read_as_it_is_asked_for(tmp_path):
    manifest = tmp_path / "list.csv"
    names = [f"{number:0200}.mp4" for number in range(12_000)]
    manifest.write_text("path\n" + "\n".join([*names, "a row,too long"]))
    paths = manifest_paths(manifest)
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
