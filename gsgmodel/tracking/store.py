"""The way to MLflow, imported only where it is used: silent, and what goes wrong there becomes one sentence."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from alembic.util import CommandError
from botocore.exceptions import BotoCoreError, ClientError
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from requests import RequestException
from sqlalchemy.exc import SQLAlchemyError

from gsgmodel.errors import ConfigError
from gsgmodel.redact import redact
from gsgmodel.tracking.address import artifact_root
from gsgmodel.tracking.failures import reason_of

FAILURES = (
    *(MlflowException, RequestException, SQLAlchemyError, CommandError, BotoCoreError, ClientError),
    # What MLflow lets through: files, an answer that is not MLflow's, a driver or client that is not installed.
    *(OSError, ValueError, KeyError, ImportError),
)
"""What talking to MLflow and its stores raises when they fail."""
ABSENT = frozenset({"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "INVALID_PARAMETER_VALUE"})
"""Codes of MLflow's errors for names that do not exist; an alias that does not is the last one."""


def connect(address: str) -> Any:
    """A client of MLflow; of its database at the first request the tables are made."""
    # Whoever imported it first, or a test, may have set these up otherwise.
    for name in ("mlflow", "alembic", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"mlflow\b")
    return MlflowClient(tracking_uri=address, registry_uri=address)


def artifacts_at(place: str, *, address: str) -> Any:
    """MLflow's repository of the artifacts at an address of theirs."""
    return get_artifact_repository(place, tracking_uri=address, registry_uri=address)


def experiment_id(client: Any, name: str, *, address: str) -> str:
    """The experiment of a name; it is made where there is none.

    Raises:
        MlflowException: It cannot be made.
    """
    found = client.get_experiment_by_name(name)
    if found is None:
        root = artifact_root(address)
        try:
            return str(client.create_experiment(name, artifact_location=root and f"{root}/{quote(name)}"))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        # Somebody was faster.
        found = client.get_experiment_by_name(name)
    return str(found.experiment_id)


@contextmanager
def failures_named(subject: str, *, address: str, absent: str | None = None) -> Iterator[None]:
    """Turn what MLflow raises into a ``ConfigError`` of one sentence.

    Args:
        subject: What was wanted, the sentence's beginning.
        address: Of MLflow.
        absent: The whole sentence where MLflow says that what was asked for does not exist, if it has one of its own.

    Raises:
        ConfigError: MLflow or its store failed.
    """
    try:
        yield
    except FAILURES as error:
        if absent and isinstance(error, MlflowException) and error.error_code in ABSENT:
            raise ConfigError(absent) from error
        raise ConfigError(f"{subject}: MLflow at {redact(address)} {reason_of(error)}") from error
