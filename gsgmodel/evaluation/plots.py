"""A table as a picture: how well each row tells each method of forgery, every seed a dot."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure as Canvas

from gsgmodel.evaluation.ablations import Result
from gsgmodel.evaluation.robustness import Outcome

CHANCE = 0.5


def draw_rows(path: Path, results: Sequence[Result], *, title: str) -> None:
    """Draw the area under the curve of each row, a panel a method of forgery.

    Args:
        path: Of the PNG file.
        results: Of a table's rows, each with the same methods.
        title: Above all.
    """
    methods = [figure.method for figure in results[0].figures]
    canvas = Canvas(figsize=(2.6 * len(methods) + 1.6, 0.36 * len(results) + 1.4), layout="constrained")
    panels = np.atleast_1d(canvas.subplots(1, len(methods), sharex=True, sharey=True))
    heights = np.arange(len(results))[::-1]
    for place, (method, panel) in enumerate(zip(methods, panels, strict=True)):
        for height, result in zip(heights, results, strict=True):
            figure = result.figures[place]
            seeds = [area for area in figure.auc_by_seed if area is not None]
            panel.plot(seeds, [height] * len(seeds), "o", color="tab:blue", alpha=0.35, markersize=4)
            if figure.auc is not None and figure.auc_interval is not None:
                low, high = figure.auc_interval.low, figure.auc_interval.high
                panel.plot([low, high], [height] * 2, color="black", linewidth=1)
                panel.plot([figure.auc], [height], "|", color="black", markersize=11)
        panel.axvline(CHANCE, color="grey", linewidth=0.8, linestyle=":")
        panel.set_title(method, fontsize=10)
        panel.set_xlabel("AUC")
    panels[0].set_yticks(heights, [result.row.name for result in results])
    canvas.suptitle(f"{title}: mean, interval over people, seeds", fontsize=10)
    canvas.savefig(path, dpi=120)


def draw_levels(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Draw the area under the curve of each type of perturbation over its levels, level 0 being the videos as they are.

    Args:
        path: Of the PNG file.
        outcomes: Of all trials, the untouched videos first.
    """
    canvas = Canvas(figsize=(7, 4.5), layout="constrained")
    panel = canvas.subplots()
    start = outcomes[0].auc
    for kind in dict.fromkeys(each.trial.kind for each in outcomes if each.trial.kind):
        own = [each for each in outcomes if each.trial.kind == kind]
        levels, areas = [0, *(each.trial.level for each in own)], [start, *(each.auc for each in own)]
        known = [(level, area) for level, area in zip(levels, areas, strict=True) if area is not None]
        panel.plot([level for level, _ in known], [area for _, area in known], marker="o", markersize=4, label=kind)
    panel.axhline(CHANCE, color="grey", linewidth=0.8, linestyle=":")
    panel.set_xlabel("level")
    panel.set_ylabel("AUC")
    panel.legend(fontsize=8, ncols=2)
    canvas.savefig(path, dpi=120)
