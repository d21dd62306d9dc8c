"""What the cluster's README names exists: files, jobs, flags, manifests; its commands are read by their own parsers."""

import importlib
import itertools
import re
import shlex
from pathlib import Path

import pytest

from tests.cluster.rendered import CLUSTER, OVERLAYS, only, rendered

ROOT = CLUSTER.parent
README = (CLUSTER / "README.md").read_text()
VALUES = only(rendered("gpu"), "ConfigMap", "gsg-values")["data"]
ALL = [each for overlay in OVERLAYS for each in rendered(overlay, with_mlflow=overlay != "once")]
NAMES = {(each["kind"].lower(), each["metadata"]["name"]) for each in ALL}
MADE_LATER = {
    # By the person who reads this.
    ("secret", "gsg-read"),
    ("secret", "gsg-write"),
    ("secret", "gsg-mlflow-database"),
    ("job", "gsg-score-first"),
    # By KubeRay, of the cluster.
    ("secret", "gsg"),
    ("service", "gsg-head-svc"),
}


def lines():
    """Each line of a block, and each piece in backticks, that is a command."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", README, flags=re.MULTILINE | re.DOTALL)
    pieces = [line.strip() for block in blocks for line in block.splitlines()]
    pieces += [
        " ".join(piece.split()) for piece in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", README, flags=re.S))
    ]
    return sorted({re.sub(r"\s+#.*", "", piece) for piece in pieces if " " in piece})


def commands(first):
    """Commands that begin with a word, behind variables that are set for them and behind kubectl exec."""
    found = []
    for line in lines():
        parts = line.split(" -- ")
        for part in (" -- ".join(parts[start:]) for start in range(len(parts))):
            plain = re.sub(r"^(?:\w+=\S+ )+", "", part).removesuffix(" &")
            if plain.split()[0] == first:
                found.append(plain)
    return sorted(set(found))


def test_commands_of_all_kinds_are_found():
    assert {
        name: len(commands(name)) > least for name, least in {"kubectl": 15, "./gsg": 5, "python": 3, "ray": 5}.items()
    } == {
        "kubectl": True,
        "./gsg": True,
        "python": True,
        "ray": True,
    }


@pytest.mark.parametrize("command", commands("./gsg"))
def test_a_job_takes_its_words(command):
    _, name, *words = shlex.split(command)
    if words == ["--help"]:
        assert (ROOT / "jobs" / f"{name}.py").is_file()
    else:
        parse(name, words)


def parse(name, words):
    app = importlib.import_module(f"jobs.{name}").app
    app.parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("command", commands("python"))
def test_what_python_runs_takes_its_words(command):
    _, file, *words = shlex.split(command)
    name = re.sub(r"^/(app|opt/gsg)/", "", file)
    assert (ROOT / name).is_file()
    if name.startswith("jobs/"):
        parse(Path(name).stem, words)
    else:
        importlib.import_module(name.removesuffix(".py").replace("/", ".")).command_line().parse_args(words)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("command", commands("ray"))
def test_ray_takes_its_words(command):
    from ray.scripts.scripts import cli

    group, (_, name, *words) = cli, shlex.split(command)
    while (entry := group.commands[name]) and hasattr(entry, "commands"):
        group, (name, *words) = entry, words
    context = entry.make_context(name, list(words))
    config = context.params.get("cluster_config_file")
    assert config is None or (ROOT / config).is_file()


OF_OVERLAYS = re.compile(r" -k (\S+)|^kubectl kustomize (\S+)")


@pytest.mark.parametrize("command", [each for each in commands("kubectl") if OF_OVERLAYS.search(each)])
def test_what_is_applied_is_an_overlay(command):
    folder = ROOT / next(filter(None, OF_OVERLAYS.search(command).groups()))
    assert folder.parent == CLUSTER / "overlays"
    assert (folder / "kustomization.yaml").is_file()


SHORT = {"rayclusters": "raycluster", "cronjobs": "cronjob", "jobs": "job", "pods": "pod"}
KINDS = {"raycluster", "rayjob", "cronjob", "job", "pod", "service", "secret", "namespace"}


@pytest.mark.parametrize("command", [each for each in commands("kubectl") if not OF_OVERLAYS.search(each)])
def test_what_kubectl_is_asked_for_is_there(command):
    words = shlex.split(command.split(" -- ")[0].split(" | ")[0])
    if words[:3] == ["kubectl", "create", "namespace"]:
        assert words[3] == only(rendered("gpu"), "Namespace")["metadata"]["name"]
        return
    assert words[1:3] == ["-n", only(rendered("gpu"), "Namespace")["metadata"]["name"]]
    named = [tuple(word.split("/")) for word in words if word.count("/") == 1 and word.split("/")[0] in KINDS]
    named += [tuple(pair) for pair in itertools.pairwise(words) if pair[0] in KINDS and not pair[1].startswith("-")]
    named = [pair for pair in named if pair[1] not in {"generic", "NAME", "POD"}]
    named += [("secret", words[words.index("generic") + 1])] if "generic" in words else []
    for pair in named:
        assert pair in NAMES | MADE_LATER, pair
    for word in words:
        if word.startswith("--from=cronjob/"):
            assert ("cronjob", word.removeprefix("--from=cronjob/")) in NAMES
        if word.startswith("job-name="):
            assert ("rayjob", word.removeprefix("job-name=")) in NAMES
    if "-c" in words and "POD" not in words:
        head = only(rendered("gpu"), "RayCluster")["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]
        assert words[words.index("-c") + 1] == head["name"]


def test_every_path_that_is_named_is_there():
    named = set(re.findall(r"\bcluster/[\w./-]*\w", README))
    named |= {
        f"cluster/{cell}"
        for row in re.findall(r"^\| (`[^|]+`[^|]*) \|", README, flags=re.MULTILINE)
        for cell in re.findall(r"`([\w./-]+)`", row)
    }
    assert len(named) > 12
    # The table of troubles names programs and words too, none of them in its first column.
    missing = sorted(name for name in named if not (ROOT / name).exists() and name != "cluster/OOMKilled")
    assert missing == []


def test_every_overlay_and_every_script_is_named():
    for overlay in OVERLAYS:
        assert f"overlays/{overlay}" in README
    for path in CLUSTER.glob("*.py"):
        assert f"`{path.name}`" in README


def test_every_value_that_is_named_is_one():
    named = set(re.findall(r"`((?:SCAN|TRAIN|PREPARE|MLFLOW|READ|WRITE)_[A-Z_]+)`", README))
    assert named
    assert named <= VALUES.keys()


def test_the_exit_codes_are_those_of_the_readme_above():
    above = (ROOT / "README.md").read_text()
    for code in ("1", "2", "3", "4", "5"):
        assert re.search(rf"^\| {code} \|", above, flags=re.MULTILINE)
    assert "130, 143" in above


def test_the_first_scan_takes_ten_steps():
    part = README.split("## From an empty cluster")[1].split("\n## ")[0]
    assert re.findall(r"^(\d+)\. ", part, flags=re.MULTILINE) == [str(number) for number in range(1, 11)]


def test_the_versions_that_are_named_are_those_that_were_tried():
    from tests.cluster.schemas import KUBERNETES

    assert f"Kubernetes {KUBERNETES.rsplit('.', 1)[0]} and KubeRay" in README
