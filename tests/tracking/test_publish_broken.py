"""Registrations that break off: by MLflow, by a full disk, by Ctrl-C. No version is left that lacks a file."""

import os
import signal
import subprocess
import sys
import time
import uuid

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.tracking.publish import Evidence, register_model
from gsgmodel.tracking.registry import resolve_model
from gsgmodel.tracking.store import connect
from gsgmodel.tracking.versions import list_models
from tests.mlflow_server import error_body

pytestmark = pytest.mark.filterwarnings("ignore:.*An input example was not provided")
UPLOAD = "PUT /api/2.0/mlflow-artifacts"
BECOMES_VERSION = "POST /api/2.0/mlflow/model-versions/create"
PATIENCE_S = 120.0


@pytest.fixture
def name():
    return f"model-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def evidence():
    return Evidence(metrics={"test/auc": 0.9}, tags={"gsg.test_auc": "0.9"}, files={"card.md": b"# Card"})


def versions_of(address, name):
    """Versions and aliases of a name, also of one that nobody made."""
    names = [each.name for each in connect(address).search_registered_models(f"name = '{name}'")]
    return [(each.uri, each.aliases) for each in names and list_models(tracking_uri=address, name=name)]


@pytest.mark.parametrize(
    "step",
    [UPLOAD, "POST /api/2.0/mlflow/runs/log-batch", "POST /api/2.0/mlflow/registered-models/create", BECOMES_VERSION],
)
def test_wherever_mlflow_breaks_off_no_version_is_left_and_no_alias_moves(server, proxy, model, name, evidence, step):
    url, how = proxy
    how.only, how.status, how.body = step, 507, error_body("INTERNAL_ERROR")
    with pytest.raises(ConfigError, match=f"model {name} cannot be registered: MLflow at {url}"):
        register_model(model, name=name, alias="challenger", tracking_uri=url, evidence=evidence)
    assert step in {asked[: len(step)] for asked in how.seen}
    assert versions_of(server, name) == []


def test_everything_has_arrived_before_there_is_a_version(server, proxy, model, name, evidence):
    url, how = proxy
    register_model(model, name=name, tracking_uri=url, evidence=evidence)
    uploads = [index for index, asked in enumerate(how.seen) if asked.startswith(UPLOAD)]
    assert {"weights.safetensors", "model.json", "MLmodel", "card.md"} <= {
        how.seen[index].rpartition("/")[2] for index in uploads
    }
    assert max(uploads) < how.seen.index("POST /api/2.0/mlflow/runs/log-batch") < how.seen.index(BECOMES_VERSION)
    assert resolve_model(f"models:/{name}@champion", tracking_uri=server).version == "1"


def test_an_alias_that_does_not_move_leaves_a_whole_version(server, proxy, model, name, evidence):
    url, how = proxy
    register_model(model, name=name, tracking_uri=server, alias="challenger")
    how.only, how.status, how.body = "POST /api/2.0/mlflow/registered-models/alias", 507, error_body("INTERNAL_ERROR")
    with pytest.raises(ConfigError, match=f"models:/{name}/2 does not get the alias challenger: MLflow at {url}"):
        register_model(model, name=name, alias="challenger", tracking_uri=url, evidence=evidence)
    assert versions_of(server, name) == [(f"models:/{name}/2", ()), (f"models:/{name}/1", ("challenger",))]
    assert resolve_model(f"models:/{name}/2", tracking_uri=server).version == "2"


def test_a_run_that_cannot_be_ended_costs_no_model(server, proxy, model, name, evidence):
    url, how = proxy
    how.only, how.status, how.body = "POST /api/2.0/mlflow/runs/update", 507, error_body("INTERNAL_ERROR")
    assert register_model(model, name=name, tracking_uri=url, evidence=evidence) == "1"
    assert versions_of(server, name) == [(f"models:/{name}/1", ("champion",))]


REGISTERS = """
import signal, sys, tempfile
# Whoever runs the tests in the background may have Ctrl-C ignored by all that is started.
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from gsgmodel.errors import ConfigError
from gsgmodel.tracking.publish import register_model
folder, name, address, tempfile.tempdir = sys.argv[1:5]
try:
    register_model(Path(folder), name=name, tracking_uri=address)
except ConfigError as error:
    print(error)
"""


def test_ctrl_c_stays_one_and_leaves_a_failed_run_and_no_version(server, proxy, model, name, tmp_path):
    url, how = proxy
    how.only, how.wait_s = UPLOAD, 3.0
    registers = subprocess.Popen(
        [sys.executable, "-c", REGISTERS, str(model), name, url, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until_s = time.monotonic() + PATIENCE_S
    while not any(asked.startswith(UPLOAD) for asked in how.seen) and time.monotonic() < until_s:
        time.sleep(0.02)
    registers.send_signal(signal.SIGINT)
    # What MLflow has begun to send, it sends.
    how.wait_s = 0.0
    said, _ = registers.communicate(timeout=PATIENCE_S)
    assert registers.returncode == -signal.SIGINT, said
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert versions_of(server, name) == []
    client = connect(server)
    experiment = client.get_experiment_by_name("gsg-models").experiment_id
    (run,) = client.search_runs([experiment], f"attributes.run_name = 'register {name}'")
    assert run.info.status == "FAILED"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path):
    """Registers a model in a process that has a small disk at a folder of ours; skips where none can be mounted."""

    def register(size_kb, model, name, *, address, scratch):
        mount = f'mkdir -p "$0" && mount -t tmpfs -o size={size_kb}k small "$0"'
        if subprocess.run(["unshare", "-rm", "sh", "-c", mount, tmp_path / "disk"], check=False).returncode:
            pytest.skip("needs the right to mount a file system of its own (unshare -rm)")
        look = "print(__import__('gsgmodel.tracking.versions', fromlist=['x']).list_models(tracking_uri=address))"
        shell = f'{mount} && exec "$@"'
        command = ["unshare", "-rm", "sh", "-c", shell, tmp_path / "disk", sys.executable, "-c", REGISTERS + look]
        command += [str(model), name, address, str(scratch)]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ).stdout

    return register


@pytest.mark.parametrize("where", ["of MLflow", "here"])
def test_a_full_disk_is_one_sentence_and_leaves_no_version(small_disk, database, model, name, tmp_path, where):
    # A database takes about 0.9 MB, the model 1.7 MB, and here it lies twice before it is sent.
    size_kb = {"of MLflow": 2500, "here": 3000}[where]
    address = f"sqlite:///{tmp_path}/disk/mlflow.db" if where == "of MLflow" else database
    scratch = tmp_path if where == "of MLflow" else tmp_path / "disk"
    said, left = small_disk(size_kb, model, name, address=address, scratch=scratch).splitlines()
    assert said == (
        f"model {name} cannot be registered: MLflow at {address} does not get it: no space is left on its disk, "
        f"or on that of {scratch}"
    )
    assert left == "[]"
