from pathlib import Path

import pytest

from gsgmodel.datasets.footage import ForgeSettings, list_footage, read_pieces
from gsgmodel.datasets.made import make_videos
from gsgmodel.errors import ConfigError
from gsgmodel.faces.detections import Detections


class Blind:
    """Finds nothing."""

    def detect(self, frames):
        return [Detections.none() for _ in frames]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("footage")
    make_videos(folder, num_videos=2, seconds=0.5, size_px=128)
    (folder / "broken.mp4").write_bytes(b"no video")
    return folder


def test_without_names_every_video_shows_somebody_else(folder):
    footage = list_footage([str(folder)], None)
    assert [Path(ref.uri).name for ref, _ in footage] == ["000_hopper.mp4", "001_hopper_as_astronaut.mp4", "broken.mp4"]
    assert len({video.identity for _, video in footage}) == 3
    assert {(video.label, video.split) for _, video in footage} == {(0, None)}


def test_a_table_names_who_is_in_a_video_and_leaves_the_others_out(folder, tmp_path):
    names = tmp_path / "names.csv"
    names.write_text(f"path,identity\n{folder}/000_hopper.mp4,grace\n{folder}/broken.mp4,grace\n")
    footage = list_footage([str(folder)], names)
    assert [(Path(ref.uri).name, video.identity) for ref, video in footage] == [
        ("000_hopper.mp4", "grace"),
        ("broken.mp4", "grace"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "--identities .* cannot be read"),
        ("", "has no rows, or lacks a column"),
        ("path,who\na.mp4,b\n", "lacks a column; accepted: a .csv with path and identity"),
        ("path,identity\nnowhere.mp4,b\n", "no footage among the 3 videos of the inputs"),
    ],
)
def test_a_table_that_is_none_is_one_sentence(folder, tmp_path, content, message):
    names = tmp_path / "names.csv"
    if content is not None:
        names.write_text(content)
    with pytest.raises(ConfigError, match=message):
        list_footage([str(folder)], names)


def test_what_cannot_be_used_is_noted_and_left_out(folder):
    footage = list_footage([str(folder)], None)
    notes = {}
    pieces = read_pieces(
        footage,
        {video.uri: "train" for _, video in footage},
        cut=ForgeSettings(seconds=0.5).cut,
        detector=Blind(),
        note=lambda uri, reason: notes.update({Path(uri).name: reason}),
    )
    assert list(pieces) == []
    assert notes["000_hopper.mp4"] == "no face that is large enough"
    assert set(notes) == {"000_hopper.mp4", "001_hopper_as_astronaut.mp4", "broken.mp4"}
    assert notes["broken.mp4"] != notes["000_hopper.mp4"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": "swap,paint"}, "--methods is 'swap,paint'; accepted, with commas: self_blend, swap, relight"),
        ({"methods": ""}, "--methods is ''"),
        ({"fakes_per_real": 0}, "--fakes-per-real is 0"),
        ({"seed": -1}, "--seed -1"),
        (
            {"val_share": 0.6, "test_share": 0.5},
            r"--val-share is 0\.6 and --test-share 0\.5; accepted: together up to 1",
        ),
        ({"seconds": 99.0}, "--seconds is 99"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        ForgeSettings(**changes)


def test_methods_come_in_their_own_order_each_once():
    assert ForgeSettings(methods="flicker,swap,swap").chosen == ["swap", "flicker"]
