"""The client of an S3 API: one for a process and store, its requests, and when they are sent again.

Requests go through s3fs, which brings the client, its event loop and its retries. Its paths are not used, because
they drop doubled slashes and read ``?versionId=`` out of a key; here a key is what it is, byte for byte. Credentials
and region are found by botocore in the environment of each process; none passes through here.
"""

import os
import random
import time
from functools import cache
from typing import Any

from fsspec.asyn import AsyncFileSystem, sync

from gsgmodel.archive.s3_errors import EXPIRED, code_of, named_errors
from gsgmodel.errors import DeniedError

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
"""Of silence."""
ATTEMPTS = 4
"""Tries of a request that the store did not answer, or answered with 5xx or "slow down"; waits grow to seconds."""
FIRST_WAIT_S = 0.5
"""Before a request that the client itself does not send again is sent again; doubled each time."""
CONNECTIONS = 64
"""Open at once at most, of one process to one store."""


def call(endpoint: str | None, operation: str, **parameters: Any) -> dict[str, Any]:
    """Send one request, again a few times where the store was busy or did not answer.

    Args:
        endpoint: Of the store, or None for the environment's.
        operation: As botocore names it, such as ``head_object``.
        parameters: Of the operation.

    Returns:
        botocore's answer. Credentials that have expired are looked for anew a few times: whoever renews them may be
        late. What is not there is a ``MissingError``; without permission or valid credentials a
        ``DeniedError``; an unmet condition or range a ``ChangedError``; everything else an ``UnavailableError``.

    Raises:
        DeniedError: Also where expired credentials are not renewed in time.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return _send(endpoint, operation, parameters)
        except DeniedError as error:
            if code_of(error) not in EXPIRED:
                raise
            connect.cache_clear()
            time.sleep(wait_s(attempt))
    return _send(endpoint, operation, parameters)


def _send(endpoint: str | None, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    with named_errors():
        answer: dict[str, Any] = connect(endpoint).call_s3(operation, **parameters)
    return answer


def wait_s(attempt: int) -> float:
    """Longer after each attempt, and never the same for many that failed at once."""
    return FIRST_WAIT_S * 2.0 ** (attempt - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads requests


@cache
def connect(endpoint: str | None) -> AsyncFileSystem:
    """The process's client of a store; nothing is sent yet."""
    # A third of a second in every process; most scans of local files need none of it.
    from s3fs import S3FileSystem  # noqa: PLC0415

    settings = {
        "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
        "connect_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": READ_TIMEOUT_S,
        "max_pool_connections": CONNECTIONS,
        # Many stores but Amazon's refuse or ignore the checksums that botocore adds of its own accord.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    # botocore itself reads AWS_DEFAULT_REGION alone, which is not what roles of a cluster come with.
    region = None if os.environ.get("AWS_DEFAULT_REGION") else os.environ.get("AWS_REGION")
    store = S3FileSystem(
        endpoint_url=endpoint,
        client_kwargs={"region_name": region} if region else {},
        config_kwargs=settings,
        skip_instance_cache=True,
    )
    # Its own retries come on top of botocore's, for errors that both know: once is enough.
    store.retries = 1
    return store


def store_address(endpoint: str | None) -> str:
    """The address that requests to a store go to; nothing is sent.

    Args:
        endpoint: Of the store, or None for the environment's.
    """
    store = connect(endpoint)
    return str(sync(store.loop, store.set_session).meta.endpoint_url)


# The thread that runs a client's event loop does not live on in a forked child.
os.register_at_fork(after_in_child=connect.cache_clear)
