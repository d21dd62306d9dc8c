"""The index's columns, and rows that must not get in."""

import pyarrow as pa
import pytest

from gsgmodel.clips.schema import INDEX, INDEX_ROWS, PREPARED
from gsgmodel.errors import TERMINAL, Status
from gsgmodel.results.kinds import check_rows
from tests.clips.conftest import FRAMES, RECIPE, index_row

PUBLISHED = """
video_id preparation_id uri etag size_bytes last_modified status error_class error_text label method identity
source_identity split original_uri original_id mask_uri mask_id num_clips clips duration_s width_px height_px codec
native_fps frames_decoded frames_missing bytes_read decoder run_id prepared_at notes schema_version
"""
CLIP = {
    "shard": "a.parquet",
    "row": 0,
    "track_id": 0,
    "start_s": 0.0,
    "end_s": 1.0,
    "time_s": [0.0] * FRAMES,
    "boxes_px": [0.0] * 4 * FRAMES,
    "detected": [True] * FRAMES,
}


def check(*rows):
    check_rows(pa.Table.from_pylist(list(rows), schema=INDEX), key=RECIPE.preparation_id, kind=INDEX_ROWS)


def test_the_published_columns_stay_in_their_order():
    assert " ".join(INDEX.names) == " ".join(PUBLISHED.split())


def test_rows_of_every_status_of_a_scan_are_accepted_and_prepared_in_place_of_scored():
    check(index_row(1, [CLIP, CLIP]), index_row(2, []))
    for status in TERMINAL - {Status.SCORED}:
        check(index_row(1, [], status=status), index_row(2, [], status=status) | {"clips": None})
    with pytest.raises(ValueError, match=PREPARED):
        check(index_row(1, [CLIP], status="scored"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": 2}, "label must be 0 or 1"),
        ({"label": None}, "null in label"),
        ({"split": "dev"}, "split must be one of train, val, test"),
        ({"num_clips": 2}, "num_clips is not"),
        ({"clips": [], "num_clips": 0}, "exactly where the status is prepared"),
        ({"status": "no_face"}, "exactly where the status is prepared"),
        ({"status": "missing"}, "status"),
        ({"method": None}, "null in method"),
    ],
)
def test_rows_that_say_something_else_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        check(index_row(2, []), index_row(1, [CLIP]) | changes)
