#!/usr/bin/env python
"""Stop the jobs of the cluster whose head runs here, and wait until they have committed what was in work.

Kubernetes runs this before it ends a head. A job that is stopped gets ``RAY_JOB_STOP_WAIT_TIME_S`` from Ray.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from ray.exceptions import RayError
from ray.job_submission import JobStatus, JobSubmissionClient

DASHBOARD = "http://127.0.0.1:8265"
POLL_S = 1.0


def drain(client: JobSubmissionClient, *, within_s: float) -> list[str]:
    """Stop what runs and wait for its end.

    Args:
        client: Of the cluster.
        within_s: How long to wait.

    Returns:
        The ids of jobs that have not ended in that time.
    """
    until = time.monotonic() + within_s
    for job_id in running(client):
        client.stop_job(job_id)
    while (left := running(client)) and time.monotonic() < until:
        time.sleep(POLL_S)
    return left


def running(client: JobSubmissionClient) -> list[str]:
    """Return the ids of submitted jobs that have not ended."""
    jobs = client.list_jobs()
    return [job.submission_id for job in jobs if job.submission_id and not JobStatus(job.status).is_terminal()]


def command_line() -> argparse.ArgumentParser:
    """Return what reads the words of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0], allow_abbrev=False)
    parser.add_argument("--within-s", type=float, default=120.0, help="seconds to wait for the jobs' end")
    return parser


def main(words: list[str], *, make_client: Callable[[], Any] = JobSubmissionClient) -> int:
    """Drain the cluster; exit code 1 where something is left, or nobody answers.

    Args:
        words: Of the command line.
        make_client: Connects to the cluster that ``RAY_API_SERVER_ADDRESS`` names.
    """
    given = command_line().parse_args(words)
    # An argument would give way to RAY_ADDRESS, which KubeRay sets.
    os.environ["RAY_API_SERVER_ADDRESS"] = DASHBOARD
    try:
        left = drain(make_client(), within_s=given.within_s)
    except (OSError, RuntimeError, RayError) as error:
        sys.stderr.write(f"drain: the head cannot be asked: {error}\n")
        return 1
    if left:
        sys.stderr.write(f"drain: still running: {', '.join(left)}\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
