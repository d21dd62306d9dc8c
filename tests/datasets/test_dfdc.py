"""DFDC's three parts, and what goes wrong with their files of labels."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from gsgmodel.datasets.dfdc import PREVIEW, TEST, TRAIN, read_dfdc_preview, read_dfdc_test, read_dfdc_train
from gsgmodel.datasets.published import LayoutError
from gsgmodel.errors import ConfigError
from tests.datasets import published_trees as trees


@pytest.fixture
def parts(tmp_path):
    return trees.dfdc_train(tmp_path, num_parts=2, num_real=6, num_fake=20)


@pytest.fixture
def tested(tmp_path):
    return trees.dfdc_test(tmp_path, num_each=5)


@pytest.fixture
def preview(tmp_path):
    return trees.dfdc_preview(tmp_path, counts=((4, 8), (2, 3)))


def change(path, name, **facts):
    said = json.loads(path.read_text())
    said[name] = said.get(name, {}) | facts
    path.write_text(json.dumps(said))


def test_the_training_parts_have_the_published_numbers_and_nothing_odd(tmp_path):
    found = read_dfdc_train(trees.dfdc_train(tmp_path))
    assert Counter((video.split, video.label) for video in found.videos) == {
        ("train", 0): 19_154,
        ("train", 1): 100_000,
    }
    assert found.findings.lines() == []


def test_a_fake_was_made_from_a_video_of_its_part(parts):
    videos = {Path(video.path).name: video for video in read_dfdc_train(parts).videos}
    fake = videos["f000001.mp4"]
    assert (fake.label, fake.dataset, fake.method) == (1, TRAIN, "dfdc")
    assert fake.original == str(parts / "dfdc_train_part_1/r000003.mp4")
    assert videos["r000003.mp4"].original == ""


def test_what_is_missing_or_has_no_label_in_a_part_is_named(parts):
    (parts / "dfdc_train_part_0/r000000.mp4").unlink()
    (parts / "dfdc_train_part_0/new.mp4").touch()
    found = read_dfdc_train(parts)
    kinds = found.findings.by_kind
    assert kinds["videos that are missing"] == ["dfdc_train_part_0/r000000.mp4"]
    assert kinds["videos without a label"] == ["dfdc_train_part_0/new.mp4"]
    assert all(name.startswith("dfdc_train_part_0/f") for name in kinds["fakes without their original"])
    assert len(found.videos) == 25


@pytest.mark.parametrize("label", ["fake", 1, None, "UNKNOWN"])
def test_a_label_that_is_none_is_refused(parts, label):
    change(parts / "dfdc_train_part_1/metadata.json", "r000001.mp4", label=label)
    with pytest.raises(ConfigError, match=r"dfdc-train: 'r000001.mp4' in .* expected: FAKE or REAL"):
        read_dfdc_train(parts)


@pytest.mark.parametrize("content", ["{", "[]", '{"a.mp4": "REAL"}'])
def test_a_broken_part_is_named(parts, content):
    (parts / "dfdc_train_part_1/metadata.json").write_text(content)
    with pytest.raises(ConfigError, match=r"dfdc-train: '.*dfdc_train_part_1/metadata.json'"):
        read_dfdc_train(parts)


def test_a_part_without_its_file_and_a_folder_without_parts_are_said(parts, tmp_path):
    (parts / "dfdc_train_part_1/metadata.json").unlink()
    with pytest.raises(
        LayoutError, match=r"dfdc-train: .*dfdc_train_part_1' has another layout; expected: metadata.json"
    ):
        read_dfdc_train(parts)
    with pytest.raises(LayoutError, match="expected: dfdc_train_part_"):
        read_dfdc_train(tmp_path / "nowhere")


def test_the_test_set_has_the_published_numbers_and_nothing_odd(tmp_path):
    found = read_dfdc_test(trees.dfdc_test(tmp_path))
    assert Counter((video.split, video.label) for video in found.videos) == {("test", 0): 2500, ("test", 1): 2500}
    assert found.findings.lines() == []


def test_videos_may_lie_beside_their_labels(tested):
    for path in (tested / "test").iterdir():
        path.rename(tested / path.name)
    found = read_dfdc_test(tested)
    assert len(found.videos) == 10
    assert "files that are no videos" not in found.findings.by_kind


def test_what_is_missing_or_has_no_label_in_the_test_set_is_named(tested):
    (tested / "test/v00003.mp4").unlink()
    (tested / "test/new.mp4").touch()
    found = read_dfdc_test(tested)
    assert found.findings.by_kind["videos that are missing"] == ["v00003.mp4"]
    assert found.findings.by_kind["videos without a label"] == ["new.mp4"]
    assert len(found.videos) == 9


def test_two_files_of_labels_that_contradict_each_other_are_refused(tested):
    change(tested / "metadata.json", "v00003.mp4", is_fake=0)
    with pytest.raises(ConfigError, match=r"dfdc-test: .*is_fake 0 of 'v00003.mp4' and labels.csv 1"):
        read_dfdc_test(tested)


@pytest.mark.parametrize("row", [("a.mp4", "2"), ("a.mp4", "FAKE"), ("", "1"), ("a.mp4",)])
def test_a_line_that_says_no_label_is_refused(tested, row):
    with (tested / "labels.csv").open("a", newline="") as file:
        csv.writer(file).writerow(row)
    with pytest.raises(ConfigError, match=r"dfdc-test: line 12 of '.*labels.csv'"):
        read_dfdc_test(tested)


def test_no_labels_and_no_videos_are_said(tested, tmp_path):
    with pytest.raises(LayoutError, match=r"dfdc-test: .*expected: labels.csv with filename,label"):
        read_dfdc_test(tmp_path / "nowhere")
    for path in (tested / "test").iterdir():
        path.unlink()
    with pytest.raises(LayoutError, match=r"expected: the videos that labels.csv names"):
        read_dfdc_test(tested)


def test_the_preview_has_the_published_numbers_in_each_split_and_nothing_odd(tmp_path):
    found = read_dfdc_preview(trees.dfdc_preview(tmp_path))
    assert Counter((video.split, video.label) for video in found.videos) == {
        ("train", 0): 855, ("train", 1): 3618, ("test", 0): 276, ("test", 1): 501,
    }  # fmt: skip
    assert found.findings.lines() == []


def test_the_previews_people_and_methods_are_in_its_paths(preview):
    videos = {Path(video.path).name: video for video in read_dfdc_preview(preview).videos}
    assert (videos["train3.mp4"].dataset, videos["test1.mp4"].split) == (PREVIEW, "test")
    fake = next(video for video in videos.values() if video.label)
    assert fake.method in {"method_A", "method_B"}
    assert fake.identity.startswith("dfdc-preview/")


def test_the_previews_videos_may_lie_below(tmp_path):
    root = trees.dfdc_preview(tmp_path, videos="videos", counts=((2, 2), (1, 1)))
    assert len(read_dfdc_preview(root).videos) == 6


def test_a_video_of_the_preview_that_is_missing_is_named(preview):
    (preview / "original_videos/0/train0.mp4").unlink()
    assert read_dfdc_preview(preview).findings.by_kind["videos that are missing"] == ["original_videos/0/train0.mp4"]


@pytest.mark.parametrize(
    ("facts", "message"), [({"label": "unsure"}, "has the label 'UNSURE'"), ({"set": "val"}, "has the set 'val'")]
)
def test_a_label_or_set_of_the_preview_that_is_none_is_refused(preview, facts, message):
    change(preview / "dataset.json", "original_videos/0/train0.mp4", **facts)
    with pytest.raises(ConfigError, match=f"dfdc-preview: .*{message}"):
        read_dfdc_preview(preview)


def test_no_preview_is_said(tmp_path):
    with pytest.raises(LayoutError, match=r"dfdc-preview: .* expected: dataset.json"):
        read_dfdc_preview(tmp_path)
    assert TEST != PREVIEW
