"""A night is submitted once, whoever asks and how often; what is returned is the scan's own exit code."""

import doctest
import os
import subprocess
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.exceptions import AuthenticationError
from ray.job_submission import JobStatus

from cluster import nightly
from cluster.nightly import FAILED, STOPPED, follow, main, night_of, patiently, submit_once
from tests.cluster.job_server import TOKEN, serving

ENTRY = "python /app/jobs/score.py s3://archive --filter 'size<2GB'"
ENDED = {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.STOPPED}


class Head:
    """A head's job server, as its client shows it: ids are taken once, statuses follow a script."""

    def __init__(self, *, statuses=(JobStatus.SUCCEEDED,), code=0, silent=0):
        self.jobs, self.entries, self.log = {}, {}, ""
        self.script, self.code, self.silent = list(statuses), code, silent

    def list_jobs(self):
        return [SimpleNamespace(submission_id=name, status=status) for name, status in self.jobs.items()]

    def submit_job(self, *, entrypoint, submission_id):
        if submission_id in self.jobs:
            raise RuntimeError(f"Job with submission_id {submission_id} already exists.")
        self.jobs[submission_id], self.entries[submission_id] = JobStatus.PENDING, entrypoint
        return submission_id

    def get_job_info(self, name):
        if self.silent:
            self.silent -= 1
            raise ConnectionError("no answer")
        if name not in self.jobs:
            raise RuntimeError(f"Job {name} does not exist")
        if self.jobs[name] not in ENDED:
            self.jobs[name] = self.script.pop(0)
            self.log += f"{self.jobs[name]}\n"
        code = None if self.jobs[name] in {JobStatus.RUNNING, JobStatus.STOPPED} else self.code
        return SimpleNamespace(status=self.jobs[name], driver_exit_code=code)

    def get_job_logs(self, name):
        assert name in self.jobs
        return self.log


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    waited = []
    monkeypatch.setattr(nightly.time, "sleep", waited.append)
    return waited


@given(day=st.dates(min_value=date(2020, 1, 1), max_value=date(2100, 1, 1)), hours=st.floats(0, 23.9))
def test_all_that_is_tried_between_two_noons_is_one_night(day, hours):
    noon = datetime.combine(day, time(12))
    assert night_of(noon + timedelta(hours=hours)) == f"{noon:%Y-%m-%d}"


def test_the_second_submission_of_a_night_is_the_first_one():
    head = Head(statuses=[JobStatus.RUNNING, JobStatus.SUCCEEDED])
    assert submit_once(head, "gsg-score-2026-12-01", ENTRY) == "gsg-score-2026-12-01"
    assert submit_once(head, "gsg-score-2026-12-01", ENTRY) == "gsg-score-2026-12-01"
    assert follow(head, "gsg-score-2026-12-01", show=lambda _: None) == 0
    assert submit_once(head, "gsg-score-2026-12-01", ENTRY) == "gsg-score-2026-12-01"
    assert head.entries == {"gsg-score-2026-12-01": ENTRY}


def test_who_is_overtaken_between_looking_and_submitting_follows_the_other():
    head = Head()
    head.jobs["gsg-score-2026-12-01"] = JobStatus.RUNNING
    head.list_jobs = list
    assert submit_once(head, "gsg-score-2026-12-01", ENTRY) == "gsg-score-2026-12-01"
    assert head.entries == {}


def test_what_the_cluster_does_not_take_is_an_error():
    head = Head()

    def refuse(**_):
        raise RuntimeError("no space left")

    head.submit_job = refuse
    with pytest.raises(RuntimeError, match="no space"):
        submit_once(head, "night", ENTRY)


@pytest.mark.parametrize("ended", [JobStatus.FAILED, JobStatus.STOPPED])
def test_after_a_night_that_failed_there_may_be_another_try_of_it(ended):
    head = Head()
    head.jobs = {"night": ended}
    assert submit_once(head, "night", ENTRY) == "night-2"
    assert submit_once(head, "night", ENTRY) == "night-2"
    head.jobs["night-2"] = ended
    assert submit_once(head, "night", ENTRY) == "night-3"


