"""What a user has got wrong is found before anything heavy is loaded."""

import os
import subprocess
import sys

import pytest

from gsgmodel.archive.listing import list_archive
from gsgmodel.errors import ConfigError
from gsgmodel.scan import checks as module
from gsgmodel.scan.checks import check_prepare, check_scan
from gsgmodel.scan.preflight import GIB, Machine
from gsgmodel.scan.settings import PrepareSettings, ScanSettings


@pytest.fixture(autouse=True)
def _small_machine(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(module, "this_machine", lambda: Machine(cores=2, memory_bytes=8 * GIB, num_gpus=0))


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"video")
    return str(path)


def refusal(inputs, **settings):
    with pytest.raises(ConfigError) as caught:
        check_scan(inputs, ScanSettings(**({"model": "untrained"} | settings)))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_scan_that_can_work_passes_and_leaves_nothing_behind(video, tmp_path):
    check_scan([video], ScanSettings(model="untrained", output=str(tmp_path / "results" / "deep")))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_retry_without_the_output_that_holds_the_rows_is_refused(video):
    assert "--retry is set without --output" in refusal([video], retry=("crashed",))


@pytest.mark.parametrize("inputs", [[], ["missing.mp4"]])
def test_inputs_that_are_not_there_are_refused(inputs):
    assert refusal(inputs).startswith(("no input", "input"))


def test_an_output_that_is_a_file_is_refused(video):
    assert "cannot be written" in refusal([video], output=video)


def test_a_dry_run_does_not_ask_to_write(video):
    check_scan([video], ScanSettings(model="untrained", output=video, dry_run=True))


def test_actors_that_do_not_fit_are_refused(video):
    assert "set fewer --prepare-actors" in refusal([video], prepare_actors=100)


@pytest.fixture
def joined(monkeypatch):
    """A cluster of so many nodes, as it looks to who joins it."""

    def join(num_nodes):
        monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
        monkeypatch.setattr("gsgmodel.scan.session.join", lambda: None)
        monkeypatch.setattr("gsgmodel.scan.cluster.num_nodes", lambda: num_nodes)

    return join


def test_a_cluster_is_measured_when_it_has_room_not_here(video, joined):
    joined(1)
    check_scan([video], ScanSettings(model="untrained", prepare_actors=100))


def test_a_local_input_is_refused_on_several_nodes(video, joined):
    joined(3)
    assert "is local, and the cluster has 3 nodes" in refusal([video])


def test_a_submitted_job_with_a_relative_output_is_refused_before_the_cluster_is_asked(video, monkeypatch):
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", '{"metadata": {"job_submission_id": "nightly"}}')
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    assert "--output is 'results'" in refusal([video], output="results")


def test_neither_ray_nor_torch_is_loaded_for_it():
    code = "import sys, gsgmodel.scan.checks; print([name for name in ('ray', 'torch', 'av') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": "."}
    )
    assert done.stdout.strip() == "[]"


def test_a_folder_without_a_video_is_refused_with_what_is_there(tmp_path):
    for name in ("a.txt", "b.jpg", "c.txt"):
        (tmp_path / name).write_text("no video")
    text = refusal([str(tmp_path)])
    assert text == "no videos among the inputs: suffix 3 (.txt 2, .jpg 1); --filter '*' takes every file"
    check_scan([str(tmp_path)], ScanSettings(model="untrained", filter=("*.txt",)))


def test_the_listing_is_read_no_further_than_the_first_candidate(video, monkeypatch):
    def listed(*_args, **_kwargs):
        yield from list_archive([video])
        raise AssertionError("read on")

    monkeypatch.setattr(module, "list_archive", listed)
    check_scan([video], ScanSettings(model="untrained"))


def test_an_s3_scan_that_can_work_passes_without_a_word_and_leaves_nothing_behind(s3, s3_environment, bucket):
    s3.put_object(Bucket=bucket, Key="in/a.mp4", Body=b"video")
    settings = ScanSettings(model="untrained", output=f"s3://{bucket}/out", s3_endpoint=s3_environment)
    assert check_scan([f"s3://{bucket}/in/"], settings) == []
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["in/a.mp4"]


def test_a_store_that_ignores_preconditions_is_found_and_said(video, monkeypatch):
    monkeypatch.setattr(module, "check_writable", lambda *_args, **_kwargs: False)
    assert check_scan([video], ScanSettings(model="untrained", output="s3://b/out")) == [module.ONE_WRITER]


def prepare_refusal(inputs, **settings):
    with pytest.raises(ConfigError) as caught:
        check_prepare(inputs, PrepareSettings(**settings))
    return str(caught.value)


def test_a_preparation_that_can_work_passes_and_leaves_nothing_behind(video, tmp_path):
    assert check_prepare([video], PrepareSettings(output=str(tmp_path / "clips" / "deep"))) == []
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_preparation_needs_a_store_that_can_be_written(video, tmp_path):
    assert (
        prepare_refusal([video]) == "--output is not set; accepted: a folder or s3://BUCKET/PREFIX for the clip store"
    )
    assert "cannot be written" in prepare_refusal([video], output=video)
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "shards").write_text("a file")
    assert "cannot be written" in prepare_refusal([video], output=str(tmp_path / "clips"))
    check_prepare([video], PrepareSettings(output=video, dry_run=True))


def test_a_preparation_is_refused_what_a_scan_is(video, tmp_path):
    output = str(tmp_path / "clips")
    assert prepare_refusal([], output=output).startswith("no input")
    assert "set fewer --prepare-actors" in prepare_refusal([video], output=output, prepare_actors=100)


def test_on_several_nodes_neither_videos_nor_clips_may_be_local(video, joined, s3, bucket, s3_environment, tmp_path):
    joined(3)
    assert "input" in prepare_refusal([video], output="s3://bucket/clips")
    s3.put_object(Bucket=bucket, Key="real/a.mp4", Body=b"video")
    local = {"output": str(tmp_path / "clips"), "s3_endpoint": s3_environment}
    assert "--output" in prepare_refusal([f"s3://{bucket}/"], **local)
    on_store = PrepareSettings(output=f"s3://{bucket}/clips", s3_endpoint=s3_environment)
    assert check_prepare([f"s3://{bucket}/real/"], on_store) == []
