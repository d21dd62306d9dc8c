"""The files of a run."""

import json
import tomllib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.errors import OutputError, Status
from gsgmodel.results.runs import RunFolder, new_run_id, to_toml
from gsgmodel.results.schema import UNFINISHED
from tests.faults import ACCESS_DENIED, faulty

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = TEXTS | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
TABLES = st.recursive(
    st.dictionaries(TEXTS, VALUES, max_size=4),
    lambda inner: st.dictionaries(TEXTS, VALUES | inner, max_size=4),
    max_leaves=6,
)


@settings(deadline=None)
@given(table=TABLES)
def test_settings_are_read_back_as_they_were(table):
    assert tomllib.loads(to_toml(table)) == table


def test_settings_read_as_a_person_would_write_them():
    text = to_toml(
        {
            "input": ["a.mp4", Path("/b c")],
            "limit": None,
            "retry": {Status.TIMEOUT, Status.CRASHED},
            "prepare": {"window_s": 60.0, "faces": "all", "odd key": True},
        }
    )
    assert text == (
        'input = ["a.mp4", "/b c"]\nretry = ["crashed", "timeout"]\n'
        '\n[prepare]\nwindow_s = 60.0\nfaces = "all"\n"odd key" = true\n'
    )


def test_names_that_are_not_text_do_not_break_the_settings():
    assert tomllib.loads(to_toml({"input": "a\udcff"})) == {"input": "a\ufffd"}


def test_a_value_without_a_form_is_a_bug():
    with pytest.raises(TypeError, match="no form in TOML"):
        to_toml({"a": object()})


def test_run_ids_sort_by_time_and_differ():
    early = datetime(2026, 11, 24, 23, 59, 59, tzinfo=timezone(timedelta(hours=-1)))
    late = datetime(2026, 11, 25, 1, 0, 0, tzinfo=UTC)
    assert new_run_id(early).startswith("20261125T005959Z-")
    assert new_run_id(early) < new_run_id(late)
    assert len({new_run_id(late) for _ in range(100)}) == 100


RUN_ID = "20261124T063301Z-1a2b3c4d"


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    return RunFolder.create(str(tmp_path / "out"), RUN_ID)


@pytest.fixture
def anywhere(output) -> RunFolder:
    return RunFolder.create(output.uri, RUN_ID, s3_endpoint=output.s3_endpoint)


def read(run, name):
    return run.place.files.open_input_file(run.place.file_path(name)).read()


def test_a_run_has_its_files_where_they_are_published(folder, tmp_path):
    top = tmp_path / "out" / "runs" / "20261124T063301Z-1a2b3c4d"
    folder.write_settings({"a": 1})
    folder.write_summary({"exit_code": 0})
    folder.write_unfinished(UNFINISHED.empty_table())
    assert folder.plan_path == top / "plan"
    assert sorted(str(path.relative_to(top)) for path in top.rglob("*")) == [
        "plan",
        "settings.toml",
        "summary.json",
        "unfinished.parquet",
    ]
    assert tomllib.loads(folder.settings_path.read_text()) == {"a": 1}
    assert json.loads(folder.summary_path.read_text()) == {"exit_code": 0}
    assert pq.read_schema(folder.unfinished_path).equals(UNFINISHED)


def test_a_run_is_never_two(folder, tmp_path):
    with pytest.raises(OutputError, match="File exists"):
        RunFolder.create(str(tmp_path / "out"), folder.path.name)


def test_a_summary_is_written_over_and_a_failed_one_leaves_the_old(folder):
    folder.write_summary({"exit_code": 1})
    folder.write_summary({"exit_code": 0})
    with pytest.raises(ValueError, match="Out of range"):
        folder.write_summary({"rate": float("nan")})
    assert json.loads(folder.summary_path.read_text()) == {"exit_code": 0}


def test_unfinished_rows_have_their_own_columns(folder):
    with pytest.raises(ValueError, match="unfinished"):
        folder.write_unfinished(pa.table({"uri": ["a"]}))
    assert not folder.unfinished_path.exists()


