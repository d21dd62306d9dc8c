"""Measured groups as people read them: a table on the screen, markdown, and a CSV with every figure."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gsgmodel.evaluation.groups import Group

HEADER = (
    "data set",
    "method",
    "real",
    "fake",
    "scored",
    "AUC",
    "ACC at 0.5",
    "ACC",
    "balanced",
    "majority",
    "EER",
    "frame AUC",
)


def markdown(groups: Sequence[Group]) -> str:
    """A table with the figures that papers give, and the rate of always saying the same beside every accuracy."""
    lines = ["| " + " | ".join(HEADER) + " |", "|" + "---|" * len(HEADER)]
    for group in groups:
        name = " ".join(filter(None, (group.dataset, group.compression))) or "-"
        cells = [
            name,
            group.method,
            str(group.num_real),
            str(group.num_fake),
            f"{group.coverage:.1%}",
            *(_with_interval(group, metric) for metric in ("auc", "accuracy_at_half", "accuracy")),
            *(_text(group.metrics[metric]) for metric in ("balanced_accuracy", "majority_rate", "eer")),
            _text(group.frames["auc"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write_csv(path: Path, groups: Sequence[Group]) -> None:
    """Write every figure, a row a group; what is not defined is empty."""
    write_rows(path, [_flat(group) for group in groups])


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as a CSV, with a column for everything that one of them has."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        out.writeheader()
        out.writerows(rows)


def _flat(group: Group) -> dict[str, str | float | None]:
    row: dict[str, str | float | None] = {
        "dataset": group.dataset,
        "compression": group.compression,
        "method": group.method,
        "num_real": group.num_real,
        "num_fake": group.num_fake,
        "coverage": group.coverage,
    }
    row |= group.metrics
    for name, interval in group.intervals.items():
        row |= {f"{name}_low": interval.low, f"{name}_high": interval.high}
    row |= {f"imputed_{name}": value for name, value in group.imputed.items()}
    return row | {f"frame_{name}": value for name, value in group.frames.items()}


def _with_interval(group: Group, metric: str) -> str:
    interval = group.intervals.get(metric)
    text = _text(group.metrics[metric])
    return f"{text} ({interval.low:.3f} to {interval.high:.3f})" if interval else text


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
