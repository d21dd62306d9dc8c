"""What ``--filter`` means: globs over names, and conditions on an object's size and age."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import ge, gt, le, lt
from types import MappingProxyType
from typing import Literal

from gsgmodel.errors import ConfigError

ACCEPTED = "a glob, or a condition such as size>=1MB, size<2GiB, age<1d or age>=90m"
_UNITS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "size": {"": 1, "b": 1}
        | {f"{letter}b": 1000**power for power, letter in enumerate("kmgt", start=1)}
        | {f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", start=1)},
        "age": {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800},
    }
)
_COMPARE: Mapping[str, Callable[[float, float], bool]] = MappingProxyType({"<": lt, "<=": le, ">": gt, ">=": ge})
_LOOKS_LIKE_ONE = re.compile(r"\s*(?:size|age)\s*[<>]", re.IGNORECASE)
_CONDITION = re.compile(
    r"\s*(?P<field>size|age)\s*(?P<operator>[<>]=?)\s*(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[a-z]*)\s*\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A bound on the size or the age of an object."""

    field: Literal["size", "age"]
    operator: Literal["<", "<=", ">", ">="]
    bound: float
    """In bytes or seconds."""

    def holds(self, value: float) -> bool:
        """Whether a size in bytes or an age in seconds keeps to the bound."""
        return _COMPARE[self.operator](value, self.bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What an object has to be called, one of the globs, and all that has to hold of its size and age."""

    globs: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    now_s: float = 0.0
    """When the filters were parsed, in seconds since the epoch: ages are counted back from here."""

    def unmet(self, *, size_bytes: int, last_modified_s: float) -> str:
        """The field of the first condition that does not hold, ``size`` or ``age``; empty if all do."""
        values = {"size": float(size_bytes), "age": self.now_s - last_modified_s}
        return next((wanted.field for wanted in self.conditions if not wanted.holds(values[wanted.field])), "")


def parse_filters(filters: Sequence[str], *, now_s: float | None = None) -> Filters:
    """Tell globs from conditions.

    A text is a condition where it begins with ``size`` or ``age`` and ``<`` or ``>``. Sizes are in bytes or have a
    unit in any case, decimal (kB, MB, GB, TB) or binary (KiB, MiB, GiB, TiB); ages have one of s, m, h, d, w.

    Args:
        filters: As given; globs are taken as they are.
        now_s: What ages are counted back from, or None for the time of the call.

    Returns:
        Both kinds. A text that begins like a condition and is none is a ``ConfigError``.
    """
    conditions = [text for text in filters if _LOOKS_LIKE_ONE.match(text)]
    return Filters(
        globs=tuple(text for text in filters if text not in conditions),
        conditions=tuple(_condition(text) for text in conditions),
        now_s=time.time() if now_s is None else now_s,
    )


def _condition(text: str) -> Condition:
    """One condition.

    Raises:
        ConfigError: If its number or unit is missing or unknown.
    """
    match = _CONDITION.match(text)
    field = match["field"].lower() if match else ""
    # Minutes and months would be one letter in two cases.
    unit = match["unit"].lower() if match and field == "size" else match["unit"] if match else ""
    if not match or unit not in _UNITS[field]:
        raise ConfigError(f"--filter {text!r} is no condition; accepted: {ACCEPTED}")
    bound = float(Decimal(match["number"]) * _UNITS[field][unit])
    return Condition(field=field, operator=match["operator"], bound=bound)  # type: ignore[arg-type]
