"""What runs left beside the table."""

import pyarrow as pa

from gsgmodel.results.runs import RunFolder
from gsgmodel.results.schema import UNFINISHED
from gsgmodel.results.storage import output_place
from gsgmodel.upkeep.past_runs import PastRuns


def test_runs_are_listed_in_the_order_of_time_with_those_that_ended(tmp_path):
    for name in ("20261125", "20261124"):
        folder = RunFolder.create(str(tmp_path), name)
        folder.write_settings({"model": "m", "decode": {"threads": 1}})
    folder.write_summary({"planned": 3})
    runs = PastRuns.of(output_place(str(tmp_path)))
    assert (runs.names, runs.finished) == (("20261124", "20261125"), ("20261124",))
    assert runs.summary("20261124") == {"planned": 3}
    assert runs.settings("20261125") == {"model": "m", "decode": {"threads": 1}}


def test_what_is_not_there_or_is_no_summary_is_empty(tmp_path):
    folder = RunFolder.create(str(tmp_path), "run")
    runs = PastRuns.of(output_place(str(tmp_path)))
    assert (runs.summary("run"), runs.settings("run"), runs.summary("other")) == ({}, {}, {})
    folder.summary_path.write_text("[1]")
    folder.settings_path.write_text("= no TOML")
    assert (runs.summary("run"), runs.settings("run")) == ({}, {})


def test_an_output_without_runs_has_none(tmp_path):
    assert PastRuns.of(output_place(str(tmp_path))).names == ()


def test_videos_without_a_row_are_counted_by_status(tmp_path):
    folder = RunFolder.create(str(tmp_path), "run")
    runs = PastRuns.of(output_place(str(tmp_path)))
    assert runs.unfinished("run") == {}
    left = dict.fromkeys(UNFINISHED.names) | {"video_id": b"1", "uri": "a", "status": "left"}
    rows = [left, left | {"status": "denied"}, left]
    folder.write_unfinished(pa.Table.from_pylist(rows, schema=UNFINISHED))
    assert runs.unfinished("run") == {"left": 2, "denied": 1}
    folder.unfinished_path.write_bytes(b"no Parquet")
    assert runs.unfinished("run") == {}
