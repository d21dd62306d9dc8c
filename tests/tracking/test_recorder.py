"""What MLflow is told of one run, against a real server and a database."""

from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from gsgmodel.tracking.messages import beginning_of, end_of, point_of
from gsgmodel.tracking.recorder import Recorder
from gsgmodel.tracking.store import connect

SETTINGS = {"input": ["a.mp4"], "output": "results", "limit": None, "identity": {"run_id": "R1", "scoring_id": "S"}}


@pytest.fixture(params=["server", "database"])
def address(request):
    return request.getfixturevalue(request.param)


def only_run(address, experiment):
    client = connect(address)
    (run,) = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return client, run


def test_a_run_has_parameters_curves_tags_and_files(address, tmp_path):
    begun = beginning_of(SETTINGS, experiment="whole")
    recorder = Recorder(address, begun)
    recorder.take(begun)
    _, run = only_run(address, "whole")
    assert run.info.status == "RUNNING"
    for step in range(3):
        recorder.take(point_of({"videos": step * 10}, step=step))
    summary = {"exit_code": 0, "by_status": {"scored": 20}, "reason": "done"}
    recorder.take(end_of(summary, {"more.txt": b"more"}, failed=False))
    client, run = only_run(address, "whole")
    assert (run.info.status, run.info.run_name) == ("FINISHED", "R1")
    assert run.info.start_time == begun.time_ms
    assert run.data.params == {"input": '["a.mp4"]', "output": "results", "limit": "null"}
    assert run.data.metrics == {"exit_code": 0.0, "by_status/scored": 20.0, "videos": 20.0}
    assert {"scoring_id": "S", "reason": "done", "output": "results"}.items() <= run.data.tags.items()
    curve = client.get_metric_history(run.info.run_id, "videos")
    assert [(point.step, point.value) for point in curve] == [(0, 0.0), (1, 10.0), (2, 20.0)]
    names = [item.path for item in client.list_artifacts(run.info.run_id)]
    assert names == ["more.txt", "settings.json", "summary.json"]
    fetched = client.download_artifacts(run.info.run_id, "more.txt", str(tmp_path))
    assert Path(fetched).read_bytes() == b"more"


def test_what_failed_at_the_beginning_is_tried_again(proxy):
    url, how = proxy
    begun = beginning_of(SETTINGS, experiment="again")
    recorder = Recorder(url, begun)
    how.status = 501
    with pytest.raises(MlflowException):
        recorder.take(begun)
    how.only = "PUT"
    with pytest.raises(Exception, match="501"):
        recorder.take(begun)
    how.status = 0
    recorder.take(end_of({"exit_code": 0}, {}, failed=False))
    client, run = only_run(url, "again")
    assert run.info.status == "FINISHED"
    assert [item.path for item in client.list_artifacts(run.info.run_id)] == ["settings.json", "summary.json"]


def test_a_run_has_ended_even_if_its_files_did_not_arrive(proxy):
    url, how = proxy
    begun = beginning_of(SETTINGS, experiment="without files")
    recorder = Recorder(url, begun)
    recorder.take(begun)
    how.only, how.status = "PUT", 501
    with pytest.raises(Exception, match="501"):
        recorder.take(end_of({"exit_code": 1}, {}, failed=True))
    assert only_run(url, "without files")[1].info.status == "FAILED"


def test_no_name_of_a_number_keeps_the_others_from_arriving(address):
    begun = beginning_of(SETTINGS, experiment="odd names")
    odd = {f".{name}": 1 for name in ("mp4~", "\u00e4", "a/b", "", ".", "/", "x" * 300, "a\nb", "a%20b")}
    end = end_of({"wall_s": 2.0, "left_out_suffixes": odd}, {}, failed=False)
    Recorder(address, begun).take(end)
    assert only_run(address, "odd names")[1].data.metrics["wall_s"] == 2.0
