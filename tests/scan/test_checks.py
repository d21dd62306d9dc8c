"""What a user has got wrong is found before anything heavy is loaded."""

import os
import subprocess
import sys

import pytest

from gsgmodel.archive.listing import list_archive
from gsgmodel.errors import ConfigError
from gsgmodel.scan import checks as module
from gsgmodel.scan.checks import check_scan
from gsgmodel.scan.preflight import GIB, Machine
from gsgmodel.scan.settings import ScanSettings


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


def test_a_scan_without_a_model_is_refused(video):
    assert "--model is not set; accepted: a model folder, or untrained" in refusal([video], model=None)


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


def test_a_cluster_is_measured_when_it_is_joined_not_here(video, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    check_scan([video], ScanSettings(model="untrained", prepare_actors=100))


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
