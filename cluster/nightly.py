#!/usr/bin/env python
"""Submit a night's job to a cluster once, whoever asks and how often, follow it, and end with its own exit code.

The id under which Ray knows the job is made of the night, and Ray takes an id once. Whoever comes second follows the
first. Only a job that failed or was stopped is followed by another of that night, with a number behind its id.
"""

import argparse
import shlex
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ray.exceptions import RayError
from ray.job_submission import JobDetails, JobStatus, JobSubmissionClient

NIGHT_ENDS = timedelta(hours=12)
"""A night ends at noon: a try after midnight still belongs to the evening before."""
POLL_S = 10.0
PATIENCE_S = 600.0
"""For a head that starts, or is replaced; a cluster that is silent for longer is an error, and the submission is to be
tried again."""
STOPPED_WAIT_S = 60.0
"""A head that is being replaced stops its jobs; one that is still there after this was stopped by a person."""
FAILED, STOPPED = 1, 143
_ENDED_BADLY = {JobStatus.FAILED, JobStatus.STOPPED}
Answer = TypeVar("Answer")


def night_of(now: datetime) -> str:
    """Return the date of the evening on which a night began, as ``YYYY-MM-DD``.

    >>> [night_of(datetime(2026, 12, day, hour)) for day, hour in ((1, 22), (2, 11), (2, 12))]
    ['2026-12-01', '2026-12-01', '2026-12-02']
    """
    return f"{now - NIGHT_ENDS:%Y-%m-%d}"


def submit_once(client: JobSubmissionClient, name: str, entrypoint: str) -> str:
    """Submit a job unless one of this name is there that has not failed.

    Args:
        client: Of the cluster.
        name: Of the night; further tries have a number behind it.
        entrypoint: What the job runs, as a shell reads it.

    Returns:
        The id of the job that was there, or is now.

    Raises:
        RuntimeError: If the cluster does not take the job.
    """
    known = {job.submission_id: job.status for job in client.list_jobs()}
    number = 1
    while known.get(job_id := name if number == 1 else f"{name}-{number}") in _ENDED_BADLY:
        number += 1
    if job_id not in known:
        try:
            client.submit_job(entrypoint=entrypoint, submission_id=job_id)
        except RuntimeError as error:
            if "already exists" not in str(error):
                raise
            # Somebody else was quicker.
    return job_id


def follow(client: JobSubmissionClient, job_id: str, *, show: Callable[[str], object]) -> int:
    """Show what a job prints until it ends.

    Args:
        client: Of the cluster.
        job_id: Under which the job was submitted.
        show: Takes text as it comes.

    Returns:
        The exit code of the job's own process; 143 if it was stopped.
    """
    num_shown = 0
    while True:
        job = patiently(lambda: client.get_job_info(job_id))
        log = patiently(lambda: client.get_job_logs(job_id))
        if len(log) > num_shown:
            show(log[num_shown:])
            num_shown = len(log)
        if job.status.is_terminal():
            return _exit_code(client, job_id, job)
        time.sleep(POLL_S)


def patiently(ask: Callable[[], Answer]) -> Answer:
    """Ask a cluster, again while it is silent.

    Args:
        ask: Does so.

    Raises:
        OSError: If it has been silent for ten minutes.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except OSError:
            if time.monotonic() >= until:
                raise
            time.sleep(POLL_S)


def _exit_code(client: JobSubmissionClient, job_id: str, job: JobDetails) -> int:
    if job.status == JobStatus.SUCCEEDED:
        return 0
    if job.status == JobStatus.STOPPED:
        time.sleep(STOPPED_WAIT_S)
        client.get_job_info(job_id)
        return STOPPED
    return job.driver_exit_code or FAILED


def command_line() -> argparse.ArgumentParser:
    """Return what reads the words of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0], allow_abbrev=False)
    parser.add_argument("--name", required=True, help="first part of the job's id; the night is the second")
    parser.add_argument("entrypoint", nargs="+", help="what to run; one word is taken as a line of a shell")
    return parser


def main(words: list[str], *, make_client: Callable[[], Any] = JobSubmissionClient) -> int:
    """Submit, follow, and return the exit code.

    Args:
        words: Of the command line.
        make_client: Connects to the cluster that ``RAY_API_SERVER_ADDRESS`` names.
    """
    given = command_line().parse_args(words)
    entrypoint = given.entrypoint[0] if len(given.entrypoint) == 1 else shlex.join(given.entrypoint)
    try:
        client = patiently(make_client)
        job_id = submit_once(client, f"{given.name}-{night_of(datetime.now().astimezone())}", entrypoint)
        _say(f"{job_id}: {entrypoint}\n")
        code = follow(client, job_id, show=_say)
    except (OSError, RuntimeError, RayError) as error:
        _say(f"nightly: the cluster cannot be asked: {error}\n")
        return FAILED
    _say(f"{job_id}: exit code {code}\n")
    return code


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
