"""The table's columns, and rows that must not get in."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import TERMINAL, Status
from gsgmodel.results.kinds import check_rows
from gsgmodel.results.schema import UNFINISHED, VIDEO_ROWS, VIDEOS, plain_type

PUBLISHED = """
video_id scoring_id uri etag size_bytes last_modified status error_class error_text score score_global score_fusion
num_faces num_clips faces duration_s width_px height_px codec native_fps frames_decoded frames_missing bytes_read
model_uri model_version model_digest decoder run_id scored_at notes schema_version sandbox crash_signal crash_stage
attempts numerics
"""
TYPES = st.recursive(
    st.sampled_from([pa.int32(), pa.string(), pa.binary(), pa.float64(), pa.timestamp("us", tz="UTC")]),
    lambda inner: inner.map(pa.list_) | st.lists(inner, max_size=3).map(lambda kinds: pa.struct(numbered(kinds))),
    max_leaves=6,
)


def numbered(kinds):
    return [(f"c{place}", kind) for place, kind in enumerate(kinds)]


def with_views(kind):
    """A type as query engines hand it out."""
    if pa.types.is_string(kind):
        return pa.string_view()
    if pa.types.is_binary(kind):
        return pa.binary_view()
    if pa.types.is_list(kind):
        return pa.list_(pa.field("element", with_views(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([(child.name, with_views(child.type)) for child in kind])
    return kind


def test_the_columns_are_the_published_ones_in_their_order():
    assert PUBLISHED.split() == VIDEOS.names


def test_a_face_holds_its_clips_and_they_their_frames():
    face = VIDEOS.field("faces").type.value_type
    clip = face.field("clips").type.value_type
    frame = clip.field("frames").type.value_type
    names = [[child.name for child in kind] for kind in (face, clip, frame, frame.field("box").type)]
    assert names == [
        ["track_id", "score", "start_s", "end_s", "clips"],
        ["start_s", "end_s", "score", "frames"],
        ["time_s", "score", "box", "patches"],
        ["x0", "y0", "x1", "y1"],
    ]


def test_what_is_unfinished_is_told_in_columns_of_the_table():
    assert set(UNFINISHED) <= set(VIDEOS)


@given(kind=TYPES)
def test_plain_types_undo_what_engines_add(kind):
    assert plain_type(with_views(kind)) == kind
    assert plain_type(kind) == kind


def test_rows_of_every_terminal_status_are_accepted(rows):
    check_rows(rows([1]), key="s", kind=VIDEO_ROWS)
    for status in TERMINAL - {Status.SCORED}:
        check_rows(rows([1, 2], status=status, score=None), key="s", kind=VIDEO_ROWS)


def test_no_rows_are_accepted(rows):
    check_rows(rows([]), key="s", kind=VIDEO_ROWS)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_the_ends_of_the_range_are_scores(rows, score):
    check_rows(rows([1], score=score, score_global=score, score_fusion=score), key="s", kind=VIDEO_ROWS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *[({"status": status, "score": None}, "status") for status in set(Status) - TERMINAL],
        ({"status": "done"}, "status"),
        ({"score": None}, "exactly where"),
        ({"status": "no_face"}, "exactly where"),
        ({"status": "no_face", "score": None, "score_global": 0.5}, "score_global must be"),
        ({"score": 1.01}, "score must be"),
        ({"score": -0.01}, "score must be"),
        ({"score": float("nan")}, "score must be"),
        ({"score_fusion": 2.0}, "score_fusion must be"),
    ],
)
def test_rows_that_say_something_else_are_refused(rows, changes, message):
    table = pa.concat_tables([rows([1, 2]), rows([3], **changes)])
    with pytest.raises(ValueError, match=message):
        check_rows(table, key="s", kind=VIDEO_ROWS)
