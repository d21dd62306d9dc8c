"""What looking things up says to a person."""

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest

from gsgmodel.upkeep.compare import Comparison
from jobs.lookup_text import change_lines, plain, print_batches, video_lines
from tests.results.conftest import make_row


def test_a_row_without_what_older_tables_lack_is_shown():
    row = make_row(1, model_uri=None, notes=None, faces=None, width_px=None)
    lines = video_lines(row, threshold=None)
    assert lines[0] == "/archive/1.mp4"
    assert "model unknown" in lines[2]
    assert lines[-1] == "  score 0.7500"


def test_both_streams_and_the_verdict_are_shown():
    row = make_row(1, score=0.5, score_global=0.25, score_fusion=0.75, faces=[])
    assert video_lines(row, threshold=0.5)[-1] == "  score 0.5000 FAKE at 0.5 (global 0.2500, fusion 0.7500)"
    assert "real at 0.6" in video_lines(row, threshold=0.6)[-1]


def test_runs_without_common_videos_only_have_counts():
    lines = change_lines(Comparison(before="a", after="b", threshold=0.5, by_status={"before": {}, "after": {"x": 1}}))
    assert lines == ["before a: none", "after  b: x 1", "0 videos in both, 0 only before, 0 only after"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\x00\xff", "00ff"),
        (datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2026-01-01T00:00:00+00:00"),
        ([{"a": (1, None)}, True, 1.5], [{"a": [1, None]}, True, 1.5]),
        (datetime(2026, 1, 1, tzinfo=UTC).date(), "2026-01-01"),
    ],
)
def test_values_are_plain(value, expected):
    assert plain(value) == expected


def test_an_answer_is_cut_after_so_many_rows_of_all_batches(capsys):
    batches = [pa.RecordBatch.from_pydict({"n\x1b": list(range(start, start + 3))}) for start in (0, 3)]
    print_batches(batches, most=4)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert [word for word in out.split() if word.isdigit()] == ["0", "1", "2", "3", "2", "6"]