@given(statuses=st.lists(st.sampled_from([*ENDED, JobStatus.RUNNING, JobStatus.PENDING]), max_size=6))
def test_at_most_one_try_of_a_night_is_not_over(statuses):
    """However the tries before ended, and however often it is asked."""
    head = Head()
    for status in statuses:
        job_id = submit_once(head, "night", ENTRY)
        if head.jobs[job_id] == JobStatus.PENDING:
            head.jobs[job_id] = status
        is_open = [name for name, each in head.jobs.items() if each not in {JobStatus.FAILED, JobStatus.STOPPED}]
        assert len(is_open) <= 1


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (JobStatus.SUCCEEDED, 0, 0),
        (JobStatus.FAILED, 1, 1),
        (JobStatus.FAILED, 2, 2),
        (JobStatus.FAILED, 5, 5),
        (JobStatus.FAILED, 143, 143),
        # A driver that could not be started, or was killed with its node, has none.
        (JobStatus.FAILED, None, FAILED),
    ],
)
def test_the_exit_code_is_the_scans_own(status, code, expected):
    head = Head(statuses=[JobStatus.PENDING, JobStatus.RUNNING, status], code=code)
    submit_once(head, "night", ENTRY)
    assert follow(head, "night", show=lambda _: None) == expected


def test_what_the_scan_prints_is_shown_once_and_in_order():
    head, shown = Head(statuses=[JobStatus.RUNNING, JobStatus.RUNNING, JobStatus.SUCCEEDED]), []
    submit_once(head, "night", ENTRY)
    follow(head, "night", show=shown.append)
    assert "".join(shown) == head.log
    assert len(shown) == 3


def test_a_scan_that_a_person_stopped_is_not_tried_again(no_waiting):
    head = Head(statuses=[JobStatus.STOPPED])
    submit_once(head, "night", ENTRY)
    assert follow(head, "night", show=lambda _: None) == STOPPED
    assert no_waiting == [nightly.STOPPED_WAIT_S]


def test_a_scan_that_its_head_took_along_is_tried_again(monkeypatch, capsys):
    """A head that ends stops its jobs first; whoever asks the next one finds that it knows none."""
    head = Head(statuses=[JobStatus.STOPPED])
    monkeypatch.setattr(nightly.time, "sleep", lambda _: head.jobs.clear())
    assert main(["--name", "gsg-score", "--", ENTRY], make_client=lambda: head) == FAILED
    assert "does not exist" in capsys.readouterr().out


def test_a_head_that_is_silent_for_a_while_is_waited_for():
    head = Head(silent=3)
    submit_once(head, "night", ENTRY)
    assert follow(head, "night", show=lambda _: None) == 0


def test_a_head_that_stays_silent_is_an_error_in_the_end(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(nightly.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(nightly.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))

    def ask():
        raise ConnectionError("nobody")

    with pytest.raises(ConnectionError):
        patiently(ask)
    assert now[0] == nightly.PATIENCE_S


@pytest.mark.parametrize("words", [[ENTRY], ["python", "/app/jobs/score.py", "s3://archive", "--filter", "size<2GB"]])
def test_a_line_of_a_shell_stays_one_and_words_become_one(words, capsys):
    head = Head()
    assert main(["--name", "gsg-score", "--", *words], make_client=lambda: head) == 0
    (name, entry), *_ = head.entries.items()
    assert entry == ENTRY
    assert name == f"gsg-score-{night_of(datetime.now().astimezone())}"
    assert f"{name}: exit code 0" in capsys.readouterr().out


def test_a_wrong_token_is_a_sentence_and_a_failure(capsys):
    def connect():
        raise AuthenticationError("invalid token")

    assert main(["--name", "gsg-score", "--", ENTRY], make_client=connect) == FAILED
    assert "cannot be asked" in capsys.readouterr().out


def test_the_example_of_a_night_holds():
    found = doctest.testmod(nightly)
    assert (found.failed, found.attempted) == (0, 1)


def submit(address, token):
    env = {**os.environ, "RAY_API_SERVER_ADDRESS": address, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    return subprocess.run(
        [sys.executable, nightly.__file__, "--name", "gsg-score", "--", ENTRY],
        env=env,
        cwd=Path(nightly.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_rays_own_client_submits_with_the_token_and_a_second_time_follows():
    """As the CronJob's container runs it: a process with its environment."""
    jobs = {}
    with serving(jobs) as address:
        first, second = submit(address, TOKEN), submit(address, TOKEN)
    assert (first.returncode, second.returncode) == (5, 5), first.stdout + first.stderr
    assert [job["entrypoint"] for job in jobs.values()] == [ENTRY]
    assert second.stdout.count("scored 3 videos") == 1


def test_without_the_right_token_nothing_is_submitted():
    jobs = {}
    with serving(jobs) as address:
        done = submit(address, "of-somebody-else")
    assert (done.returncode, jobs) == (FAILED, {})
    assert "cannot be asked" in done.stdout
    assert TOKEN not in done.stdout + done.stderr
