"""From logits to verdicts, computed by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.model.scoring import calibrate, fuse
from gsgmodel.model.settings import Calibration
from gsgmodel.scoring.verdict import LONGEST_TRACK_ONLY, ClipMargins, ScoredClip, judge, track_scores, video_scores

FRAMES = 6
MARGINS = st.floats(-20, 20)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def mean(in_global, in_fusion):
    return (in_global + in_fusion) / 2


def scored(in_global, in_fusion=None):
    return ScoredClip(
        margin_global=float(in_global),
        margin_fusion=float(in_global if in_fusion is None else in_fusion),
        frame_scores=np.linspace(0, 1, FRAMES),
        patches=np.arange(FRAMES * 2).reshape(FRAMES, 2),
    )


def clip(track, *, seen=FRAMES, start_s=0.0):
    return {
        "track_id": track,
        "start_s": start_s,
        "end_s": start_s + 60.0,
        "time_s": [start_s + second for second in range(FRAMES)],
        "boxes_px": [float(value) for value in range(FRAMES * 4)],
        "detected": [index < seen for index in range(FRAMES)],
    }


def test_a_tracks_score_is_the_mean_logit_of_its_clips_in_each_stream():
    scores = track_scores([scored(1.0, -2.0), scored(4.0, 0.5)], combine=mean)
    assert scores.score_global == pytest.approx(sigmoid(2.5))
    assert scores.score_fusion == pytest.approx(sigmoid(-0.75))
    assert scores.score == pytest.approx((sigmoid(2.5) + sigmoid(-0.75)) / 2)


def test_the_highest_track_is_the_videos_score():
    columns, notes = judge([clip(0), clip(1), clip(2)], [scored(-1), scored(2, 1), scored(0)], combine=mean)
    assert columns["score"] == pytest.approx((sigmoid(2) + sigmoid(1)) / 2)
    assert columns["score_global"] == pytest.approx(sigmoid(2))
    assert columns["score_fusion"] == pytest.approx(sigmoid(1))
    assert (columns["num_faces"], columns["num_clips"], notes) == (3, 3, [])


def test_a_long_track_is_judged_by_all_its_clips_and_not_by_its_worst():
    clips = [clip(0), clip(1), clip(0, start_s=60.0)]
    columns, _ = judge(clips, [scored(5), scored(1.5), scored(-3)], combine=mean)
    assert columns["score"] == pytest.approx(sigmoid(1.5))
    assert [face["score"] for face in columns["faces"]] == pytest.approx([sigmoid(1), sigmoid(1.5)])


def test_a_face_that_is_hardly_seen_does_not_decide():
    columns, notes = judge([clip(0, seen=2), clip(1, seen=1)], [scored(-2), scored(9)], combine=mean)
    assert columns["score"] == pytest.approx(sigmoid(-2))
    assert notes == []
    assert columns["faces"][1]["score"] == pytest.approx(sigmoid(9))


def test_one_clip_in_which_a_face_is_seen_enough_is_enough():
    clips = [clip(0), clip(1, seen=1), clip(1, seen=2, start_s=60.0)]
    columns, notes = judge(clips, [scored(-2), scored(3), scored(3)], combine=mean)
    assert columns["score"] == pytest.approx(sigmoid(3))
    assert notes == []


def test_where_no_face_is_seen_enough_the_longest_decides_and_the_row_says_so():
    clips = [clip(0, seen=1), clip(1, seen=1), clip(1, seen=1, start_s=60.0)]
    columns, notes = judge(clips, [scored(9), scored(-2), scored(-4)], combine=mean)
    assert columns["score"] == pytest.approx(sigmoid(-3))
    assert notes == [LONGEST_TRACK_ONLY]


def test_calibration_holds_for_the_video_its_faces_and_their_clips():
    calibration = Calibration(slope=2.0, intercept=-1.0)
    columns, _ = judge(
        [clip(0), clip(0, start_s=60.0)],
        [scored(1), scored(2)],
        combine=lambda in_global, in_fusion: calibrate(fuse(in_global, in_fusion), calibration),
    )
    assert columns["score"] == pytest.approx(sigmoid(2 * 1.5 - 1))
    assert columns["score_global"] == pytest.approx(sigmoid(1.5))
    assert columns["faces"][0]["score"] == pytest.approx(sigmoid(2 * 1.5 - 1))
    assert [each["score"] for each in columns["faces"][0]["clips"]] == pytest.approx([sigmoid(1), sigmoid(3)])


def test_a_face_keeps_its_clips_and_each_frame_its_time_box_and_patches():
    columns, _ = judge([clip(3), clip(3, start_s=60.0)], [scored(0), scored(1)], combine=mean)
    (face,) = columns["faces"]
    assert (face["track_id"], face["start_s"], face["end_s"]) == (3, 0.0, 120.0)
    assert [(each["start_s"], each["end_s"]) for each in face["clips"]] == [(0.0, 60.0), (60.0, 120.0)]
    frame = face["clips"][1]["frames"][2]
    assert frame["time_s"] == 62.0
    assert frame["score"] == pytest.approx(0.4)
    assert frame["box"] == {"x0": 8.0, "y0": 9.0, "x1": 10.0, "y1": 11.0}
    assert frame["patches"] == [4, 5]


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, FRAMES), MARGINS, MARGINS), min_size=1, max_size=8),
    data=st.data(),
)
def test_the_verdict_does_not_depend_on_the_order_of_clips(rows, data):
    order = data.draw(st.permutations(range(len(rows))))
    clips = [clip(track, seen=seen) for track, seen, _, _ in rows]
    logits = [scored(in_global, in_fusion) for _, _, in_global, in_fusion in rows]
    columns, notes = judge(clips, logits, combine=mean)
    other, other_notes = judge([clips[i] for i in order], [logits[i] for i in order], combine=mean)
    assert notes == other_notes
    for name in ("score", "num_faces", "num_clips"):
        assert columns[name] == pytest.approx(other[name])


@given(rows=st.lists(st.tuples(st.integers(0, 3), st.integers(2, FRAMES), MARGINS), min_size=1, max_size=8))
def test_the_videos_score_is_a_probability_and_no_face_seen_enough_is_above_it(rows):
    clips = [clip(track, seen=seen) for track, seen, _ in rows]
    columns, _ = judge(clips, [scored(margin) for _, _, margin in rows], combine=mean)
    assert 0 <= columns["score"] <= 1
    assert columns["score"] == max(face["score"] for face in columns["faces"])


@given(rows=st.lists(st.tuples(st.integers(0, 3), MARGINS), min_size=1, max_size=8))
def test_every_clip_is_in_exactly_one_face(rows):
    clips = [clip(track) for track, _ in rows]
    columns, _ = judge(clips, [scored(margin) for _, margin in rows], combine=mean)
    assert [face["track_id"] for face in columns["faces"]] == sorted({track for track, _ in rows})
    assert sum(len(face["clips"]) for face in columns["faces"]) == columns["num_clips"] == len(rows)


@given(st.lists(st.tuples(st.integers(0, 2), MARGINS, MARGINS, st.integers(0, FRAMES)), min_size=1, max_size=6))
def test_margins_alone_give_the_scores_of_the_verdict(given_clips):
    clips = [clip(track, seen=seen) for track, _, _, seen in given_clips]
    columns, _ = judge(clips, [scored(a, b) for _, a, b, _ in given_clips], combine=mean)
    margins = [ClipMargins(margin_global=a, margin_fusion=b) for _, a, b, _ in given_clips]
    scores = video_scores(clips, margins, combine=mean)
    assert (scores.score, scores.score_global) == (columns["score"], columns["score_global"])
