"""Pieces cut of real files, and forged."""

import csv
import re
import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from gsgmodel.archive.listing import list_archive
from gsgmodel.datasets.forge import ALL_METHODS, CRF, FPS, Cut, cut_pieces, forge_pieces, forged_frames
from gsgmodel.datasets.forge_kinds import DRIFT_FRAMES, KINDS, LIGHT
from gsgmodel.datasets.labelled import read_labels
from gsgmodel.datasets.made import make_videos
from gsgmodel.errors import ConfigError
from gsgmodel.faces.detector import FaceDetector
from gsgmodel.records import Preparation

PREPARATION = Preparation()


@pytest.fixture(scope="module")
def detector():
    return FaceDetector.of(replace(PREPARATION, detect_every=1))


@pytest.fixture(scope="module")
def pieces(tmp_path_factory, detector):
    """Of three people, all of one split, a second each."""
    folder = tmp_path_factory.mktemp("footage")
    make_videos(folder, num_videos=6, seconds=2.0, size_px=320, seed=3)
    refs = sorted(list_archive([str(folder)], filters=["*_hopper.mp4", "*_astronaut.mp4", "*_cameraman.mp4"]), key=str)
    refs = [ref for ref in refs if hasattr(ref, "video_id") and "_as_" not in ref.uri]
    cut = Cut(seconds=1.0, segments=1, long_side_px=320)
    return [
        piece
        for ref in refs
        for piece in cut_pieces(ref, detector=detector, identity=Path(ref.uri).stem, split="train", cut=cut)
    ]


def test_a_piece_has_a_face_in_every_frame(pieces):
    assert [piece.identity for piece in pieces] == ["000_hopper", "002_astronaut", "004_cameraman"]
    for piece in pieces:
        assert len(piece.frames) == len(piece.boxes_px) == FPS
        assert piece.frames[0].shape == (320, 320, 3)
        sides = piece.boxes_px[:, 2:] - piece.boxes_px[:, :2]
        assert (sides.max(axis=1) > 60).all()
        assert (np.abs(np.diff(piece.boxes_px, axis=0)) < 20).all()


def test_real_and_forged_pieces_go_the_same_way(pieces, tmp_path):
    made = list(forge_pieces(pieces, tmp_path, fakes_per_real=2, seed=1))
    assert len(made) == 9
    assert [video.label for video in made] == [0, 1, 1] * 3
    for video in made:
        with av.open(str(tmp_path / video.path)) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 320, 320)
            assert (float(stream.average_rate), stream.frames) == (FPS, FPS)
    settings = [encoder_settings(tmp_path / video.path) for video in made]
    others = [re.sub(r" crf=[^ ]+", "", each) for each in settings]
    assert all(others[i] == others[i + 1] == others[i + 2] for i in (0, 3, 6))
    qualities = [float(re.search(r"crf=([0-9.]+)", each)[1]) for each in settings]
    assert all(CRF[0] <= quality <= CRF[1] for quality in qualities[::3])
    sizes_bytes = [(tmp_path / video.path).stat().st_size for video in made]
    for i in (0, 3, 6):
        assert sizes_bytes[i + 1 : i + 3] == pytest.approx([sizes_bytes[i]] * 2, rel=0.02)


def encoder_settings(path: Path) -> str:
    """What x264 notes of itself in a file."""
    content = path.read_bytes()
    start = content.index(b"options: ")
    return content[start : content.index(b"\0", start)].decode()


