"""What the driver does with the rows that arrive: each video counts once and stands in one place."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError, DecoderError, DriftError, OutputError, Status
from gsgmodel.results.done import DoneIds
from gsgmodel.scan import commit as module
from gsgmodel.scan.commit import Committer
from gsgmodel.scan.progress import Progress
from gsgmodel.scan.rows import DRIFTED, HELD_BACK, UNKEPT, UNSAFE


def ids(video_id, *numbers):
    return [video_id(number) for number in numbers]


def test_of_two_rows_for_one_video_the_first_counts(committer, sink, scored):
    committer.take(pa.concat_tables([scored([0], score=0.25), scored([0], score=0.75)]))
    committer.commit()
    assert [row["score"] for row in sink.rows] == [0.25]


def test_a_block_of_only_held_back_rows_is_nothing_also_for_a_table(scored):
    class TableLike:
        contains = staticmethod(DoneIds().contains)

        def commit(self, rows):
            raise AssertionError(rows)

    held = Committer(sink=TableLike(), progress=Progress(num_planned=1), commit_s=1.0)
    assert held.take(scored([0], status=HELD_BACK)) == []


def test_videos_that_reach_the_threshold_are_counted(committer, scored):
    committer.threshold = 0.75
    committer.take(scored([0], score=0.75))
    committer.take(scored([1], score=0.7499))
    committer.take(scored([2], status=Status.NO_FACE))
    assert committer.num_flagged == 1


@given(
    blocks=st.lists(
        st.lists(
            st.tuples(st.integers(0, 9), st.sampled_from(["scored", "no_face", "missing", HELD_BACK])), max_size=6
        ),
        max_size=6,
    )
)
def test_whatever_arrives_each_video_is_counted_once_and_stands_in_one_place(blocks, request):
    conftest = {name: request.getfixturevalue(name) for name in ("scored", "video_id")}
    sink = type(request.getfixturevalue("sink"))()
    committer = Committer(sink=sink, progress=Progress(num_planned=10), commit_s=3600.0)
    arrived = []
    for block in blocks:
        tables = [conftest["scored"]([number], status=status) for number, status in block]
        if tables:
            arrived += committer.take(pa.concat_tables(tables))
    committer.commit()
    came = [number for block in blocks for number, status in block if status != HELD_BACK]
    assert arrived == [conftest["video_id"](number) for number in came]
    assert len(sink.ids) == len(set(sink.ids))
    assert not set(sink.ids) & set(committer.unfinished)
    assert {*sink.ids, *committer.unfinished} == set(arrived)
    assert committer.progress.num_finished == len(set(arrived))


def test_membership_is_said_in_the_order_of_the_ids(video_id):
    asked = pa.array(ids(video_id, 3, 1, 2), pa.binary())
    assert module.among(asked, {video_id(1)}).tolist() == [False, True, False]
    assert module.among(pa.array([], pa.binary()), {video_id(1)}).dtype == np.bool_


def test_after_each_commit_it_is_reported_how_far_the_scan_is(committer, scored):
    told = []
    committer.report = lambda metrics, step: told.append((metrics, step))
    committer.commit()
    committer.take(scored([0, 1]))
    committer.commit()
    committer.take(scored([2], status=Status.NO_FACE))
    committer.commit()
    assert told == [
        (
            {
                "videos": 2,
                "clips": 4,
                "flagged": 0,
                "planned": 10,
                "prepare_cpu_s": 1.0,
                "score_cpu_s": 0.5,
                "scored": 2,
            },
            2,
        ),
        (
            {
                "videos": 3,
                "clips": 4,
                "flagged": 0,
                "planned": 10,
                "prepare_cpu_s": 1.5,
                "score_cpu_s": 0.75,
                "scored": 2,
                "no_face": 1,
            },
            3,
        ),
    ]


def test_what_is_final_and_which_stages_are_timed_is_the_runs_to_say(sink, scored, video_id):
    other = Committer(
        sink=sink,
        progress=Progress(num_planned=3),
        commit_s=3600.0,
        final=frozenset({"prepared"}),
        stage_s={"score_cpu_s": 0.0},
    )
    other.take(scored([0], status="prepared"))
    other.take(scored([1, 2], status=Status.NO_FACE))
    other.commit()
    assert sink.ids == ids(video_id, 0)
    assert list(other.unfinished) == ids(video_id, 1, 2)
    assert other.stage_s == {"score_cpu_s": 0.75}


def test_crops_that_could_not_be_written_end_the_run_and_what_is_waiting_is_committed(
    committer, sink, scored, video_id
):
    committer.take(scored([0, 1]))
    with pytest.raises(OutputError, match=r"^the disk is full$"):
        committer.take(scored([2, 3], status=UNKEPT, error_text="the disk is full"))
    assert sink.ids == ids(video_id, 0, 1)
    assert committer.progress.num_finished == 2


@pytest.mark.parametrize(("word", "kind"), [(UNSAFE, ConfigError), (DRIFTED, DriftError)])
def test_what_makes_every_score_doubtful_ends_the_run_and_what_is_waiting_is_committed(
    committer, sink, scored, word, kind
):
    committer.take(scored([0]))
    with pytest.raises(kind, match="not here"):
        committer.take(with_text(scored([1], status=word, score=None), "not here"))
    assert len(sink.rows) == 1


def with_text(rows, text):
    place = rows.schema.get_field_index("error_text")
    return rows.set_column(place, rows.schema.field(place), pa.array([text] * rows.num_rows, pa.string()))


def test_too_many_crashes_end_the_run_and_crashed_videos_are_tried_again_by_the_next(committer, sink, scored):
    committer.max_crashed = 0.1
    committer.take(scored(range(45)))
    committer.take(scored(range(45, 50), status=Status.CRASHED, score=None))
    with pytest.raises(DecoderError, match=r"died at 6 of 51 videos, more than --max-crashed 0.1"):
        committer.take(scored([50], status=Status.CRASHED, score=None))
    assert len(sink.rows) == 45


def test_a_few_crashes_of_a_few_videos_say_nothing_of_the_decoder(committer, scored):
    committer.max_crashed = 0.1
    committer.take(scored(range(20), status=Status.CRASHED, score=None))
    assert committer.progress.counts == {"crashed": 20}
