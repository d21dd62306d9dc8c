"""What adapters return, and the manifest that is written of it."""

import pytest

from gsgmodel.archive.identity import canonical_uri
from gsgmodel.datasets.labelled import read_labels
from gsgmodel.datasets.published import Findings, LayoutError, folder_of, published_video, videos_in, write_manifest


def test_what_is_written_is_read_again_as_labels(tmp_path):
    real = published_video(tmp_path / "a.mp4", 0, "ff++", "youtube", identity="ff++/000", compression="c23")
    fake = published_video(
        tmp_path / "ünusual, name.mp4", 1, "ff++", "FaceSwap", compression="c23", identity="ff++/000",
        source_identity="ff++/001", original=real.path, mask=str(tmp_path / "m.mp4"),
    )  # fmt: skip
    left_out = published_video(tmp_path / "c.mp4", 1, "ff++", "FaceSwap")
    splits = {real.path: "train", fake.path: "test"}
    write_manifest(tmp_path / "out.csv", [real, fake, left_out], splits=splits)
    found = read_labels([str(tmp_path / "out.csv")])
    assert set(found) == {canonical_uri(real.path), canonical_uri(fake.path)}
    read = found[canonical_uri(fake.path)]
    assert (read.label, read.method, read.split, read.identity) == (1, "FaceSwap", "test", "ff++/000")
    assert (read.source_identity, read.original_uri) == ("ff++/001", canonical_uri(real.path))
    assert (read.dataset, read.compression) == ("ff++", "c23")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv"]


def test_findings_are_counted_and_the_first_are_named():
    findings = Findings()
    findings.compare("originals", found=3, published=3)
    assert findings.lines() == []
    for name in "abcde":
        findings.note("videos that are missing", name)
    findings.compare("originals", found=2, published=3)
    assert findings.lines() == [
        "5 videos that are missing: a, b, c, ...",
        "1 numbers other than published: originals: 2, published 3",
    ]


def test_only_videos_are_listed_and_the_rest_is_found_odd(tmp_path):
    for name in ("b.mp4", "a.AVI", "c.png", "known.json", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "below").mkdir()
    findings = Findings()
    assert [path.name for path in videos_in(tmp_path, findings, known=("known.json",))] == ["a.AVI", "b.mp4"]
    assert findings.by_kind == {"files that are no videos": ["c.png"]}
    assert list(videos_in(tmp_path / "nowhere", findings)) == []


def test_videos_lie_below_where_there_is_such_a_folder(tmp_path):
    assert folder_of(tmp_path) == tmp_path
    (tmp_path / "videos").mkdir()
    assert folder_of(tmp_path) == tmp_path / "videos"


def test_two_videos_of_one_name_differ_in_their_key(tmp_path):
    keys = {published_video(tmp_path / method / "000_001.mp4", 1, "ff++", method).key for method in ("a", "b")}
    assert keys == {("ff++", "a", "", "000_001"), ("ff++", "b", "", "000_001")}


def test_a_layout_error_says_which_set_which_path_and_what_was_expected(tmp_path):
    with pytest.raises(LayoutError, match=r"^dfd: '.*' has another layout; expected: this$"):
        raise LayoutError("dfd", tmp_path, "this")
    with pytest.raises(LayoutError, match=r"^dfd: '.*/x' is no folder; expected: this$"):
        raise LayoutError("dfd", tmp_path / "x", "this")