def test_the_manifest_is_one_that_prepare_reads(pieces, tmp_path):
    made = list(forge_pieces(pieces, tmp_path, methods=["swap", "warp"], fakes_per_real=2, seed=1))
    labels = read_labels([str(tmp_path / "manifest.csv")])
    assert len(labels) == len(made)
    for video in made:
        found = labels[(tmp_path / video.path).as_uri()]
        assert (found.label, found.method, found.split) == (video.label, video.method, "train")
        assert found.identity == video.identity
        assert found.original_uri == ((tmp_path / video.original).as_uri() if video.label else None)
    swaps = [video for video in made if video.method == "swap"]
    assert swaps
    assert all(video.source_identity and video.source_identity != video.identity for video in swaps)
    with (tmp_path / "manifest.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(made)
    assert not list(tmp_path.glob(".*"))


def test_the_same_seed_gives_the_same_frames(pieces):
    first, second, other = (
        np.stack(list(forged_frames(pieces[0], "flicker", rng=np.random.default_rng(seed)))) for seed in (5, 5, 6)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_where_nobody_else_is_in_a_split_a_swap_becomes_a_blend(pieces, tmp_path):
    made = list(forge_pieces(pieces[:1], tmp_path, methods=["swap"]))
    assert [video.method for video in made] == ["original", "self_blend"]


def test_a_run_that_is_cut_short_leaves_no_manifest_and_no_half_file(pieces, tmp_path):
    def broken():
        yield pieces[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(forge_pieces(broken(), tmp_path))
    assert not (tmp_path / "manifest.csv").exists()
    assert all(path.name.startswith("000_hopper") for path in tmp_path.iterdir())


def test_of_the_three_kinds_each_frame_stands_alone_and_files_are_equally_large(pieces, tmp_path):
    made = list(forge_pieces(pieces[:1], tmp_path, methods=list(KINDS), fakes_per_real=3, seed=1))
    assert [video.method for video in made] == ["original", *KINDS]
    sizes_bytes = [(tmp_path / video.path).stat().st_size for video in made]
    assert sizes_bytes[1:] == pytest.approx([sizes_bytes[0]] * 3, rel=0.02)
    for video in made:
        with av.open(str(tmp_path / video.path)) as container:
            assert all(packet.is_keyframe for packet in container.demux(video=0) if packet.size)
    qualities = [
        float(re.search(r"crf=([0-9.]+)", encoder_settings(tmp_path / made[place].path))[1]) for place in (0, 3)
    ]
    assert qualities[1] == pytest.approx(qualities[0], abs=0.3)


def test_beside_a_face_whose_light_drifts_the_others_are_lit_steadily(pieces, tmp_path):
    made = list(forge_pieces(pieces[:1], tmp_path, methods=list(KINDS), fakes_per_real=3, seed=2))
    gains = {video.method: gains_of(tmp_path / video.path, pieces[0]) for video in made}
    assert np.ptp(gains["original"]) < 0.01
    assert gains["original"].mean() != pytest.approx(1, abs=0.01)
    assert (np.diff(gains["drift"][: DRIFT_FRAMES // 2]) > 0).all()
    assert np.ptp(gains["drift"]) > LIGHT


def gains_of(path, piece):
    """How much lighter the middle of the face is than as filmed, in some frames."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][::2]
    gains = []
    for frame, filmed, box in zip(frames, piece.frames[::2], piece.boxes_px[::2], strict=True):
        x, y = ((box[:2] + box[2:]) / 2).astype(int)
        window = (slice(y - 12, y + 12), slice(x - 12, x + 12))
        gains.append(frame[window].mean() / filmed[window].mean())
    return np.array(gains)


@pytest.mark.parametrize("method", ALL_METHODS)
def test_a_forged_face_is_still_found(pieces, detector, method):
    faces = [np.full((128, 128, 3), 120, np.uint8)] if method == "swap" else None
    if method == "swap":
        faces = [pieces[1].frames[0][60:260, 60:260]]
    frames = list(forged_frames(pieces[0], method, rng=np.random.default_rng(0), faces=faces))
    assert all(len(found.boxes_px) == 1 for found in detector.detect(frames[::4]))


def test_files_of_one_name_are_other_videos(tmp_path, detector):
    make_videos(tmp_path / "a", num_videos=1, seconds=0.5, size_px=256)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b" / "000_hopper.mp4").rename(tmp_path / "b" / "000_hopper.m4v")
    refs = [item for item in list_archive([str(tmp_path)]) if hasattr(item, "video_id")]
    names = [
        piece.name
        for ref in refs
        for piece in cut_pieces(ref, detector=detector, identity="grace", split="train", cut=Cut(seconds=0.5))
    ]
    assert len(set(names)) == 2
    assert all(name.startswith("000_hopper_") for name in names)


def test_footage_without_a_face_gives_nothing(tmp_path, detector):
    from gsgmodel.video.write import write_video

    write_video(tmp_path / "grey.mp4", [np.full((128, 128, 3), 90, np.uint8)] * 12, fps=12)
    (ref,) = list_archive([str(tmp_path / "grey.mp4")])
    assert list(cut_pieces(ref, detector=detector, identity="nobody", split="train", cut=Cut())) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seconds": 0.0}, r"--seconds is 0\.0; accepted: 0\.5 to 10\.0"),
        ({"segments": 0}, "--segments is 0; accepted: 1 or more"),
        ({"long_side_px": 64}, "--long-side-px is 64; accepted: 128 or more"),
    ],
)
def test_what_cannot_be_cut_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        Cut(**changes)
