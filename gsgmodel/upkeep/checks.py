"""What a check of an output found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

SHOWN = 5
"""Examples of what is wrong; a table that is broken may have millions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    verdict: Literal["ok", "wrong", "note"]
    """A note is worth knowing and no fault of the table."""
    text: str
    examples: tuple[str, ...] = ()
    """Some of what is meant, at most ``SHOWN``."""


def judged(name: str, wrong: Sequence[str], *, ok: str, fault: str) -> Check:
    """A check that holds unless something is wrong.

    Args:
        name: Of the check.
        wrong: What is wrong, each in a few words.
        ok: What holds if there is nothing.
        fault: What is the matter otherwise; their number is put before it.
    """
    if not wrong:
        return Check(name=name, verdict="ok", text=ok)
    return Check(name=name, verdict="wrong", text=f"{len(wrong)} {fault}", examples=tuple(wrong[:SHOWN]))
