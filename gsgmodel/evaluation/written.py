"""A table's results as people and programs find them: text, a CSV and a picture."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gsgmodel.clips.store import ClipStore
from gsgmodel.evaluation.ablations import Result, flat, markdown, with_costs
from gsgmodel.evaluation.plots import draw_rows
from gsgmodel.evaluation.tables import write_rows
from gsgmodel.evaluation.trainings import RowTraining

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
        results = with_costs(results, [own[0].settings.architecture for own in trainings], num_frames=num_frames)
    if is_of_sets:
        # Each row is of another data set, with methods of its own.
        results = [replace(result, figures=result.figures[:1]) for result in results]
    text = markdown(results, data=data, paper_data="" if is_of_sets else " on Celeb-DF")
    (folder / f"{table}.md").write_text(text)
    rows = flat(results)
    write_rows(folder / f"{table}.csv", rows)
    draw_rows(folder / f"{table}.png", results, title=f"{table} on {data}")
    return f"{json.dumps(rows)}\n" if as_json else text
