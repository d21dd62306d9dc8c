"""The run in MLflow that a table's trainings lie below."""

import pytest

from gsgmodel.evaluation.ablations import ROWS, settings_of_row
from gsgmodel.evaluation.parent import TableRun
from gsgmodel.training.settings import TrainSettings
from tests.scan.test_notify import listening


def test_without_mlflow_there_is_no_run_and_nothing_is_lost(tmp_path):
    run = TableRun.start("table3", TrainSettings(output=str(tmp_path), tracking_uri="none"))
    assert (run.run_id, run.address) == (None, "none")
    assert run.finish(exit_code=0, folder=tmp_path) == []


@pytest.mark.parametrize("answer", [200, 403])
def test_whoever_waits_is_told_of_the_table_alone(tmp_path, answer):
    with listening(answer) as (url, heard):
        settings = TrainSettings(output=str(tmp_path), tracking_uri="none", notify=f"{url}/SECRET")
        lost = TableRun.start("table3", settings).finish(exit_code=1, folder=tmp_path)
    ((_, _, content),) = heard
    assert content["text"] == "table table3 ended with exit code 1 (failed)"
    assert lost == ([] if answer == 200 else [f"{url} was not told of the end: it answered 403"])
    assert settings_of_row(ROWS["table3"][0], settings, output="x").notify is None


def test_an_address_that_does_not_answer_stops_no_table(tmp_path):
    run = TableRun.start("table3", TrainSettings(output=str(tmp_path), tracking_uri="http://127.0.0.1:9"))
    assert run.run_id is None
    assert "MLflow at http://127.0.0.1:9 does not have all of this run" in run.finish(exit_code=1, folder=tmp_path)[0]