def test_a_partial_file_is_never_left(folder):
    (folder.summary_path).mkdir()
    with pytest.raises(OutputError, match="Is a directory"):
        folder.write_summary({})
    assert sorted(path.name for path in folder.path.iterdir()) == ["plan", "summary.json"]


def test_a_run_is_written_wherever_results_go(anywhere, output):
    assert anywhere.uri == f"{output.uri}/runs/{RUN_ID}"
    assert not anywhere.has_summary
    anywhere.write_settings({"a": "\u00e9"})
    anywhere.write_summary({"exit_code": 1})
    anywhere.write_summary({"exit_code": 0})
    anywhere.write_unfinished(UNFINISHED.empty_table())
    assert anywhere.has_summary
    assert tomllib.loads(read(anywhere, "settings.toml").decode()) == {"a": "\u00e9"}
    assert json.loads(read(anywhere, "summary.json")) == {"exit_code": 0}
    assert pq.read_schema(pa.BufferReader(read(anywhere, "unfinished.parquet"))).equals(UNFINISHED)
    with pytest.raises(OutputError, match="results cannot be written to"):
        RunFolder.create(output.uri, RUN_ID, s3_endpoint=output.s3_endpoint)


def test_a_plan_is_kept_beside_its_run(anywhere, tmp_path):
    path = (anywhere.plan_path or tmp_path) / "part-0.parquet"
    path.write_bytes(b"plan")
    assert anywhere.keep_plan(path) == f"{anywhere.uri}/plan/part-0.parquet"
    assert read(anywhere, "plan/part-0.parquet") == b"plan"


def test_a_run_on_s3_has_no_local_paths(s3_output):
    run = RunFolder.create(s3_output.uri, RUN_ID, s3_endpoint=s3_output.s3_endpoint)
    assert run.plan_path is None
    with pytest.raises(TypeError, match="not on the local disk"):
        run.summary_path.exists()


def test_a_store_that_fails_is_one_sentence(bucket, s3_server, tmp_path):
    with faulty(s3_server) as proxy:
        run = RunFolder.create(f"s3://{bucket}", RUN_ID, s3_endpoint=proxy.url)
        proxy.add(ACCESS_DENIED)
        (tmp_path / "part").write_bytes(b"x")
        for act in (lambda: run.write_summary({}), lambda: run.has_summary, lambda: run.keep_plan(tmp_path / "part")):
            with pytest.raises(OutputError, match=r"results cannot be written to 's3://.*/runs/.*: Access Denied"):
                act()


def test_settings_never_hold_credentials(folder, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-environment")
    folder.write_settings(
        {
            "input": ["https://store/a.mp4?X-Amz-Signature=0f3b&part=1", "b.mp4"],
            "tracking": {"tracking_uri": "http://me:hunter2@mlflow:5000", "note": "a-secret-of-the-environment"},
        }
    )
    assert tomllib.loads(folder.settings_path.read_text()) == {
        "input": ["https://store/a.mp4?X-Amz-Signature=[hidden]&part=1", "b.mp4"],
        "tracking": {"tracking_uri": "http://[hidden]@mlflow:5000", "note": "[hidden]"},
    }


def test_a_full_disk_is_one_sentence_and_leaves_no_partial_file(run_on_small_disk):
    code = """
import sys
from pathlib import Path
from gsgmodel.errors import OutputError
from gsgmodel.results.runs import RunFolder
folder = RunFolder.create(sys.argv[1], "r")
folder.write_summary({"exit_code": 0})
try:
    folder.write_summary({"text": "x" * 200_000})
except OutputError as error:
    print(error)
print(folder.summary_path.read_text().split(), sorted(path.name for path in folder.path.iterdir()))
"""
    first, second = run_on_small_disk(code, 100).splitlines()
    assert first.endswith("summary.json': No space left on device")
    assert second == """['{', '"exit_code":', '0', '}'] ['plan', 'summary.json']"""
