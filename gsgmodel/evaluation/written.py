"""A table's results as people and programs find them: text, a CSV and a picture."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gsgmodel.clips.store import ClipStore
from gsgmodel.evaluation.ablations import Result, flat, markdown
from gsgmodel.evaluation.plots import draw_rows
from gsgmodel.evaluation.tables import write_rows
from gsgmodel.evaluation.trainings import RowTraining
from gsgmodel.model.cost import network_costs, temporal_costs

OF_SETS = ("table1", "table2")
"""Tables whose rows are data sets, each with a figure of the paper."""


def write_table(
    table: str,
    results: Sequence[Result],
    trainings: Sequence[Sequence[RowTraining]],
    folder: Path,
    *,
    data: str,
    as_json: bool = False,
) -> str:
    """Write a table and return its text, or its figures as one line of JSON.

    Args:
        table: Its command, which the files are called after.
        results: Of its rows.
        trainings: Of its rows.
        folder: Is there.
        data: What was measured on.
        as_json: Whether a program reads it.
    """
    is_of_sets = table in OF_SETS
    if table == "temporal":
        num_frames = ClipStore.open(trainings[0][0].store_uri).preparation.frames_per_clip
        costs = temporal_costs([own[0].settings.architecture for own in trainings], num_frames=num_frames)
        results = [replace(result, cost=cost) for result, cost in zip(results, costs, strict=True)]
    if results[0].row.model is not None:
        results = with_network_costs(results, trainings)
    if len({tuple(figure.method for figure in result.figures) for result in results}) > 1:
        # Rows are of data sets that have methods of their own.
        results = [replace(result, figures=result.figures[:1]) for result in results]
    text = markdown(results, data=data, paper_data="" if is_of_sets else " on Celeb-DF")
    (folder / f"{table}.md").write_text(text)
    rows = flat(results)
    write_rows(folder / f"{table}.csv", rows)
    draw_rows(folder / f"{table}.png", results, title=f"{table} on {data}")
    return f"{json.dumps(rows)}\n" if as_json else text


def with_network_costs(results: Sequence[Result], trainings: Sequence[Sequence[RowTraining]]) -> list[Result]:
    """Return results with what their whole networks cost, each system's measured once and all in turn.

    Args:
        results: Of rows that are of systems.
        trainings: Of these systems.
    """
    first = {own[0].settings.model: own[0] for own in reversed(trainings)}
    names = list(dict.fromkeys(result.row.model for result in results if result.row.model))
    crops = [ClipStore.open(first[name].store_uri).preparation for name in names]
    costs = network_costs([first[name].settings.network for name in names], crops)
    by_name = dict(zip(names, costs, strict=True))
    return [replace(result, cost=by_name[result.row.model or names[0]]) for result in results]
