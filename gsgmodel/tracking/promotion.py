"""Whether the newest trained model takes the champion's place: only if its test is not worse beyond the interval.

Without MLflow; ``gsgmodel.tracking.contest`` asks it and moves the aliases.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

DATA_DIGEST = "gsg.data_digest"
"""Tag of a version, which its training sets: of the clip store whose test split it was tested on."""
TEST_AUC, TEST_AUC_LOW, TEST_AUC_HIGH = "gsg.test_auc", "gsg.test_auc_low", "gsg.test_auc_high"
"""Tags of a version, which its training sets: the area on the test split, 0 to 1, and its 95 % interval."""
_SHOWN_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A version and what its test found."""

    reference: str
    """``NAME/VERSION``."""
    data_digest: str | None
    """None where nobody said what it was tested on."""
    auc: float | None
    """0 to 1; None where nobody tested it."""
    auc_low: float | None
    auc_high: float | None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a version is promoted, and why."""

    is_promoted: bool
    reason: str


def contestant_of(reference: str, tags: Mapping[str, str]) -> Contestant:
    """Read what a version's tags say of its test; what is no share of 1 counts as not said.

    >>> contestant_of("gsg/3", {TEST_AUC: "0.9", TEST_AUC_LOW: "nan"})
    Contestant(reference='gsg/3', data_digest=None, auc=0.9, auc_low=None, auc_high=None)
    """
    return Contestant(
        reference=reference,
        data_digest=tags.get(DATA_DIGEST) or None,
        auc=_share(tags.get(TEST_AUC)),
        auc_low=_share(tags.get(TEST_AUC_LOW)),
        auc_high=_share(tags.get(TEST_AUC_HIGH)),
    )


def judge_challenger(challenger: Contestant, champion: Contestant | None, *, is_forced: bool = False) -> Verdict:
    """Decide by what both tests found.

    Args:
        challenger: The one that may take the place.
        champion: The one that has it; None if nobody has.
        is_forced: Promote it whatever was found; the reason says what was.
    """
    if champion is not None and champion.reference == challenger.reference:
        return Verdict(is_promoted=True, reason="it is already")
    against = _what_is_missing(challenger, champion) or _what_is_worse(challenger, champion)
    if against is None:
        return Verdict(is_promoted=True, reason=_compared(challenger, champion))
    return Verdict(is_promoted=is_forced, reason=f"forced, although {against}" if is_forced else against)


def _what_is_missing(challenger: Contestant, champion: Contestant | None) -> str | None:
    """Why the two cannot be compared, if they cannot."""
    if challenger.auc is None:
        return f"models:/{challenger.reference} has no test result"
    if champion is None:
        return None
    if champion.auc is None or champion.auc_low is None:
        return f"the champion models:/{champion.reference} has no test result with an interval"
    if challenger.data_digest is None or challenger.data_digest != champion.data_digest:
        return (
            f"it was tested on clips of the digest {_short(challenger.data_digest)}, the champion "
            f"models:/{champion.reference} on clips of {_short(champion.data_digest)}, and that does not compare"
        )
    return None


def _what_is_worse(challenger: Contestant, champion: Contestant | None) -> str | None:
    if champion is None or not cast("float", challenger.auc) < cast("float", champion.auc_low):
        return None
    return f"it is worse than the champion beyond the interval: {_compared(challenger, champion)}"


def _compared(challenger: Contestant, champion: Contestant | None) -> str:
    if champion is None:
        return f"there was no champion; test AUC {challenger.auc:.3f}"
    until = "" if champion.auc_high is None else f" to {champion.auc_high:.3f}"
    return (
        f"test AUC {challenger.auc:.3f}, that of models:/{champion.reference} {champion.auc:.3f} "
        f"(from {champion.auc_low:.3f}{until})"
    )


def _share(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= 1 else None


def _short(digest: str | None) -> str:
    return (digest or "unknown")[:_SHOWN_DIGITS]
