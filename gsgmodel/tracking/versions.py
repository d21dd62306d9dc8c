"""The versions of models that MLflow has registered, and the aliases that point to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gsgmodel.errors import ConfigError
from gsgmodel.tracking.address import NO_TRACKING, database_of
from gsgmodel.tracking.promotion import contestant_of
from gsgmodel.tracking.registry import DIGEST_TAG
from gsgmodel.tracking.store import connect, failures_named

NAME, ALIAS = "gsg", "champion"
PAGE = 100


@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """One version of a model in MLflow."""

    uri: str
    aliases: tuple[str, ...]
    digest: str | None
    """None where it was registered by something else."""
    created_at: str
    """UTC, as ISO 8601 has it."""
    test_auc: float | None = None
    """0 to 1; None where its registration did not say."""
    test_auc_low: float | None = None
    """Of its 95 % interval."""
    test_auc_high: float | None = None


def list_models(*, tracking_uri: str, name: str | None = None) -> list[RegisteredVersion]:
    """Return the versions of a model, or of every model, the newest of each first."""
    check_address(tracking_uri, must_exist=True)
    with failures_named("models cannot be listed", address=tracking_uri):
        client = connect(tracking_uri)
        names = [name] if name else [model.name for model in _every(client.search_registered_models)]
        return [version for each in names for version in _versions_of(client, each)]


def promote(reference: str, *, alias: str = ALIAS, tracking_uri: str) -> str:
    """Move an alias to a version.

    Args:
        reference: ``NAME/VERSION``, with or without ``models:/`` before it.
        alias: What the version is known by from now on.
        tracking_uri: MLflow's address, as ``tracking_address`` returns it.

    Returns:
        The reference by alias.

    Raises:
        ConfigError: The reference is none, there is no such version, or MLflow fails.
    """
    name, _, version = reference.removeprefix("models:/").strip("/").partition("/")
    if not name or not version.isdecimal():
        raise ConfigError(f"{reference!r} names no version of a model; accepted: NAME/VERSION, for example gsg/3")
    check_address(tracking_uri, must_exist=True)
    subject = f"models:/{name}/{version} does not get the alias {alias}"
    with failures_named(subject, address=tracking_uri):
        connect(tracking_uri).set_registered_model_alias(name, alias, version)
    return f"models:/{name}@{alias}"


def check_address(tracking_uri: str, *, must_exist: bool = False) -> None:
    """Make sure that there is an MLflow to speak to, as far as that can be told without asking.

    Raises:
        ConfigError: There is none; a database is not made just to look into it.
    """
    if tracking_uri == NO_TRACKING:
        raise ConfigError(f"models are kept in MLflow, and the tracking URI is {NO_TRACKING!r}; accepted: its address")
    database = database_of(tracking_uri)
    if must_exist and database is not None and not database.is_file():
        raise ConfigError(f"there is no MLflow at {tracking_uri}; `./gsg models register FOLDER` makes it")


def _versions_of(client: Any, name: str) -> Iterator[RegisteredVersion]:
    aliases = client.get_registered_model(name).aliases
    found = _every(client.search_model_versions, filter_string=f"name = '{name}'")
    for version in sorted(found, key=lambda each: int(each.version), reverse=True):
        tested = contestant_of(f"{name}/{version.version}", version.tags)
        yield RegisteredVersion(
            uri=f"models:/{name}/{version.version}",
            aliases=tuple(sorted(alias for alias, number in aliases.items() if str(number) == str(version.version))),
            digest=version.tags.get(DIGEST_TAG),
            created_at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC).isoformat(timespec="seconds"),
            test_auc=tested.auc,
            test_auc_low=tested.auc_low,
            test_auc_high=tested.auc_high,
        )


def _every(search: Any, **asked: str) -> Iterator[Any]:
    page = search(max_results=PAGE, **asked)
    yield from page
    while page.token:
        page = search(max_results=PAGE, page_token=page.token, **asked)
        yield from page
