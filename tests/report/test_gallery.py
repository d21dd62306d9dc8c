"""The videos of a report that are read again for their pictures."""

import pyarrow as pa
import pytest

from gsgmodel.datasets.made import make_videos
from gsgmodel.model.weights import read_model
from gsgmodel.report.collect import collect
from gsgmodel.report.gallery import choices_of, take_pictures
from gsgmodel.results.runs import RunFolder
from gsgmodel.results.schema import VIDEOS
from gsgmodel.results.table import VideoTable
from gsgmodel.scoring.video import VideoScorer, find_video
from gsgmodel.upkeep.snapshot import Snapshot
from tests.results.conftest import make_row
from tests.scoring.test_explain import make_files


@pytest.fixture
def scanned(tmp_path, bucket, s3, s3_server):
    """Two videos, one of them on S3, scored in windows of a third of a second."""
    make_videos(tmp_path / "videos", num_videos=2, seconds=0.6, size_px=192, seed=3)
    make_files(tmp_path / "model")
    local, far = sorted((tmp_path / "videos").glob("*.mp4"))
    s3.upload_file(str(far), bucket, "far.mp4")
    scorer = VideoScorer(read_model(tmp_path / "model"), window_s=0.3)
    table = VideoTable.open_or_create(str(tmp_path / "out"))
    for name in (str(local), f"s3://{bucket}/far.mp4"):
        ref = find_video(name, s3_endpoint=s3_server)
        row = (
            make_row(0)
            | scorer.judge(ref.uri, scorer.prepare(ref, s3_endpoint=s3_server))
            | {"video_id": ref.video_id, "run_id": "run"}
        )
        table.append(pa.Table.from_pylist([row], schema=VIDEOS), key="s")
    RunFolder.create(str(tmp_path / "out"), "run").write_settings({"window_s": 0.3, "faces": "all", "model": "m"})
    return tmp_path


def test_videos_are_looked_at_as_the_scan_did_wherever_they_lie(scanned, s3_server):
    findings = collect(Snapshot.open(str(scanned / "out")), "run")
    said = []
    found = take_pictures(
        findings,
        read_model(scanned / "model"),
        top=2,
        show_faces=False,
        s3_endpoint=s3_server,
        note=lambda *each: said.append(each),
    )
    assert said == []
    assert set(found) == set(findings.rows["video_id"].to_pylist())
    for row in findings.rows.to_pylist():
        (part,) = found[row["video_id"]]
        best = max(clip["score"] for face in findings.timelines[row["video_id"]] for clip in face["clips"])
        assert part["score"] == pytest.approx(best, abs=1e-6)
        assert part["end_s"] - part["start_s"] < 0.5
        assert part["strips"][0]["text"] == "chosen patches"


def test_only_so_many_are_read(scanned, s3_server):
    findings = collect(Snapshot.open(str(scanned / "out")), "run")
    files = read_model(scanned / "model")
    options = {"show_faces": False, "s3_endpoint": s3_server, "note": lambda *_: None}
    assert len(take_pictures(findings, files, top=1, **options)) == 1
    assert take_pictures(findings, files, top=0, **options) == {}


def test_what_an_old_run_does_not_say_is_left_to_its_usual_value():
    assert choices_of({"faces": "largest", "model": "m"}) == {"faces": "largest"}
