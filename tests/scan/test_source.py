"""The plan as a source of rows: Ray may ask for its task twice and run it again."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gsgmodel.scan.parts import planned_rows
from gsgmodel.scan.plan import PLAN_SCHEMA
from gsgmodel.scan.source import PlanSource


@pytest.fixture
def source(plan_of):
    return PlanSource(plan_of(5).path)


def test_one_task_yields_the_plans_rows_one_at_a_time_in_order(source, plan_of):
    (task,) = source.get_read_tasks(parallelism=200)
    blocks = list(task())
    assert [block.num_rows for block in blocks] == [1] * 5
    assert pa.concat_tables(blocks).equals(pa.concat_tables(planned_rows(plan_of(5).path)))


def test_a_task_can_be_asked_for_and_run_again(source):
    first, second = (source.get_read_tasks(parallelism=1)[0] for _ in range(2))
    rows = [pa.concat_tables(task()).to_pylist() for task in (first, first, second)]
    assert rows[0] == rows[1] == rows[2]


def test_ray_is_told_how_much_there_is_before_it_reads(source):
    (task,) = source.get_read_tasks(parallelism=1)
    assert task.metadata.num_rows == 5
    assert task.schema.equals(PLAN_SCHEMA)
    assert source.estimate_inmemory_data_size() == task.metadata.size_bytes > 0


def test_a_plan_with_more_columns_says_so(tmp_path):
    schema = pa.schema([*PLAN_SCHEMA, pa.field("mask", pa.struct([("uri", pa.string())]))])
    pq.write_table(schema.empty_table(), tmp_path / "plan.parquet")
    (task,) = PlanSource(tmp_path / "plan.parquet").get_read_tasks(parallelism=1)
    assert task.schema.equals(schema)


def test_an_empty_plan_yields_nothing(plan_of, tmp_path):
    (task,) = PlanSource(plan_of(0, folder=tmp_path / "empty").path).get_read_tasks(parallelism=1)
    assert list(task()) == []
