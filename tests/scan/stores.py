"""Labelled archives and kept rows, for tests of preparations without any video."""

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa

from gsgmodel.archive.listing import list_archive
from gsgmodel.clips.schema import PREPARED
from gsgmodel.scan.labelled import TO_PREPARE
from gsgmodel.scan.parts import planned_rows
from gsgmodel.scan.plan import Plan
from gsgmodel.scan.planner import make_plan
from gsgmodel.scan.rows import KEPT_SCHEMA

COLUMNS = ("path", "label", "identity", "split", "original", "mask")
CLIP = {
    "shard": "a.parquet",
    "row": 0,
    "track_id": 0,
    "start_s": 0.0,
    "end_s": 1.0,
    "time_s": [0.5],
    "boxes_px": [0.0, 0.0, 9.0, 9.0],
    "detected": [True],
}


def write_manifest(folder: Path, *rows: dict[str, str]) -> str:
    """A manifest, and a file of its own size for every path in it that has none."""
    folder.mkdir(exist_ok=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    for size_bytes, row in enumerate(rows, start=1):
        if not (folder / row["path"]).exists() and not row["path"].startswith("gone"):
            (folder / row["path"]).write_bytes(b"x" * size_bytes)
    return str(folder / "labels.csv")


def plan_for(run: Any) -> Plan:
    """What a run would prepare, as the job plans it."""
    archive = list_archive(run.inputs, filters=run.settings.filter, s3_endpoint=run.settings.s3_endpoint)
    return make_plan(
        run.labelled.attach(archive),
        is_done=run.contains,
        limit=run.settings.limit,
        folder=run.plan_folder,
        kind=TO_PREPARE,
    )


def kept_rows(plan: Plan, *, status: str = PREPARED) -> pa.Table:
    """Rows of all planned videos as the second stage makes them."""
    clips = [CLIP] if status == PREPARED else []
    facts = {"status": status, "num_clips": len(clips), "clips": clips, "decoder": "av 1", "notes": []}
    facts |= {"prepare_cpu_s": 0.5, "keep_cpu_s": 0.25}
    rows = [row.to_pylist()[0] | facts for row in planned_rows(plan.path)]
    return pa.Table.from_pylist(rows, schema=KEPT_SCHEMA)


def names_of(plan: Plan) -> set[str]:
    """The planned files."""
    return {row["uri"][0].as_py().rpartition("/")[2] for row in planned_rows(plan.path)}
