"""Where MLflow is: the address that was given, the environment's, or a database in the working folder."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from gsgmodel.errors import ConfigError
from gsgmodel.redact import redact

DEFAULT_MODEL = "models:/gsg@champion"
"""The model that is meant where none is named."""
NO_TRACKING = "none"
"""In place of an address: MLflow is not used."""
DATABASE_NAME, ARTIFACTS_NAME = "mlflow.db", "mlruns"
ACCEPTED = f"accepted: http(s)://HOST:PORT, sqlite:///FILE, another address of MLflow, or {NO_TRACKING!r}"
_SQLITE = "sqlite:///"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:/|databricks")


def tracking_address(given: str | None, *, folder: Path) -> str:
    """Return the address of MLflow.

    Args:
        given: As set by the user, or None for MLFLOW_TRACKING_URI, and without that for the database.
        folder: Holds the database ``mlflow.db`` and the artifacts ``mlruns`` where nothing else is set; a database
            that is given by a relative path lies here too.

    Returns:
        An address that means the same in every folder, or ``none``. Nothing is created or asked.

    Raises:
        ConfigError: It is no address, or holds credentials; the message does not show them.
    """
    address = given or os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}{folder.absolute() / DATABASE_NAME}"
    name = "tracking-uri" if given else "MLFLOW_TRACKING_URI"
    if address == NO_TRACKING:
        return NO_TRACKING
    if address.startswith(_SQLITE):
        return f"{_SQLITE}{folder.absolute() / address.removeprefix(_SQLITE)}"
    if not address.startswith("file:") and ("@" in address or redact(address) != address):
        raise ConfigError(
            f"{name} holds credentials; accepted: an address without them, and MLFLOW_TRACKING_USERNAME with "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, in the environment"
        )
    if not _SCHEME.match(address) or (address.startswith("http") and not urlsplit(address).netloc):
        raise ConfigError(f"{name} is {address!r}; {ACCEPTED}")
    return address


def database_of(address: str) -> Path | None:
    """The file behind an address as ``tracking_address`` returns it; None where it is no database of ours to make."""
    return Path(address.removeprefix(_SQLITE)) if address.startswith(_SQLITE) else None


def artifact_root(address: str) -> str | None:
    """Where artifacts go: beside a database, so that no working folder decides; None where a server knows."""
    database = database_of(address)
    return (database.parent / ARTIFACTS_NAME).as_uri() if database else None
