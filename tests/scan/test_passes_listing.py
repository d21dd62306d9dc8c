"""A pass goes on while the archive is listed, and what ends the listing ends the run in its own way."""

import threading
import time

import numpy as np
import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.scan import passes as passes_module
from gsgmodel.scan import planner as planner_module
from gsgmodel.scan.parts import planned_rows
from gsgmodel.scan.passes import run_passes
from gsgmodel.scan.planner import planning
from gsgmodel.scan.stop import StopRequest
from tests.scan.conftest import StreamedRows

pytestmark = pytest.mark.usefixtures("_brief_waits")


@pytest.fixture(autouse=True)
def _in_parts(monkeypatch):
    for name in ("FIRST_PART_S", "PART_S", "BATCH_S"):
        monkeypatch.setattr(planner_module, name, 0.0)
    monkeypatch.setattr(planner_module, "_AT_ONCE", 1)


@pytest.fixture
def stop():
    return StopRequest(drain_s=5.0)


@pytest.fixture
def numbers(video_id):
    known = {video_id(number): number for number in range(100)}
    return lambda ids: [known[value] for value in ids]


def counts(account):
    return (
        account.num_planned,
        account.num_committed,
        account.num_unfinished,
        account.num_left,
        account.num_lost,
    )


def growing(folder, refs):
    """A plan of several parts, one for each video."""
    return planning(refs, is_done=lambda ids: np.zeros(len(ids), bool), limit=None, folder=folder)


def arriving(path, scored, numbers):
    return StreamedRows(scored(numbers([row["video_id"][0].as_py()])) for row in planned_rows(path))


def test_a_pass_goes_on_for_as_long_as_the_archive_is_listed(
    tmp_path, ref, committer, gate, stop, sink, numbers, scored
):
    def listed():
        yield ref(0)
        patience_s = time.monotonic() + 10
        while committer.progress.num_finished == 0 and time.monotonic() < patience_s:
            time.sleep(0.01)
        assert committer.progress.num_finished == 1
        yield from (ref(1), ref(2))

    with growing(tmp_path / "plan", listed()) as planner:
        account = run_passes(
            planner,
            lambda path: arriving(path, scored, numbers),
            committer,
            gate=gate,
            stop=stop,
            recount=lambda _: sink.contains,
        )
    assert counts(account) == (3, 3, 0, 0, 0)
    assert (committer.progress.num_planned, committer.progress.is_all) == (3, True)


def test_a_listing_that_breaks_off_fails_the_run_once_what_was_listed_is_done(
    tmp_path, ref, committer, gate, stop, sink, numbers, scored
):
    def listed():
        yield ref(0)
        raise ConfigError("input 's3://archive/': the listing broke off")

    with growing(tmp_path / "plan", listed()) as planner:
        account = run_passes(
            planner,
            lambda path: arriving(path, scored, numbers),
            committer,
            gate=gate,
            stop=stop,
            recount=lambda _: sink.contains,
        )
    assert counts(account) == (1, 1, 0, 0, 0)
    assert account.broke_off == "input 's3://archive/': the listing broke off"


def test_a_stop_does_not_wait_for_a_listing_that_hangs(
    tmp_path, ref, committer, gate, stop, sink, numbers, scored, monkeypatch
):
    monkeypatch.setattr(passes_module, "CUT_S", 0.1)
    is_over = threading.Event()

    def listed():
        yield ref(0)
        is_over.wait(30)

    def blocks(path):
        for number, row in enumerate(planned_rows(path)):
            yield scored(numbers([row["video_id"][0].as_py()]))
            if number == 0:
                stop._on_signal(15, None)

    def stream(path):
        return StreamedRows(blocks(path))

    started_s = time.monotonic()
    with growing(tmp_path / "plan", listed()) as planner:
        account = run_passes(
            planner,
            stream,
            committer,
            gate=gate,
            stop=stop,
            recount=lambda _: sink.contains,
        )
    assert time.monotonic() - started_s < 8
    assert counts(account) == (1, 1, 0, 0, 0)
    is_over.set()
