"""The run in MLflow that a table's trainings lie below."""

from gsgmodel.evaluation.parent import TableRun
from gsgmodel.training.settings import TrainSettings


def test_without_mlflow_there_is_no_run_and_nothing_is_lost(tmp_path):
    run = TableRun.start("table3", TrainSettings(output=str(tmp_path), tracking_uri="none"))
    assert (run.run_id, run.address) == (None, "none")
    assert run.finish(exit_code=0, folder=tmp_path) is None


def test_an_address_that_does_not_answer_stops_no_table(tmp_path):
    run = TableRun.start("table3", TrainSettings(output=str(tmp_path), tracking_uri="http://127.0.0.1:9"))
    assert run.run_id is None
    assert "MLflow at http://127.0.0.1:9 does not have all of this run" in str(run.finish(exit_code=1, folder=tmp_path))
