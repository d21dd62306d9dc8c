"""What was looked at, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "failed", "unsafe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    """``warning``: worth knowing; ``failed``: scans will not work; ``unsafe``: they will, and somebody may do harm."""
    text: str
    fix: str = ""
    """What to do; there where the verdict is not ``ok``."""


def is_fit(findings: Iterable[Finding]) -> bool:
    """Whether nothing is unsafe and nothing failed."""
    return all(finding.verdict in {"ok", "warning"} for finding in findings)
