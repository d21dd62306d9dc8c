"""What manifests and folders say of videos, and what they must not say."""

import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gsgmodel.datasets.labelled import LabelledVideo, read_labels
from gsgmodel.datasets.made import make_videos
from gsgmodel.errors import ConfigError

BLANK = {"identity": None, "source_identity": None, "split": None, "original_uri": None, "mask_uri": None}


def write_csv(path, *rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def uri(path):
    return path.as_uri()


def test_a_manifest_says_everything_of_a_video(tmp_path):
    manifest = write_csv(
        tmp_path / "list.csv",
        ["path", "label", "method", "identity", "source_identity", "split", "original", "mask", "remark"],
        ["real/a b.mp4", "real", "", "anna", "", "Train", "", "", "x"],
        ["fake/c.mp4", "1", "swap", "anna", "bert", "val", "real/a b.mp4", "/masks/c.mp4", "y"],
        ["", "", "", "", "", "", "", "", ""],
        ["real/d.mp4", "0", "web", "", "", "", "real/d.mp4", "", ""],
    )
    videos = read_labels([manifest])
    real, fake, itself = (tmp_path / "real" / "a b.mp4", tmp_path / "fake" / "c.mp4", tmp_path / "real" / "d.mp4")
    assert list(videos.values()) == [
        LabelledVideo(uri=uri(real), label=0, method="real", **(BLANK | {"identity": "anna", "split": "train"})),
        LabelledVideo(
            uri=uri(fake),
            label=1,
            method="swap",
            identity="anna",
            source_identity="bert",
            split="val",
            original_uri=uri(real),
            mask_uri="file:///masks/c.mp4",
        ),
        LabelledVideo(uri=uri(itself), label=0, method="web", **BLANK),
    ]
    assert list(videos) == [uri(real), uri(fake), uri(itself)]


def test_a_parquet_manifest_may_hold_numbers(tmp_path):
    table = pa.table({"uri": ["s3://bucket/a b.mp4", "c.mp4"], "label": [1, 0], "identity": [7, None]})
    pq.write_table(table, tmp_path / "list.parquet")
    first, second = read_labels([str(tmp_path / "list.parquet")]).values()
    assert (first.uri, first.label, first.identity) == ("s3://bucket/a b.mp4", 1, "7")
    assert (second.uri, second.label, second.identity) == (uri(tmp_path / "c.mp4"), 0, None)
    assert (first.method, second.method) == ("fake", "real")


def test_the_manifest_of_made_videos_is_understood(tmp_path):
    made = make_videos(tmp_path, num_videos=4, seconds=0.08, size_px=96)
    videos = read_labels([str(tmp_path / "manifest.csv")])
    assert [(v.uri, v.label, v.method, v.identity, v.source_identity, v.split) for v in videos.values()] == [
        (uri(m.path), m.label, m.method, m.target, m.source or None, m.split) for m in made
    ]


def test_a_folder_labels_by_its_folders(tmp_path):
    for name in ("real/a.mp4", "real/web/b%20.mp4", "fake/c.mp4", "fake/swap/deep/d.mp4", "other/e.mp4", "f.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "fake" / "notes.txt").write_text("x")
    videos = {v.uri.rpartition("/")[2]: (v.label, v.method) for v in read_labels([str(tmp_path)]).values()}
    expected = {"a.mp4": (0, "real"), "b%2520.mp4": (0, "web"), "c.mp4": (1, "fake"), "d.mp4": (1, "swap")}
    assert videos == expected
    globbed = read_labels([str(tmp_path)], filters=("*c.mp4", "*.txt"))
    assert {each.rpartition("/")[2] for each in globbed} == {"c.mp4", "notes.txt"}


def test_manifests_and_folders_on_a_store(s3, bucket, s3_environment):
    for key in ("set/real/a b.mp4", "set/fake/swap/c.mp4", "set/x.mp4"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    text = io.StringIO()
    csv.writer(text).writerows([["path", "label", "original"], ["fake/c.mp4", "fake", "../o.mp4"]])
    s3.put_object(Bucket=bucket, Key="set/list.csv", Body=text.getvalue().encode())
    of_folder = read_labels([f"s3://{bucket}/set"], s3_endpoint=s3_environment)
    assert {each.uri.partition("/set/")[2]: (each.label, each.method) for each in of_folder.values()} == {
        "real/a b.mp4": (0, "real"),
        "fake/swap/c.mp4": (1, "swap"),
    }
    (named,) = read_labels([f"s3://{bucket}/set/list.csv"], s3_endpoint=s3_environment).values()
    assert (named.uri, named.original_uri) == (f"s3://{bucket}/set/fake/c.mp4", f"s3://{bucket}/set/../o.mp4")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [["path", "label"], ["a", "maybe"], ["b", ""], ["c", "0"]],
            r"2 rows have a label that is none: a \('maybe'\)",
        ),
        ([["path", "label"], ["a", "2"]], "accepted: 0, real, 1, fake"),
        ([["path", "label", "split"], ["a", "1", "dev"], ["b", "1", ""]], r"1 rows have a split .*: a \('dev'\)"),
        ([["path"], ["a"]], "no column named label"),
        ([["file", "label"], ["a", "1"]], "no column named uri or path"),
        ([["path", "label"], ["a", "1"], ["./a", "0"]], "1 videos: file:///.*/a named twice with different"),
        ([["path", "label", "split"], ["a", "1", "val"], ["a", "1", "test"]], "named twice"),
        ([["path", "label"], ["a"]], "cannot be read"),
        ([["path", "label"], ["ftp://x/a", "1"]], "ftp:// is not supported"),
    ],
)
def test_a_manifest_that_cannot_be_meant_is_refused_with_the_rows(tmp_path, rows, message):
    with pytest.raises(ConfigError, match=message):
        read_labels([write_csv(tmp_path / "list.csv", *rows)])


def test_the_same_said_twice_is_said_once(tmp_path):
    first = write_csv(tmp_path / "a.csv", ["path", "label"], ["x.mp4", "1"], ["x.mp4", "fake"])
    second = write_csv(tmp_path / "b.csv", ["uri", "label"], [str(tmp_path / "x.mp4"), "1"])
    assert len(read_labels([first, second])) == 1


def test_inputs_without_labels_are_refused(tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"a.mp4' says nothing of labels"):
        read_labels([str(video)])
    with pytest.raises(ConfigError, match="no videos below a folder 'real' or 'fake'"):
        read_labels([str(tmp_path)])
    (tmp_path / "broken.parquet").write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"broken.parquet' cannot be read"):
        read_labels([str(tmp_path / "broken.parquet")])
    with pytest.raises(ConfigError, match=r"gone.csv' cannot be read"):
        read_labels([str(tmp_path / "gone.csv")])
