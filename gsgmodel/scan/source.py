"""The planned rows as a Ray data set: one row a block, read in order by one task on the driver's node."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import ray
from ray.data import Dataset
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask

from gsgmodel.scan.parts import is_ended, part_paths, plan_schema, planned_rows

Rows: TypeAlias = Dataset
"""Rows on their way through the stages."""


class PlanSource(Datasource):  # type: ignore[misc]
    """Streams a plan, which may still grow. Ray asks for the read tasks twice and may replay one."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._schema = plan_schema(path)
        self._num_rows: int | None = None
        self._size_bytes: int | None = None
        if is_ended(path):
            parts = [pq.read_metadata(part) for part in part_paths(path)]
            groups = [part.row_group(index) for part in parts for index in range(part.num_row_groups)]
            self._num_rows = sum(group.num_rows for group in groups)
            self._size_bytes = sum(group.total_byte_size for group in groups)

    def estimate_inmemory_data_size(self) -> int | None:
        """Bytes of all planned rows; None while there may be more."""
        return self._size_bytes

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: object = None
    ) -> list[ReadTask]:
        """Return the one task that reads the plan, in order: largest video first."""
        del parallelism, data_context
        path = self._path
        metadata = BlockMetadata(
            num_rows=self._num_rows, size_bytes=self._size_bytes, input_files=None, exec_stats=None
        )

        def read() -> Iterator[pa.Table]:
            return planned_rows(path)

        return [ReadTask(read, metadata, schema=self._schema, per_task_row_limit=per_task_row_limit)]


def read_plan(path: Path) -> Rows:
    """Return the planned rows, one a block (``start_ray`` sets the block size that makes it so)."""
    rows: Rows = ray.data.read_datasource(
        PlanSource(path),
        # It does next to nothing, and a cluster's head, where the driver and the plan's file are, may have no core.
        num_cpus=0,
        label_selector={"ray.io/node-id": ray.get_runtime_context().get_node_id()},
        concurrency=1,
        override_num_blocks=1,
    )
    return rows
