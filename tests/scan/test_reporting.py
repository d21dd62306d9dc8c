"""The report of a scan at its own end."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa
import pytest

from gsgmodel.datasets.made import make_videos
from gsgmodel.model.weights import read_model
from gsgmodel.results.runs import RunFolder
from gsgmodel.results.schema import VIDEOS
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.opening import Scan
from gsgmodel.scan.reporting import write_report
from gsgmodel.scan.settings import ScanSettings
from gsgmodel.scan.sinks import Provenance, TableSink, videos_of
from gsgmodel.scoring.video import VideoScorer, find_video
from tests.results.conftest import make_row
from tests.scoring.test_explain import make_files


@pytest.fixture
def scan(tmp_path):
    """A scan of one video, whose row and summary are written."""
    make_videos(tmp_path / "videos", num_videos=1, seconds=0.6, size_px=192, seed=3)
    make_files(tmp_path / "model")
    files, output = read_model(tmp_path / "model"), str(tmp_path / "out")
    table = VideoTable.open_or_create(output)
    ref = find_video(str(next((tmp_path / "videos").glob("*.mp4"))))
    row = make_row(0) | VideoScorer(files).score(ref) | {"video_id": ref.video_id, "run_id": "run"}
    table.append(pa.Table.from_pylist([row], schema=VIDEOS), key="s")
    folder = RunFolder.create(output, "run")
    folder.write_summary({"planned": 1, "committed": 1, "unfinished": 0, "left": 0, "lost": 0, "exit_code": 0})
    provenance = Provenance(scoring_id="s", run_id="run", model_uri="m", model_version="1", model_digest=files.digest)
    return Scan(
        inputs=("archive",),
        settings=ScanSettings(output=output, explain_top=3),
        model=files,
        provenance=provenance,
        threshold=None,
        canary=None,
        sink=TableSink(
            table=table, done=table.load_done("s"), key="s", finished=partial(videos_of, provenance=provenance)
        ),
        plan_folder=tmp_path,
        run_folder=folder,
        tracked=None,
        identity={},
        resolved={},
        notes=(),
        recount=lambda done: done.contains,
        started_at=datetime.now(UTC),
    )


def test_a_scan_leaves_a_report_with_blurred_pictures_beside_its_summary(scan):
    notes = []
    page = write_report(scan, notes.append)
    assert notes == []
    assert (scan.run_folder.path / "report.html").read_bytes() == page
    assert page.count(b"data:image/jpeg") == 3
    assert b"Faces are blurred" in page


def test_a_video_that_is_gone_costs_its_picture(scan, tmp_path):
    for path in (tmp_path / "videos").glob("*.mp4"):
        path.unlink()
    notes = []
    assert b"No pictures:" in write_report(scan, notes.append)
    (note,) = notes
    assert "missing when it was looked up" in note


def test_a_report_that_cannot_be_made_is_a_note(scan):
    notes = []
    nothing = replace(scan, provenance=replace(scan.provenance, run_id="another"))
    assert write_report(nothing, notes.append) is None
    assert notes[0].startswith("there is no report: RUN is 'another'")


@pytest.mark.parametrize("changes", [{"explain_top": None}, {"output": None}])
def test_where_none_was_asked_for_or_nothing_is_kept_there_is_none(scan, changes):
    assert write_report(replace(scan, settings=replace(scan.settings, **changes)), pytest.fail) is None
