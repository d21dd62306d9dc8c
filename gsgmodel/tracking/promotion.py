"""Whether the newest trained model takes the champion's place: only if its test is not worse beyond the interval."""

from dataclasses import dataclass
from typing import Any

from mlflow.exceptions import MlflowException

from gsgmodel.errors import ConfigError
from gsgmodel.tracking.store import ABSENT, connect, failures_named
from gsgmodel.tracking.versions import check_address, promote

DATA_DIGEST, TEST_AUC, TEST_AUC_LOW, TEST_AUC_HIGH = (
    *("gsg.data_digest", "gsg.test_auc"),
    *("gsg.test_auc_low", "gsg.test_auc_high"),
)
"""Tags of a version, which its training sets."""
PREVIOUS = "previous"
"""Alias of the champion before this one."""
_SHOWN_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A version and what its test found."""

    reference: str
    """``NAME/VERSION``."""
    data_digest: str | None
    """Of the clip store whose test split it was tested on; None where nobody tested it."""
    auc: float | None
    auc_low: float | None
    auc_high: float | None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a version is promoted, and why."""

    is_promoted: bool
    reason: str
    challenger: str
    champion: str | None
    """The version that was the champion before, if any."""


def judge_challenger(challenger: Tested, champion: Tested | None) -> tuple[bool, str]:
    """Decide by what both tests found; the reason is a sentence.

    Args:
        challenger: The one that may take the place.
        champion: The one that has it; None if nobody has.
    """
    if challenger.auc is None:
        return False, f"models:/{challenger.reference} has no test result; --force promotes it all the same"
    if champion is None:
        return True, f"there was no champion; test AUC {challenger.auc:.3f}"
    if champion.auc is None or champion.auc_low is None:
        return False, f"the champion models:/{champion.reference} has no test result to compare with; --force promotes"
    if challenger.data_digest != champion.data_digest:
        return False, (
            f"they were tested on different clips, {_short(challenger.data_digest)} and "
            f"{_short(champion.data_digest)}; train both on one store, or use --force"
        )
    compared = f"test AUC {challenger.auc:.3f}, the champion's {champion.auc:.3f} (from {champion.auc_low:.3f})"
    if challenger.auc < champion.auc_low:
        return False, f"it is worse than the champion beyond the interval: {compared}"
    return True, compared


def promote_challenger(
    name: str, *, challenger: str, champion: str, tracking_uri: str, is_forced: bool = False
) -> Verdict:
    """Move the champion's alias to the challenger's version, if it has earned it; the one before is ``previous``.

    Args:
        name: Of the model.
        challenger: Alias of the version that may be promoted.
        champion: Alias that it may get.
        tracking_uri: MLflow's address, as ``tracking_address`` returns it.
        is_forced: Promote it whatever was found.

    Raises:
        ConfigError: If there is no challenger, or MLflow fails.
    """
    check_address(tracking_uri, must_exist=True)
    with failures_named(f"model {name} cannot be promoted", address=tracking_uri):
        client = connect(tracking_uri)
        wanted, held = _tested(client, name, challenger), _tested(client, name, champion)
    if wanted is None:
        raise ConfigError(f"there is no models:/{name}@{challenger} in MLflow; ./gsg train registers one")
    before = held.reference if held else None
    if before == wanted.reference:
        return Verdict(is_promoted=True, reason="it is already", challenger=wanted.reference, champion=before)
    is_promoted, reason = judge_challenger(wanted, held)
    if is_forced and not is_promoted:
        is_promoted, reason = True, f"forced, although {reason}"
    if is_promoted:
        if before:
            promote(before, alias=PREVIOUS, tracking_uri=tracking_uri)
        promote(wanted.reference, alias=champion, tracking_uri=tracking_uri)
    return Verdict(is_promoted=is_promoted, reason=reason, challenger=wanted.reference, champion=before)


def _tested(client: Any, name: str, alias: str) -> Tested | None:
    """What is known of the version with an alias; None where there is none.

    Raises:
        MlflowException: MLflow fails.
    """
    try:
        found = client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ABSENT:
            return None
        raise
    tags = found.tags
    numbers = [_number(tags.get(tag)) for tag in (TEST_AUC, TEST_AUC_LOW, TEST_AUC_HIGH)]
    return Tested(
        reference=f"{name}/{found.version}",
        data_digest=tags.get(DATA_DIGEST),
        auc=numbers[0],
        auc_low=numbers[1],
        auc_high=numbers[2],
    )


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _short(digest: str | None) -> str:
    return (digest or "unknown")[:_SHOWN_DIGITS]
