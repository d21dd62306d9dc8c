"""The stream of scored rows: commits while nothing arrives, after an error, and after a request to stop."""

import signal
import threading
import time

import pyarrow as pa
import pytest

from gsgmodel.errors import OutputError, Status
from gsgmodel.scan import commit as module
from gsgmodel.scan.commit import commit_stream
from gsgmodel.scan.rows import HELD_BACK
from gsgmodel.scan.stop import StopRequest

PATIENCE_S = 10.0


class ClusterError(Exception):
    pass


class SourceError(Exception):
    pass


@pytest.fixture(autouse=True)
def _wait_briefly(monkeypatch):
    monkeypatch.setattr(module, "POLL_S", 0.01)
    monkeypatch.setattr(module, "CLOSE_S", 0.1)


@pytest.fixture
def stop():
    return StopRequest(drain_s=PATIENCE_S)


@pytest.fixture
def run(committer, gate, stop):
    def run_stream(blocks):
        commit_stream(blocks, committer, gate=gate, stop=stop, errors_of_a_dying_cluster=(ClusterError,))

    return run_stream


def until(condition):
    """Wait in a stream until the driver has got somewhere."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "the driver never got there"
        time.sleep(0.005)


def interrupt(stop, number=signal.SIGTERM):
    stop._on_signal(number, None)


def ids(video_id, *numbers):
    return [video_id(number) for number in numbers]


def test_everything_that_arrives_is_committed_and_leaves_the_gate(run, sink, gate, scored, video_id):
    run(scored([number]) for number in range(5))
    assert sink.ids == gate.left == ids(video_id, *range(5))


def test_a_stream_without_rows_commits_nothing(run, sink):
    run(block for block in ())
    assert sink.commits == []


def test_rows_are_committed_when_there_are_enough_of_them(run, sink, scored, monkeypatch):
    monkeypatch.setattr(module, "COMMIT_ROWS", 3)

    def blocks():
        yield scored([0, 1, 2])
        until(lambda: len(sink.ids) == 3)
        yield scored([3])
        until(lambda: committed_nothing_more(sink))

    def committed_nothing_more(sink):
        time.sleep(0.05)
        return len(sink.ids) == 3

    run(blocks())
    assert [len(commit) for commit in sink.commits] == [3, 1]


def test_rows_are_committed_while_nothing_arrives(run, sink, committer, scored):
    committer.commit_s = 0.05

    def blocks():
        yield scored([0])
        until(lambda: sink.ids)
        yield scored([1])

    run(blocks())
    assert [len(commit) for commit in sink.commits] == [1, 1]


def test_rows_that_a_retry_doubles_count_and_are_committed_once(run, sink, committer, scored, video_id):
    run(block for block in (scored([0]), scored([0, 1]), scored([2, 2, 1]), scored([0])))
    assert sink.ids == ids(video_id, 0, 1, 2)
    assert committer.progress.counts == {"scored": 3}
    assert committer.progress.num_clips == 6
    assert committer.stage_s == {"prepare_cpu_s": 1.5, "score_cpu_s": 0.75}


def test_a_doubled_row_leaves_the_gate_again_so_that_its_second_slot_is_free(run, gate, scored, video_id):
    run(block for block in (scored([0]), scored([0])))
    assert gate.left == ids(video_id, 0, 0)


def test_rows_of_videos_that_were_held_back_are_dropped(run, sink, gate, committer, scored, video_id):
    run(block for block in (scored([0], status=HELD_BACK), scored([1])))
    assert sink.ids == gate.left == ids(video_id, 1)
    assert committer.progress.counts == {"scored": 1}
    assert not committer.contains(pa.array([video_id(0)])).any()


@pytest.mark.parametrize("status", [Status.CHANGED, Status.MISSING, Status.DENIED, Status.UNAVAILABLE])
def test_what_the_world_kept_from_being_scored_is_unfinished_and_not_committed(
    run, sink, gate, committer, scored, video_id, status
):
    run(block for block in (scored([0], status=status, error_text="gone"), scored([1])))
    assert sink.ids == ids(video_id, 1)
    assert gate.left == ids(video_id, 0, 1)
    assert list(committer.unfinished) == ids(video_id, 0)
    assert committer.unfinished[video_id(0)]["error_text"] == "gone"
    assert committer.contains(pa.array(ids(video_id, 0, 1, 2))).tolist() == [True, True, False]
    assert committer.is_unfinished(pa.array(ids(video_id, 0, 1))).tolist() == [True, False]


def test_a_stream_that_breaks_ends_loudly_and_what_arrived_is_committed(run, sink, scored, video_id):
    def blocks():
        yield scored([0])
        yield scored([1])
        raise SourceError

    with pytest.raises(SourceError):
        run(blocks())
    assert sink.ids == ids(video_id, 0, 1)


def test_a_cluster_that_dies_while_nobody_asked_to_stop_is_an_error(run, sink, scored, video_id):
    def blocks():
        yield scored([0])
        raise ClusterError

    with pytest.raises(ClusterError):
        run(blocks())
    assert sink.ids == ids(video_id, 0)


def test_a_sink_that_breaks_ends_the_run_and_lets_the_stream_go(run, sink, committer, scored):
    committer.commit_s = 0.0
    is_closed = threading.Event()

    def blocks():
        try:
            for number in range(10_000):
                yield scored([number])
        finally:
            is_closed.set()

    def commit(_rows):
        raise OutputError("disk full")

    sink.commit = commit
    with pytest.raises(OutputError, match="disk full"):
        run(blocks())
    assert is_closed.wait(PATIENCE_S)


def test_what_finished_is_committed_before_draining_begins(run, sink, gate, stop, scored, video_id):
    gate.in_work = 3

    def blocks():
        yield scored([0])
        until(lambda: gate.left)
        interrupt(stop)
        until(lambda: sink.commits)
        assert sink.ids == ids(video_id, 0)
        yield scored([1])
        yield scored([2])
        until(threading.Event().is_set)

    run(blocks())
    assert sink.commits == [ids(video_id, 0), ids(video_id, 1, 2)]


def test_draining_ends_when_nothing_is_in_work(run, gate, stop, said, scored):
    gate.in_work = 2

    def blocks():
        yield scored([0])
        interrupt(stop)
        yield scored([1])
        until(threading.Event().is_set)

    started_s = time.monotonic()
    run(blocks())
    assert time.monotonic() - started_s < PATIENCE_S / 2
    assert gate.num_closed >= 1
    assert "stopping for SIGTERM: finishing what is in work, at most 10 s" in said.getvalue()


def test_draining_ends_at_its_bound(run, gate, stop, sink, scored, video_id):
    stop.drain_s = 0.2
    gate.in_work = 5

    def blocks():
        yield scored([0])
        interrupt(stop)
        until(threading.Event().is_set)

    started_s = time.monotonic()
    run(blocks())
    assert 0.2 <= time.monotonic() - started_s < PATIENCE_S / 2
    assert sink.ids == ids(video_id, 0)


def test_a_second_signal_does_not_wait_for_what_is_in_work(run, gate, stop, sink, scored, video_id):
    gate.in_work = 5

    def blocks():
        yield scored([0])
        interrupt(stop)
        until(lambda: gate.num_closed)
        interrupt(stop, signal.SIGINT)
        until(threading.Event().is_set)

    started_s = time.monotonic()
    run(blocks())
    assert time.monotonic() - started_s < PATIENCE_S / 2
    assert sink.ids == ids(video_id, 0)


def test_what_waits_in_the_queue_is_committed_although_the_cluster_is_gone(run, gate, stop, sink, said, scored):
    def close():
        raise ClusterError

    gate.close = close
    interrupt(stop)
    run(scored([number]) for number in range(5))
    assert len(sink.ids) >= 1
    assert "Ray stopped while draining (ClusterError)" in said.getvalue()


def test_a_stream_that_ends_with_a_dying_cluster_while_draining_is_no_error(run, gate, stop, sink, scored, video_id):
    gate.in_work = 2

    def blocks():
        yield scored([0])
        interrupt(stop)
        raise ClusterError

    run(blocks())
    assert sink.ids == ids(video_id, 0)


def test_the_stream_is_closed_when_the_run_stops_before_it_ends(run, stop, scored):
    is_closed = threading.Event()

    def blocks():
        try:
            for number in range(10_000):
                yield scored([number])
                if number == 3:
                    interrupt(stop)
        finally:
            is_closed.set()

    run(blocks())
    assert is_closed.is_set()


def test_a_driver_that_is_slow_holds_the_stream_up(run, sink, committer, scored):
    committer.commit_s = 0.0
    ahead = []

    def blocks():
        for number in range(module.QUEUE_BLOCKS * 3):
            ahead.append(number - len(sink.ids))
            yield scored([number])

    run(blocks())
    # What the queue holds, what the driver took from it in one go, and the one in the stream's hand.
    assert max(ahead) <= module.QUEUE_BLOCKS * 2 + 1
    assert len(sink.ids) == module.QUEUE_BLOCKS * 3
