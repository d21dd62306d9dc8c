"""Whether MLflow can be asked, and whether everybody on the way can listen."""

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from gsgmodel.doctor.clock import check_clock
from gsgmodel.doctor.findings import Finding
from gsgmodel.errors import ConfigError
from gsgmodel.redact import redact
from gsgmodel.tracking.address import NO_TRACKING, database_of, tracking_address
from gsgmodel.tracking.reach import check_reachable


def check_registry(tracking_uri: str | None, *, folder: Path) -> Iterator[Finding]:
    """Ask MLflow for its models.

    Args:
        tracking_uri: As given, or None for the environment's.
        folder: Holds MLflow's database where no address is set. One that is not there is not made. What is no address
            is a ``ConfigError``.

    Yields:
        What was found.
    """
    address = tracking_address(tracking_uri, folder=folder)
    database = database_of(address)
    if address == NO_TRACKING:
        yield Finding(name="mlflow", verdict="ok", text="not used")
    elif database is not None and not database.exists():
        yield Finding(name="mlflow", verdict="ok", text=f"no address is set; {database} would be made")
    else:
        yield _ask(address)
        yield from _check_way(address)


def _ask(address: str) -> Finding:
    try:
        num_models = check_reachable(address)
    except ConfigError as error:
        fix = "start it, or name another with --tracking-uri or MLFLOW_TRACKING_URI; none scores without it"
        return Finding(name="mlflow", verdict="failed", text=str(error), fix=fix)
    return Finding(name="mlflow", verdict="ok", text=f"{redact(address)} answers, {num_models} registered models")


def _check_way(address: str) -> Iterator[Finding]:
    parts = urlsplit(address)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        yield Finding(
            name="mlflow's way",
            verdict="warning",
            text=f"{redact(address)} is not encrypted: whoever is on the way reads passwords and replaces models",
            fix="put TLS before it, or keep it in a private network",
        )
    if parts.scheme in {"http", "https"} and (finding := check_clock(address)):
        yield finding


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself.

    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("mlflow.example")
    (True, True, True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
