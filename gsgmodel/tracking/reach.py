"""Whether MLflow answers, soon."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from gsgmodel.tracking.store import connect, failures_named

_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
"""Read by MLflow at each request."""


def check_reachable(address: str) -> int:
    """Ask MLflow for its models.

    Args:
        address: As ``tracking_address`` returns it.

    Returns:
        How many registered models it names, 100 at most. Where it does not answer, or refuses, a ``ConfigError`` is
        raised.
    """
    with _impatient(), failures_named("no models are listed", address=address):
        return len(connect(address).search_registered_models(max_results=100))


@contextmanager
def _impatient() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _PATIENCE}
    os.environ.update(_PATIENCE)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
