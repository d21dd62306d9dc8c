"""The systems of Tables 1 and 2 as rows: what the paper has of each, and how each is built for a clip store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.ablations import Row
from gsgmodel.model.systems import NAMES, find_system

ALL = "all"
INTRA: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        name: dict(zip(("ff++-lq", "ff++-hq", "dfdc", "celeb-df"), figures, strict=True))
        for name, figures in {
            "gsg": (83.53, 95.33, 97.67, 99.18),
            "mesonet": (68.13, 81.80, 89.33, 86.93),
            "xception": (81.73, 91.67, 94.83, 94.59),
            "facexray": (69.47, 86.53, 96.83, 97.97),
            "lipforensics": (81.67, 93.93, 97.33, 98.56),
            "madd": (82.80, 94.00, 97.50, 98.11),
            "patch": (81.27, 94.07, 97.17, 97.32),
            "rnns": (81.93, 93.80, 97.33, 97.13),
            "twobranch": (82.20, 93.87, 97.50, 98.20),
        }.items()
    }
)
"""Accuracy in percent, trained and tested on each data set (Table 1 of the paper)."""
CROSS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        name: dict(zip(("celeb-df", "dfdc"), figures, strict=True))
        for name, figures in {
            "gsg": (88.83, 69.25),
            "mesonet": (57.80, 53.80),
            "xception": (69.67, 63.35),
            "facexray": (79.57, 62.90),
            "lipforensics": (81.58, 67.10),
            "madd": (72.18, 64.70),
            "patch": (79.49, 65.65),
            "rnns": (74.80, 62.75),
            "twobranch": (79.32, 66.50),
            "ftcn": (83.58, 68.80),
        }.items()
    }
)
"""Accuracy in percent, trained on FF++ (Table 2 of the paper)."""


def chosen_models(text: str) -> tuple[str, ...]:
    """Return the names of systems.

    >>> chosen_models("gsg,mesonet")
    ('gsg', 'mesonet')

    Args:
        text: Names with commas, or ``all``.

    Raises:
        ConfigError: One is not there, or comes twice.
    """
    names = NAMES if text == ALL else tuple(text.split(","))
    if not names or set(names) - set(NAMES) or len(set(names)) < len(names):
        raise ConfigError(f"--models is {text!r}; accepted: all, or with commas, each once: {', '.join(NAMES)}")
    return names


def rows_of(
    pairs: Sequence[tuple[Row, str]],
    models: Sequence[str],
    *,
    paper: Mapping[str, Mapping[str, float]],
    is_small: bool = False,
) -> list[tuple[Row, str]]:
    """Return a row and its clip store of each system and data set, system by system.

    Args:
        pairs: A row named after each data set, and its clip store; ``{model}`` in it stands for the system's name, for
            stores of the crops that a system was published with.
        models: Names of systems.
        paper: What the paper has of each system and data set.
        is_small: Whether systems are built so that they train on a CPU within minutes.
    """
    rows = []
    for name in models:
        system = find_system(name)
        for row, store in pairs:
            changed = replace(
                row,
                name=f"{system.title}, {row.name}",
                model=name,
                options=system.small if is_small else {},
                paper=paper.get(name, {}).get(row.name),
            )
            rows.append((changed, store.replace("{model}", name)))
    return rows
