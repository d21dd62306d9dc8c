"""Before a head ends, what runs on it is stopped, and its end is waited for, as long as there is time."""

import os
from types import SimpleNamespace

import pytest
from ray.job_submission import JobStatus

from cluster import drain as module
from cluster.drain import drain, main


class Head:
    """A head's job server: a stopped job ends after so many looks."""

    def __init__(self, jobs, *, looks=2):
        self.jobs, self.looks, self.stopped = dict(jobs), looks, []

    def list_jobs(self):
        for name in self.stopped:
            self.looks -= 1
            if self.looks <= 0:
                self.jobs[name] = JobStatus.STOPPED
        # A driver that was not submitted has no id, and no way to be stopped.
        unnamed = SimpleNamespace(submission_id=None, status=JobStatus.RUNNING)
        return [unnamed, *(SimpleNamespace(submission_id=name, status=each) for name, each in self.jobs.items())]

    def stop_job(self, name):
        self.stopped.append(name)
        return True


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(module.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://elsewhere:8265")
    return now


def test_what_runs_is_stopped_and_waited_for(clock):
    head = Head({"night": JobStatus.RUNNING, "old": JobStatus.SUCCEEDED, "new": JobStatus.PENDING}, looks=10)
    assert drain(head, within_s=120.0) == []
    assert head.stopped == ["night", "new"]
    assert 0 < clock[0] < 120


def test_where_nothing_runs_nothing_is_waited_for(clock):
    assert drain(Head({"old": JobStatus.FAILED}), within_s=120.0) == []
    assert clock[0] == 0


def test_what_has_not_ended_in_time_is_named(clock, capsys):
    head = Head({"night": JobStatus.RUNNING}, looks=10_000)
    assert main(["--within-s", "5"], make_client=lambda: head) == 1
    assert clock[0] == 5
    assert "night" in capsys.readouterr().err


def test_it_asks_the_head_that_it_runs_on_whatever_else_is_set():
    asked = []

    def connect():
        asked.append(os.environ["RAY_API_SERVER_ADDRESS"])
        return Head({})

    assert main([], make_client=connect) == 0
    assert asked == ["http://127.0.0.1:8265"]


def test_a_head_that_is_gone_is_a_sentence(capsys):
    def connect():
        raise ConnectionError("refused")

    assert main([], make_client=connect) == 1
    assert "cannot be asked" in capsys.readouterr().err
