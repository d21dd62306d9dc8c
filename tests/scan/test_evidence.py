"""Pictures that a scan keeps beside its table."""

import stat

import numpy as np
import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.report.strips import crops_of_strip
from gsgmodel.scan.evidence import EVIDENCE_KEPT, EVIDENCE_LOST, SIDE_PX, Evidence, check_keep
from gsgmodel.scoring.verdict import ScoredClip

ROW = {"video_id": b"\x01\x02", "score": 0.75}


def clips(*margins):
    nothing = np.zeros(2), np.zeros((2, 0), int)
    return [
        ScoredClip(margin_global=margin, margin_fusion=0.0, frame_scores=nothing[0], patches=nothing[1])
        for margin in margins
    ]


def shades(*values):
    """A clip of each shade of grey."""
    return np.stack([np.full((2, 224, 224, 3), value, np.uint8) for value in values])


@pytest.fixture
def evidence(tmp_path):
    return Evidence(str(tmp_path / "out"), s3_endpoint=None, threshold=0.5)


def test_the_most_telling_clip_is_kept_by_the_videos_id(evidence, tmp_path):
    assert evidence.keep(ROW, clips(1.0, 3.0, 2.0), shades(0, 100, 200)) == EVIDENCE_KEPT
    (path,) = (tmp_path / "out" / "evidence").iterdir()
    assert path.name == "0102.jpg"
    crops = crops_of_strip(path.read_bytes())
    assert crops.shape == (2, SIDE_PX, SIDE_PX, 3)
    assert abs(int(crops.mean()) - 100) <= 2


def test_a_picture_takes_some_kilobytes_whatever_is_on_it(evidence, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (1, 32, 224, 224, 3), dtype=np.uint8)
    evidence.keep(ROW, clips(1.0), noise)
    (path,) = (tmp_path / "out" / "evidence").iterdir()
    assert path.stat().st_size < 400_000


@pytest.mark.parametrize(("score", "scored"), [(0.49, clips(1.0)), (None, []), (0.75, [])])
def test_what_is_below_the_threshold_or_has_no_score_has_none(evidence, tmp_path, score, scored):
    assert evidence.keep(ROW | {"score": score}, scored, shades(0)) is None
    assert not (tmp_path / "out" / "evidence").exists()


def test_without_a_threshold_all_have_one_and_a_second_time_changes_nothing(tmp_path):
    evidence = Evidence(str(tmp_path), s3_endpoint=None, threshold=None)
    for _ in range(2):
        assert evidence.keep(ROW | {"score": 0.0}, clips(1.0), shades(50)) == EVIDENCE_KEPT
    assert len(list((tmp_path / "evidence").iterdir())) == 1


def test_a_picture_that_cannot_be_written_is_a_note(evidence, tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    assert evidence.keep(ROW, clips(1.0), shades(0)) == EVIDENCE_LOST


def test_pictures_go_to_a_store_too(bucket, s3, s3_server):
    evidence = Evidence(f"s3://{bucket}/out", s3_endpoint=s3_server, threshold=None)
    assert evidence.keep(ROW, clips(1.0), shades(0)) == EVIDENCE_KEPT
    found = s3.get_object(Bucket=bucket, Key="out/evidence/0102.jpg")["Body"].read()
    assert len(crops_of_strip(found)) == 2


def test_the_files_are_readable_by_their_owner(evidence, tmp_path):
    evidence.keep(ROW, clips(1.0), shades(0))
    (path,) = (tmp_path / "out" / "evidence").iterdir()
    assert path.stat().st_mode & stat.S_IRUSR


@pytest.mark.parametrize(
    ("keep", "output", "threshold", "message"),
    [
        ("all", None, 0.5, "--keep-evidence is all, but nothing is kept; accepted: with --output"),
        ("flagged", "out", None, "the model has no operating point"),
    ],
)
def test_what_cannot_be_kept_is_refused(keep, output, threshold, message):
    with pytest.raises(ConfigError, match=message):
        check_keep(keep, output=output, threshold=threshold)


def test_what_can_be_kept_is_not():
    check_keep("none", output=None, threshold=None)
    check_keep("all", output="out", threshold=None)
    check_keep("flagged", output="out", threshold=0.5)
