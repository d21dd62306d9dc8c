"""The challenger and the champion of a model as MLflow has them, and the aliases that move when one takes over."""

from dataclasses import dataclass
from typing import Any

from mlflow.exceptions import MlflowException

from gsgmodel.errors import ConfigError
from gsgmodel.tracking.promotion import Contestant, contestant_of
from gsgmodel.tracking.store import ABSENT, connect, failures_named
from gsgmodel.tracking.versions import check_address, promote

PREVIOUS = "previous"
"""Alias of the champion before this one."""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Who may take whose place; versions, whatever becomes of the aliases meanwhile."""

    challenger: Contestant
    champion: Contestant | None
    """None where nobody has the place."""
    alias: str
    """That of the champion."""

    @property
    def is_settled(self) -> bool:
        """Whether the challenger is the champion already."""
        return self.champion is not None and self.champion.reference == self.challenger.reference


def find_contest(name: str, *, challenger: str, champion: str, tracking_uri: str) -> Contest:
    """Look up the two versions and what their tests found.

    Args:
        name: Of the model.
        challenger: Alias of the version that may be promoted.
        champion: Alias that it may get.
        tracking_uri: MLflow's address, as ``tracking_address`` returns it.

    Raises:
        ConfigError: If there is no challenger, or MLflow fails.
    """
    check_address(tracking_uri, must_exist=True)
    with failures_named(f"model {name} cannot be promoted", address=tracking_uri):
        client = connect(tracking_uri)
        wanted, held = _find(client, name, challenger), _find(client, name, champion)
    if wanted is None:
        raise ConfigError(f"there is no models:/{name}@{challenger} in MLflow; ./gsg train registers one")
    return Contest(challenger=wanted, champion=held, alias=champion)


def crown(contest: Contest, *, tracking_uri: str) -> None:
    """Make the challenger the champion, and the champion the ``previous`` one; an MLflow that fails, a ``ConfigError``.

    The champion's alias moves last: whatever fails before, scans go on with the same model.
    """
    if contest.is_settled:
        return
    if contest.champion:
        promote(contest.champion.reference, alias=PREVIOUS, tracking_uri=tracking_uri)
    promote(contest.challenger.reference, alias=contest.alias, tracking_uri=tracking_uri)


def _find(client: Any, name: str, alias: str) -> Contestant | None:
    """The version that has an alias; None where there is none.

    Raises:
        MlflowException: MLflow fails.
    """
    try:
        found = client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ABSENT:
            return None
        raise
    return contestant_of(f"{name}/{found.version}", found.tags)
