"""Actors that sleep in place of working; apart, so that their processes load none of what the real ones need."""

import time
from typing import Any

import pyarrow as pa
import ray


class SleepPrepare:
    """Passes the gate, sleeps, and answers with crops that are always the same."""

    def __init__(self, *, gate: Any, template: pa.Table, cost_s: float) -> None:
        self._gate, self._template, self._cost_s = gate, template, cost_s

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Prepare one video."""
        ray.get(self._gate.enter.remote(batch["video_id"][0].as_py()))
        time.sleep(self._cost_s)
        row = self._template
        for place, name in enumerate(batch.column_names):
            row = row.set_column(place, batch.schema.field(name), batch[name])
        return row


class SleepScore:
    """Sleeps, and answers without crops."""

    def __init__(self, *, schema: pa.Schema, large: tuple[str, ...], cost_s: float) -> None:
        self._schema, self._large, self._cost_s = schema, large, cost_s

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Score a few videos."""
        time.sleep(self._cost_s * batch.num_rows)
        rows = batch.drop_columns([*self._large, "clips"]).to_pylist()
        found = {"status": "scored", "score": 0.5, "num_clips": 1, "num_faces": 1, "score_cpu_s": self._cost_s}
        return pa.Table.from_pylist([row | found for row in rows], schema=self._schema)
